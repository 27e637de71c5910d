"""The log that a PostgreSQL server writes itself, entry by entry.

An entry is one report of the server: its line and those that belong to it (detail, hint, statement). The server
writes a report at once, begins each of its lines with ``log_line_prefix`` and what goes on over a line break with
a tab, so nothing in a statement can be taken for another entry.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from airflow_dbaas.emulator.logs import Entry, next_stamp

LINE_PREFIX = "%m [%p] "
"""``log_line_prefix`` of a server whose log is read: time to the millisecond, process."""

_LINE = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) [A-Z]+ \[(\d+)\] (.*)", re.DOTALL)
_BELONGS = re.compile(rb"(DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE):  ")
# Parts of a report that quote what a client sent.
_QUOTING = ("QUERY:", "CONTEXT:", "STATEMENT:", "DETAIL:")
# A statement like this may hold a password. The whole of it is hidden, for where the password stands in one that
# was refused cannot be told; so is what the server quotes of it.
_SECRETIVE = re.compile(
    r"passw|://|scram-sha-256\$|\b(create|alter)\s+(role|user|group|server|subscription|foreign)\b", re.IGNORECASE
)
# Up to the last quote: what is quoted may hold quotes itself.
_QUOTED = re.compile(r'".*"', re.DOTALL)


class ServerLog:
    """The entries in a server's log file. Keeps where they are, not what they say."""

    def __init__(self, path: Path, unit: str, secrets: Callable[[], Iterable[str]]) -> None:
        """Read ``path``, which may not exist yet.

        :param unit: what the entries are said to be of.
        :param secrets: gives texts that no entry may show.
        """
        self.unit = unit
        self._path = path
        self._secrets = secrets
        self._lock = threading.Lock()
        self._stamps = array("q")
        self._starts = array("q")
        self._end = 0
        """Up to where the file was looked through: the end of a line."""
        self._last: tuple[bytes, bytes] | None = None
        """Time and process of the last line."""

    def stamps(self) -> Sequence[int]:
        """Stamps of all entries so far, rising."""
        with self._lock:
            self._look()
            return self._stamps[:]

    def entries(self, first: int, last: int) -> list[Entry]:
        """Entries number ``first`` to ``last``, that one excluded."""
        with self._lock:
            bounds = [*self._starts[first : last + 1], self._end][: last - first + 1]
        # Taken at once: this is a thread, and the users may change meanwhile.
        secrets = [secret for secret in tuple(self._secrets()) if secret]
        with self._path.open("rb") as file:
            file.seek(bounds[0])
            text = file.read(bounds[-1] - bounds[0])
        return [_entry(text[start - bounds[0] : end - bounds[0]], secrets) for start, end in pairwise(bounds)]

    def _look(self) -> None:
        """Find the entries that were written since the last look."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._end)
                new = file.read()
        except FileNotFoundError:
            return
        if not new.endswith(b"\n"):
            # A report is half written. The next look finds it whole: what to hide of it shows at its end.
            return
        for line in new.split(b"\n")[:-1]:
            self._note(line)
            self._end += len(line) + 1

    def _note(self, line: bytes) -> None:
        match = _LINE.match(line)
        if match is None:
            return
        time, process, said = match.groups()
        if _BELONGS.match(said) and (time, process) == self._last:
            return
        self._last = time, process
        self._stamps.append(next_stamp(_time(time), self._stamps))
        self._starts.append(self._end)


def _time(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode()).replace(tzinfo=UTC)


def _entry(text: bytes, secrets: Iterable[str]) -> Entry:
    parts: list[bytes] = []
    time = process = b""
    for line in text.split(b"\n")[:-1]:
        match = _LINE.match(line)
        if match is None:
            parts[-1] += b"\n" + line
        else:
            time, process, said = match.groups()
            parts.append(said)
    message = _without_passwords([part.decode(errors="replace") for part in parts])
    for secret in secrets:
        message = message.replace(secret, "***")
    return Entry(_time(time), f"[{process.decode()}] {message}")


def _without_passwords(parts: list[str]) -> str:
    quoting = [part.startswith(_QUOTING) for part in parts]
    if any(quotes and _SECRETIVE.search(part) for quotes, part in zip(quoting, parts, strict=True)):
        parts = [
            f"{part.partition(':')[0]}:  (hidden, it may hold a password)" if quotes else _QUOTED.sub('"***"', part)
            for quotes, part in zip(quoting, parts, strict=True)
        ]
    return "\n".join(parts)
