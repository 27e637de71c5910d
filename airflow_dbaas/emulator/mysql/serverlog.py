"""The log that a MariaDB server writes itself, entry by entry.

An entry begins with its time, a thread's number and a level in brackets. Lines without belong to the one before.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from airflow_dbaas.emulator.logs import Entry
from airflow_dbaas.emulator.servers.logfile import LogFile

UNIT = "mariadb.service"

# The hour has a blank where others have a zero.
_LINE = re.compile(rb"(\d{4}-\d\d-\d\d [ \d]\d:\d\d:\d\d) (\d+ \[.*)", re.DOTALL)
# The rest is a statement of a client or of a replication.
_QUOTES = re.compile(r"\b(?:query|statement)\b(?: \(0x[0-9a-f]+\))?:", re.IGNORECASE)
_SECRETIVE = re.compile(
    r"passw|identified|://|\b(?:create|alter|grant|set)\s+(?:or\s+replace\s+)?user\b", re.IGNORECASE
)


class ServerLog(LogFile):
    """The entries in a MariaDB server's log file; the server keeps its times in UTC."""

    def begins(self, line: bytes) -> datetime | None:
        """Time of the entry that begins with this line; None if the line belongs to the one before."""
        match = _LINE.match(line)
        return _time(match.group(1)) if match else None

    def read(self, text: bytes) -> Entry:
        """The entry that these lines are, without a statement that may hold a password."""
        match = _LINE.match(text.removesuffix(b"\n"))
        assert match is not None  # noqa: S101  (it is where an entry begins)
        message = match.group(2).decode(errors="replace")
        quoted = _QUOTES.search(message)
        if quoted is not None and _SECRETIVE.search(message, quoted.end()):
            message = f"{message[: quoted.end()]} (hidden, it may contain a password)"
        return Entry(_time(match.group(1)), message)


def _time(text: bytes) -> datetime:
    return datetime.strptime(text.decode(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
