"""The log that a server writes itself, entry by entry."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from airflow_dbaas.emulator.logs import Entry, next_stamp


class LogFile(ABC):
    """The entries in a server's log file. Stores their positions, not their content."""

    def __init__(self, path: Path, unit: str, secrets: Callable[[], Iterable[str]]) -> None:
        """Read ``path``, which may not exist yet.

        :param unit: the unit of the entries.
        :param secrets: gives texts that no entry may show.
        """
        self.unit = unit
        self._path = path
        self._secrets = secrets
        self._lock = threading.Lock()
        self._stamps = array("q")
        self._starts = array("q")
        self._end = 0
        """The position up to which the file was read: the end of a line."""

    @abstractmethod
    def begins(self, line: bytes) -> datetime | None:
        """Time of the entry that begins with this line; None if the line belongs to the one before.

        Called with every line once, in order.
        """

    @abstractmethod
    def read(self, text: bytes) -> Entry:
        """The entry in these lines, without possible passwords."""

    def stamps(self) -> Sequence[int]:
        """Stamps of all entries so far, rising."""
        with self._lock:
            self._look()
            return self._stamps[:]

    def entries(self, first: int, last: int) -> list[Entry]:
        """Entries number ``first`` to ``last``, that one excluded."""
        with self._lock:
            bounds = [*self._starts[first : last + 1], self._end][: last - first + 1]
        # Copied at once: this runs in a thread, and the users may change meanwhile.
        secrets = [secret for secret in tuple(self._secrets()) if secret]
        with self._path.open("rb") as file:
            file.seek(bounds[0])
            text = file.read(bounds[-1] - bounds[0])
        return [
            _without(self.read(text[start - bounds[0] : end - bounds[0]]), secrets) for start, end in pairwise(bounds)
        ]

    def _look(self) -> None:
        """Find the entries that were written since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._end)
                new = file.read()
        except FileNotFoundError:
            return
        if not new.endswith(b"\n"):
            # An incomplete report. The next call finds it complete: its end shows what to hide.
            return
        for line in new.split(b"\n")[:-1]:
            time = self.begins(line)
            if time is not None:
                self._stamps.append(next_stamp(time, self._stamps))
                self._starts.append(self._end)
            self._end += len(line) + 1


def _without(entry: Entry, secrets: Iterable[str]) -> Entry:
    message = entry.message
    for secret in secrets:
        message = message.replace(secret, "***")
    return Entry(entry.time, message)
