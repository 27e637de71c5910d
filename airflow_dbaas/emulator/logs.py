"""Logs of services: entries in a lasting order, read page by page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Entry:
    """One entry."""

    time: datetime
    message: str


class Log(Protocol):
    """Something that keeps entries.

    Each has a stamp: its time in nanoseconds, moved on where needed so that every stamp is higher than the one
    before. Times alone would not do as offsets: several entries share one, and a page may end between them.
    """

    unit: str

    def stamps(self) -> Sequence[int]:
        """Stamps of all entries so far, rising."""

    def entries(self, first: int, last: int) -> list[Entry]:
        """Entries number ``first`` to ``last``, that one excluded."""


class Events:
    """The log of a service without a server: the emulator's actions."""

    unit = "airflow-dbaas-emulator.service"

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._entries: list[Entry] = []

    def add(self, message: str, at: datetime | None = None) -> None:
        """Write an entry, of now if no other time is given."""
        entry = Entry(at or datetime.now(UTC), message)
        self._stamps.append(next_stamp(entry.time, self._stamps))
        self._entries.append(entry)

    def all(self) -> Sequence[Entry]:
        """All entries so far."""
        return self._entries

    def stamps(self) -> Sequence[int]:
        """Stamps of all entries so far, rising."""
        return self._stamps

    def entries(self, first: int, last: int) -> list[Entry]:
        """Entries number ``first`` to ``last``, that one excluded."""
        return self._entries[first:last]


def next_stamp(time: datetime, before: Sequence[int]) -> int:
    """The stamp of an entry of ``time`` that follows those ``before``."""
    # Not with ``timestamp()``: a float cannot represent nanoseconds.
    elapsed = time - datetime(1970, 1, 1, tzinfo=UTC)
    stamp = ((elapsed.days * 86400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds) * 1000
    return max(stamp, before[-1] + 1) if before else stamp


def page(log: Log, node: str, *, limit: int, newest_first: bool, offset: int | None) -> dict[str, Any]:
    """One page as the API answers it.

    :param node: the node that the entries are said to be of.
    :param offset: stamp of the last entry that the reader has; the page goes on strictly after it, or strictly
        before it with ``newest_first``. None: from the log's beginning, or its end.
    """
    stamps = log.stamps()
    if newest_first:
        last = len(stamps) if offset is None else bisect_left(stamps, offset)
        first = max(0, last - limit)
    else:
        first = 0 if offset is None else bisect_right(stamps, offset)
        last = min(len(stamps), first + limit)
    if first == last:
        # The real service has been seen to answer null for "logs" here, which its document does not allow.
        return {"logs": [], "offset": "" if offset is None else str(offset), "first-log-offset": ""}
    shown = [
        {
            "time": entry.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "unit": log.unit,
            "node": node,
            "message": entry.message,
        }
        for entry in log.entries(first, last)
    ]
    ends = stamps[first], stamps[last - 1]
    if newest_first:
        shown.reverse()
        ends = ends[::-1]
    return {"logs": shown, "offset": str(ends[1]), "first-log-offset": str(ends[0])}
