"""The log that a PostgreSQL server writes itself, entry by entry.

An entry is one report of the server: its line and those that belong to it (detail, hint, statement). The server writes
a report at once, starts each of its lines with ``log_line_prefix`` and continuation lines with a tab, so nothing in a
statement can look like another entry.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from airflow_dbaas.emulator.logs import Entry
from airflow_dbaas.emulator.servers.logfile import LogFile

LINE_PREFIX = "%m [%p] "
"""``log_line_prefix`` of a server whose log is read: time to the millisecond, process."""

_LINE = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) [A-Z]+ \[(\d+)\] (.*)", re.DOTALL)
_BELONGS = re.compile(rb"(DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE):  ")
# Parts of a report that quote what a client sent.
_QUOTING = ("QUERY:", "CONTEXT:", "STATEMENT:", "DETAIL:")
# Such a statement may contain a password. It is hidden completely, because the position of the password in a refused
# statement is unknown. So are the server's quotes of it.
_SECRETIVE = re.compile(
    r"passw|://|scram-sha-256\$|\b(create|alter)\s+(role|user|group|server|subscription|foreign)\b", re.IGNORECASE
)
# Up to the last quote, because the quoted text may contain quotes.
_QUOTED = re.compile(r'".*"', re.DOTALL)


class ServerLog(LogFile):
    """The entries in a PostgreSQL server's log file."""

    _last: tuple[bytes, bytes] | None = None
    """Time and process of the last line."""

    def begins(self, line: bytes) -> datetime | None:
        """Time of the report that begins with this line; None if the line belongs to the one before."""
        match = _LINE.match(line)
        if match is None:
            return None
        time, process, said = match.groups()
        if _BELONGS.match(said) and (time, process) == self._last:
            return None
        self._last = time, process
        return _time(time)

    def read(self, text: bytes) -> Entry:
        """The report in these lines, without possible passwords."""
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
        return Entry(_time(time), f"[{process.decode()}] {message}")


def _time(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode()).replace(tzinfo=UTC)


def _without_passwords(parts: list[str]) -> str:
    quoting = [part.startswith(_QUOTING) for part in parts]
    if any(quotes and _SECRETIVE.search(part) for quotes, part in zip(quoting, parts, strict=True)):
        parts = [
            f"{part.partition(':')[0]}:  (hidden, it may contain a password)" if quotes else _QUOTED.sub('"***"', part)
            for quotes, part in zip(quoting, parts, strict=True)
        ]
    return "\n".join(parts)
