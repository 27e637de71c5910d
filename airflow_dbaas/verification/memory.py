"""What an earlier try has found equal, so that a retry need not read it all again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict

_SECONDS_BETWEEN_SAVES = 10.0


class Equal(TypedDict):
    """A table that was found equal.

    :param source: the fingerprint of its rows at the source.
    :param target: the same in the target.
    :param rows: their number.
    :param rule: how they were compared.
    """

    source: str
    target: str
    rows: int
    rule: str


@dataclass
class Memory:
    """Tables that were found equal, by database and name.

    :param found: what is known from earlier.
    :param save: keeps it; None: nothing is kept.
    """

    found: dict[str, dict[str, Equal]] = field(default_factory=dict)
    save: Callable[[dict[str, dict[str, Equal]]], None] | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._saved = time.monotonic()

    def of(self, database: str, rule: str) -> dict[str, Equal]:
        """The tables of a database that are known to have been equal by the same rule."""
        return {name: equal for name, equal in self.found.get(database, {}).items() if equal["rule"] == rule}

    def note(self, database: str, table: str, equal: Equal) -> None:
        """Note that a table is equal."""
        if self.save is None:
            return
        with self._lock:
            self.found.setdefault(database, {})[table] = equal
            if time.monotonic() - self._saved < _SECONDS_BETWEEN_SAVES:
                return
            self._saved = time.monotonic()
            self.save(self.found)

    def forget(self, database: str, table: str) -> None:
        """A table is not equal any more."""
        with self._lock:
            self.found.get(database, {}).pop(table, None)

    def flush(self) -> None:
        """Keep all that is known by now."""
        if self.save is not None and self.found:
            with self._lock:
                self.save(self.found)
