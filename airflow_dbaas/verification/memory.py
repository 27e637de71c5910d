"""What an earlier try has found equal, so that a retry need not read it all again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict


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
        self._changed = False

    def of(self, database: str, rule: str) -> dict[str, Equal]:
        """The tables of a database that are known to have been equal by the same rule."""
        return {name: equal for name, equal in self.found.get(database, {}).items() if equal["rule"] == rule}

    def note(self, database: str, table: str, equal: Equal) -> None:
        """Note that a table is equal."""
        with self._lock:
            self.found.setdefault(database, {})[table] = equal
            self._changed = True

    def forget(self, database: str, table: str) -> None:
        """A table is not equal any more."""
        with self._lock:
            self._changed |= self.found.get(database, {}).pop(table, None) is not None

    def flush(self) -> None:
        """Keep what is known by now, if there is something new. Called by the thread that runs the comparison."""
        if self.save is None or not self._changed:
            return
        with self._lock:
            self._changed = False
            found = {database: dict(tables) for database, tables in self.found.items()}
        self.save(found)
