"""A service's log as JSON lines: how an entry is written, and where a file that was written earlier ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.operators._services.files import StoredFile

if TYPE_CHECKING:
    from airflow_dbaas.api.observability import LogEntry

_TAIL_BLOCK = 1 << 16


@dataclass(frozen=True)
class Tail:
    """The end of a log file.

    :param end: bytes up to the end of its last complete line.
    :param entries: its last entries, all that share the last one's time; oldest first.
    """

    end: int
    entries: list[LogEntry]


def line(entry: LogEntry) -> bytes:
    """An entry as a line, ASCII only: no reader can mistake anything in it for the end of a line."""
    fields = {"time": entry.time, "unit": entry.unit, "node": entry.node, "message": entry.message}
    return json.dumps(fields).encode() + b"\n"


def read_tail(file: StoredFile, size: int) -> Tail:
    """The end of a log file. A last line that is not complete is what a crash left, and is not counted.

    :param file: the file.
    :param size: its bytes.
    :raises DbaasConfigurationError: if its last complete line is not an entry: it is another file.
    """
    length = _TAIL_BLOCK
    while True:
        begin = max(0, size - length)
        block = file.read(begin, size)
        complete = block.rfind(b"\n") + 1
        lines = block[:complete].split(b"\n")[:-1]
        if begin:
            # Cut at its beginning, unless by chance.
            lines = lines[1:]
        entries = _last_of_one_time(lines)
        if not begin or len(entries) < len(lines):
            return Tail(begin + complete if complete else 0, entries)
        length *= 4


def _last_of_one_time(lines: list[bytes]) -> list[LogEntry]:
    entries: list[LogEntry] = []
    for text in reversed(lines):
        entry = _entry(text)
        if entries and entry.moment != entries[0].moment:
            break
        entries.append(entry)
    return entries[::-1]


def _entry(text: bytes) -> LogEntry:
    from airflow_dbaas.api.observability import LogEntry

    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    entry = LogEntry(**fields) if isinstance(fields, dict) and isinstance(fields.get("time"), str) else None
    if entry is None or entry.moment is None:
        raise DbaasConfigurationError(
            "the file at path was not written by this operator: a line at its end is no log entry with a time"
        )
    return entry
