"""Going through a service's log page by page, every entry once.

The API pages by time: an ``offset`` is the time of the last entry returned, in nanoseconds, and the next page holds
what is strictly after it (``asc``) or before it (``desc``). So entries with the same time as the last one of a page
would be lost. The pager requests the next page from just before that time and drops the entries that it has already
returned.

It does not send anything: ``call`` says what to ask, ``entries`` takes the answer.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasConfigurationError

if TYPE_CHECKING:
    from airflow_dbaas.api.observability import LogEntry, ServiceLogs

PAGE_LENGTH = 500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LogPosition(TypedDict):
    """A position in a log: the request for the next page, and digests of the entries in it that were already returned.

    Plain JSON. After a whole page, ``seen`` has one item for each entry with the time of the last one; within a page,
    one for each entry returned so far; at most 500.
    """

    offset: str | None
    seen: list[str]


def position_after(entries: Sequence[LogEntry]) -> LogPosition:
    """The position after entries that were already returned, oldest first: pass the last ones, all with the same time.

    :raises DbaasConfigurationError: if there are none, or their time is not readable.
    """
    moment = entries[-1].moment if entries else None
    if moment is None:
        raise DbaasConfigurationError("a log can only be continued after an entry with a readable time")
    return {"offset": str(_nanoseconds(moment) - 1), "seen": sorted(_digest(entry) for entry in entries)}


def _page(**query: Any) -> Call[ServiceLogs]:
    from airflow_dbaas.api.observability import Observability

    return Observability.logs.call(**query)


class LogPager:
    """Goes through a service's log.

    Entries beyond the 500th of one and the same microsecond cannot be reached through the API and are left out.

    :param service_name: service name, 1 to 63 characters.
    :param sort_order: ``asc``, oldest first, or ``desc``.
    :param offset: an ``offset`` of the API to begin behind; the log's beginning, or end, if not given.
    :param limit: entries to ask for at a time, 1 to 500.
    :param position: the ``position`` of an earlier pager with the same order, to continue after its last entry.
    :raises DbaasConfigurationError: if one of them cannot be used.
    """

    def __init__(
        self,
        service_name: str,
        *,
        sort_order: Literal["asc", "desc"] = "asc",
        offset: str | None = None,
        limit: int = PAGE_LENGTH,
        position: LogPosition | None = None,
    ) -> None:
        if offset is not None and position is not None:
            raise DbaasConfigurationError("give offset or position, not both")
        # Refuses what the API would refuse.
        _page(service_name=service_name, limit=limit, offset=offset, sort_order=sort_order)
        self.service_name = service_name
        self.sort_order = sort_order
        self.limit = limit
        self._ascending = sort_order == "asc"
        self._offset = position["offset"] if position else offset
        # How often each entry of the next page was already returned.
        self._seen = Counter(position["seen"] if position else ())
        self._over = False

    @property
    def position(self) -> LogPosition:
        """The position after the last entry that ``entries`` returned."""
        return {"offset": self._offset, "seen": sorted(self._seen.elements())}

    def call(self) -> Call[ServiceLogs] | None:
        """What to ask next; None at the end."""
        if self._over:
            return None
        return _page(
            service_name=self.service_name, limit=self._length, offset=self._offset, sort_order=self.sort_order
        )

    @property
    def _length(self) -> int:
        # Adds the number of entries already returned, so that a page with only those is the end, however many share a
        # time.
        return min(PAGE_LENGTH, self.limit + self._seen.total())

    def entries(self, page: ServiceLogs) -> Iterator[LogEntry]:
        """The entries of an answer to ``call`` that are new. ``position`` moves on with each."""
        if self._offset is None and page.logs and (around := _around(page.logs[0], page.first_log_offset)):
            # Said in full: by the time this is gone on with, the log may begin, or end, with other entries.
            self._offset = self._before(*around)
        full = len(page.logs) >= self._length
        had = self._seen.copy()
        fresh = 0
        for entry in page.logs:
            digest = _digest(entry)
            if had[digest]:
                had[digest] -= 1
                continue
            fresh += 1
            self._seen[digest] += 1
            yield entry
        self._turn(page, fresh=fresh, full=full)

    def _turn(self, page: ServiceLogs, *, fresh: int, full: bool) -> None:
        """Prepare the next page."""
        if not page.logs or not page.offset or page.offset == self._offset or not (fresh or full):
            self._over = True
            return
        last = page.logs[-1]
        edge = _number(page.offset)
        if edge is None:
            # Not a time, so only the API knows its meaning.
            self._offset, self._seen = page.offset, Counter()
            return
        begin, end = _around(last, page.offset) or (edge, edge)
        shared = Counter(_digest(entry) for entry in page.logs if entry.time == last.time)
        before = self._before(begin, end)
        if before != self._offset or (fresh and shared.total() == len(page.logs)):
            self._offset, self._seen = before, shared
        elif fresh:
            # Entries of other times, and yet no step forward: the API does not page. Never loop for ever.
            self._over = True
        else:
            # More entries with one time than fit on a page: the rest cannot be reached.
            self._offset, self._seen = str(end if self._ascending else begin), Counter()

    def _before(self, begin: int, end: int) -> str:
        """The offset of a page that begins with the entries of a time."""
        return str(begin - 1 if self._ascending else end + 1)


def _around(entry: LogEntry, offset: str | None) -> tuple[int, int] | None:
    """First and last nanosecond of what an entry's time, which has microseconds, may mean; None if ``offset``, the
    API's own statement, is not between them."""
    number = _number(offset)
    if entry.moment is None or number is None:
        return None
    begin = _nanoseconds(entry.moment)
    return (begin, begin + 999) if begin <= number < begin + 1000 else None


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _number(offset: str | None) -> int | None:
    return int(offset) if offset and offset.isascii() and offset.isdigit() else None


def _digest(entry: LogEntry) -> str:
    content = json.dumps([entry.time, entry.node, entry.unit, entry.message]).encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()
