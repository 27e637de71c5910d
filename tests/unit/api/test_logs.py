"""Going through logs page by page."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from airflow_dbaas.api import AsyncClient, Client
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.logs import LogPager
from airflow_dbaas.api.observability import LogEntry, ServiceLogs
from tests.unit.conftest import Reply, ScriptedServer

Order = Literal["asc", "desc"]
BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

both_orders = pytest.mark.parametrize("order", ["asc", "desc"])


def nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@dataclass
class Log:
    """A log as the API serves it: pages strictly behind an offset, which is a time in nanoseconds."""

    ticks: list[int]
    below_microseconds: bool = False
    opaque: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)

    def entries(self) -> list[tuple[int, dict[str, str]]]:
        """Time in nanoseconds and entry, oldest first; every other entry is the same as the one before it."""
        held = []
        for number, tick in enumerate(self.ticks):
            moment = BASE + timedelta(microseconds=tick)
            text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"
            finer = number % 7 if self.below_microseconds else 0
            entry = {"time": text, "node": "db-1", "unit": "postgresql", "message": f"line {number // 2}"}
            held.append((nanoseconds(moment) + finer, entry))
        return sorted(held, key=lambda each: each[0])

    def answer(self, body: bytes) -> dict[str, Any]:
        query = json.loads(body)
        self.requests.append(query)
        held = self.entries() if query["sort-order"] == "asc" else self.entries()[::-1]
        offset = query.get("offset")
        if offset is not None:
            edge = int(offset.removeprefix("after-"))
            held = [each for each in held if (each[0] > edge if query["sort-order"] == "asc" else each[0] < edge)]
        page = held[: query["limit"]]
        if not page:
            return {"offset": offset or "", "first-log-offset": "", "logs": None}
        name = "after-{}" if self.opaque else "{}"
        return {
            "offset": name.format(page[-1][0]),
            "first-log-offset": name.format(page[0][0]),
            "logs": [entry for _, entry in page],
        }


def run(pager: LogPager, log: Log, most: int | None = None) -> list[LogEntry]:
    """What a pager gives out, all of it or the first entries."""
    found: list[LogEntry] = []
    while call := pager.call():
        for entry in pager.entries(ServiceLogs.model_validate(log.answer(call.body))):
            found.append(entry)
            if len(found) == most:
                return found
    return found


def expected(log: Log, order: Order) -> list[tuple[str, str]]:
    held = [(entry["time"], entry["message"]) for _, entry in log.entries()]
    return held if order == "asc" else held[::-1]


def texts(entries: list[LogEntry]) -> list[tuple[str | None, str | None]]:
    return [(entry.time, entry.message) for entry in entries]


TICKS = {
    "all different": list(range(0, 200, 10)),
    "all the same": [5] * 20,
    "groups": [1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6, 6, 6, 6, 6, 7],
    "one": [9],
    "none": [],
    "whole seconds": [0, 0, 1_000_000, 1_000_000, 2_000_000],
}


@pytest.mark.fact("log-offset", "log-equal-times")
@both_orders
@pytest.mark.parametrize("below", [False, True], ids=["microseconds", "nanoseconds"])
@pytest.mark.parametrize("limit", range(1, 8))
@pytest.mark.parametrize("ticks", TICKS.values(), ids=TICKS)
def test_every_entry_once(order: Order, below: bool, limit: int, ticks: list[int]) -> None:
    """Whatever the page length, and however many entries share a time, none is left out and none comes twice."""
    log = Log(ticks, below_microseconds=below)
    assert texts(run(LogPager("db", sort_order=order, limit=limit), log)) == expected(log, order)


@both_orders
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.parametrize("most", range(1, 21))
def test_going_on_later(order: Order, limit: int, most: int) -> None:
    """A later pager begins behind the last entry that was given out, also in the middle of a page or of a time."""
    log = Log(TICKS["groups"])
    first = LogPager("db", sort_order=order, limit=limit)
    before = run(first, log, most)
    position = json.loads(json.dumps(first.position))
    after = run(LogPager("db", sort_order=order, limit=limit, position=position), log)
    assert texts(before + after) == expected(log, order)


@both_orders
def test_going_on_with_a_log_that_grew(order: Order) -> None:
    """Oldest first, a later pager gives out what was added; newest first, it goes on to the older entries."""
    log = Log([1, 2, 2])
    first = LogPager("db", sort_order=order, limit=2)
    before = run(first, log, None if order == "asc" else 1)
    log.ticks += [2, 3, 3]
    after = run(LogPager("db", sort_order=order, limit=2, position=first.position), log)
    if order == "asc":
        assert texts(before + after) == expected(log, "asc")
    else:
        assert Counter(texts(before + after)) == Counter(expected(Log([1, 2, 2, 2]), "desc"))


def test_an_empty_log_is_gone_on_with_from_its_beginning() -> None:
    """What is written after a look at an empty log is not missed."""
    log = Log([])
    pager = LogPager("db")
    assert run(pager, log) == []
    assert pager.position == {"offset": None, "seen": []}
    log.ticks += [1, 1]
    assert len(run(LogPager("db", position=pager.position), log)) == 2


def test_the_position_stays_small() -> None:
    """At the end of a log the position holds only what shares the last entry's time."""
    pager = LogPager("db", limit=500)
    assert len(run(pager, Log(list(range(1000))))) == 1000
    assert len(pager.position["seen"]) == 1


@pytest.mark.fact("log-opaque-offset")
@both_orders
@pytest.mark.parametrize("most", [1, 2, 3, None])
def test_opaque_offsets(order: Order, most: int | None) -> None:
    """Offsets that are no numbers are passed on as they are, and gone on with exactly."""
    log = Log(list(range(10)), opaque=True)
    first = LogPager("db", sort_order=order, limit=2)
    before = run(first, log, most)
    assert all(request.get("offset", "after-0").startswith("after-") for request in log.requests)
    after = run(LogPager("db", sort_order=order, limit=2, position=first.position), log)
    assert texts(before + after) == expected(log, order)


@both_orders
def test_more_entries_of_one_time_than_a_page_holds(order: Order) -> None:
    """What the API cannot be asked for is stepped over; the log goes on behind it."""
    log = Log([1] + [2] * 700 + [3])
    found = texts(run(LogPager("db", sort_order=order), log))
    assert len(found) == 502
    assert (found[0], found[-1]) == (expected(log, order)[0], expected(log, order)[-1])


def test_exactly_a_page_of_one_time() -> None:
    """Going on behind the last entry of a full page loses nothing that shares its time."""
    log = Log([*range(499), 499, 499, 500])
    first = LogPager("db")
    before = run(first, log, 500)
    assert texts(before + run(LogPager("db", position=first.position), log)) == expected(log, "asc")


def test_an_api_that_does_not_page() -> None:
    """One page again and again is no endless loop."""
    page = ServiceLogs.model_validate(Log([1, 2, 3]).answer(b'{"sort-order": "asc", "limit": 3}'))
    pager = LogPager("db", limit=3)
    rounds = 0
    while pager.call() and rounds < 10:
        list(pager.entries(page))
        rounds += 1
    assert rounds < 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"limit": 501}, "limit must be at most 500, got 501"),
        ({"sort_order": "up"}, "sort_order must be one of asc, desc, got 'up'"),
        ({"offset": "1", "position": {"offset": "1", "seen": []}}, "give offset or position, not both"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    """What the API would refuse is refused before anything is sent."""
    with pytest.raises(DbaasConfigurationError, match=message):
        LogPager("db", **arguments)


@pytest.mark.fact("log-times")
def test_entries_have_readable_times() -> None:
    """Times are kept as they came and readable as aware datetimes; nonsense is no error."""
    moments = {
        "2021-09-14T13:44:00.12345Z": datetime(2021, 9, 14, 13, 44, 0, 123450, tzinfo=UTC),
        "2021-09-14T13:44:00Z": datetime(2021, 9, 14, 13, 44, tzinfo=UTC),
        "2021-09-14T13:44:00": datetime(2021, 9, 14, 13, 44, tzinfo=UTC),
        "2021-09-14T15:44:00+02:00": datetime(2021, 9, 14, 13, 44, tzinfo=UTC),
        "yesterday": None,
        None: None,
    }
    for text, moment in moments.items():
        entry = LogEntry(time=text)
        assert (entry.time, entry.moment) == (text, moment)


def blocking(server: ScriptedServer) -> list[LogEntry]:
    with Client("key", "secret", url=server.url) as client:
        return list(client.iter_service_logs("db", sort_order="desc", limit=3))


def awaited(server: ScriptedServer) -> list[LogEntry]:
    async def main() -> list[LogEntry]:
        async with AsyncClient("key", "secret", url=server.url) as client:
            return [entry async for entry in client.iter_service_logs("db", sort_order="desc", limit=3)]

    return asyncio.run(main())


@pytest.mark.parametrize("go", [blocking, awaited])
def test_both_clients_iterate(server: ScriptedServer, go: Callable[[ScriptedServer], list[LogEntry]]) -> None:
    """Both clients give out the entries one by one, asking for a page when they come to its end."""
    log = Log(TICKS["groups"])

    class Page(Reply):
        def content(self) -> bytes:
            return json.dumps(log.answer(server.requests[-1][3])).encode()

    server.replies = [Page()]
    assert texts(go(server)) == expected(log, "desc")
    assert {target for _, target, _, _ in server.requests} == {"/v2/dbaas-service-logs/db"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_bad_arguments_are_refused_at_once(kind: type[Client | AsyncClient]) -> None:
    """Not only when the first entry is asked for."""
    client = kind("key", "secret", url="http://127.0.0.1:1")
    with pytest.raises(DbaasConfigurationError, match="limit"):
        client.iter_service_logs("db", limit=501)
