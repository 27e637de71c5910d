"""A thousand waits that share a client, for a day, in virtual time: the rate that is promised, and who fails."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from airflow_dbaas.api.errors import (
    DbaasAuthError,
    DbaasError,
    DbaasRateLimitError,
    DbaasResponseError,
    DbaasServerError,
    DbaasTransportError,
)
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.waiting import poller, shared_requests
from airflow_dbaas.waiting.conditions import Done, Failed, MigrationWait, ServiceWait
from airflow_dbaas.waiting.poller import Watch
from tests import virtual_time
from tests.virtual_time import Clock

WAITS = 1000
MINUTE, HOUR = 60.0, 3600.0
DAY = 24 * HOUR
LATENCY = 0.05

RUNNING = MigrationStatus.model_validate({"status": "running", "details": [{"dbname": "a", "status": "running"}]})
COPIED = MigrationStatus.model_validate({"status": "done", "details": [{"dbname": "a", "status": "done"}]})


class Api:
    """In the place of the client: migrations that end, a limit of requests, and outages.

    :param clock: the time.
    :param ends: when each migration ends, by name of its service.
    :param limit: requests that it answers in any second; it says 429 to the others.
    :param outages: from when to when it is away.
    """

    def __init__(
        self,
        clock: Clock,
        ends: dict[str, float],
        *,
        limit: int | None = None,
        outages: Sequence[tuple[float, float]] = (),
    ) -> None:
        self._clock = clock
        self._ends = ends
        self._limit = limit
        self._outages = [(clock.now + begins, clock.now + ends) for begins, ends in outages]
        self._taken: deque[float] = deque()
        self._window: deque[float] = deque()
        self.most = 0
        self.counts: Counter[str] = Counter()

    def zone_of(self, _: str) -> None:
        """As ``AsyncClient.zone_of``."""

    async def send(self, call: Any, **_: Any) -> Any:
        """As ``AsyncClient.send``."""
        now = self._clock.now
        self._window.append(now)
        while self._window[0] <= now - 1:
            self._window.popleft()
        self.most = max(self.most, len(self._window))
        self.counts["requests"] += 1
        # Decided when it arrives, told a little later.
        outcome = self._outcome(call, now)
        await asyncio.sleep(LATENCY)
        self.counts[type(outcome).__name__] += 1
        if isinstance(outcome, DbaasError):
            raise outcome
        return outcome

    def _outcome(self, call: Any, now: float) -> Any:
        if any(begins <= now < ends for begins, ends in self._outages):
            return random.choice([DbaasServerError("503"), DbaasTransportError("reset"), DbaasResponseError("<html>")])
        if self._limit is not None:
            while self._taken and self._taken[0] <= now - 1:
                self._taken.popleft()
            if len(self._taken) >= self._limit:
                return DbaasRateLimitError("429", retry_after=random.choice([None, 1.0, 30.0, 60.0]))
            self._taken.append(now)
        return COPIED if now >= self._ends[call.path.rpartition("/")[2]] else RUNNING


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Virtual time, for waits as well, and nothing in the log: a day of a thousand waits is many lines."""
    clock = Clock()
    monkeypatch.setattr(poller, "time", clock)
    logger = logging.getLogger("airflow_dbaas")
    before = logger.level
    logger.setLevel(logging.WARNING)
    random.seed(0)
    yield clock
    logger.setLevel(before)


async def triggerer(
    api: Api, watches: dict[str, Watch], ended: dict[str, Done | Failed], *, until: float | None = None
) -> None:
    """Run waits in a triggerer, to their ends or until it is killed after so many seconds."""
    client = shared_requests.SharedClient(cast("Any", api))

    async def wait(name: str, watch: Watch) -> None:
        ended[name] = await poller.run_async(client, watch)

    tasks = [asyncio.create_task(wait(*each)) for each in watches.items()]
    await asyncio.wait(tasks, timeout=until)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def failures(ended: dict[str, Done | Failed]) -> list[str]:
    return [str(verdict.error) for verdict in ended.values() if isinstance(verdict, Failed)]


@pytest.mark.timeout(1800)
def test_a_day_of_a_thousand_waits_behind_a_limit(clock: Clock) -> None:
    """Ten requests in any second at most, also after a restart of the triggerer; no wait fails or is forgotten."""
    began = clock.now
    # Most are over within hours, the last at the end of the day.
    ends = {f"s{number}": began + min(random.expovariate(1 / (4 * HOUR)), DAY) for number in range(WAITS)}
    api = Api(clock, ends, limit=10)
    ended: dict[str, Done | Failed] = {}

    def watches() -> dict[str, Watch]:
        # As a trigger that was loaded again makes them.
        return {
            name: Watch(MigrationWait(name), deadline=began + DAY + HOUR, began=began, answered=True)
            for name in ends
            if name not in ended
        }

    virtual_time.run(clock, triggerer(api, watches(), ended, until=2 * HOUR))
    assert len(ended) < WAITS
    clock.sleep(10)
    virtual_time.run(clock, triggerer(api, watches(), ended))
    print({**api.counts, "most in a second": api.most, "done": len(ended)})
    assert len(ended) == WAITS
    assert failures(ended) == []
    assert api.most <= shared_requests.REQUESTS_PER_SECOND
    assert clock.now - began <= DAY + 5 * MINUTE


@pytest.mark.parametrize("limit", [5, 2])
def test_an_api_that_allows_less_than_the_rate(clock: Clock, limit: int) -> None:
    """The pace follows it: few requests are refused, with and without Retry-After, and nobody fails."""
    ends = {f"s{number}": clock.now + random.uniform(0, HOUR) for number in range(300)}
    api, ended = Api(clock, ends, limit=limit), {}
    deadline = clock.now + 2 * HOUR
    watches = {name: Watch(MigrationWait(name), deadline=deadline, answered=True) for name in ends}
    virtual_time.run(clock, triggerer(api, watches, ended))
    print(dict(api.counts))
    assert len(ended) == 300
    assert failures(ended) == []
    assert api.counts["DbaasRateLimitError"] < 0.2 * api.counts["requests"]


def test_a_new_wait_does_not_stand_behind_the_others(clock: Clock) -> None:
    """Among a thousand old waits, its first look comes within seconds."""
    ends = {f"s{number}": clock.now + DAY for number in range(WAITS)}
    api = Api(clock, {**ends, "new": clock.now})
    client = shared_requests.SharedClient(cast("Any", api))
    delays: list[float] = []

    async def main() -> None:
        old = [Watch(MigrationWait(name), deadline=clock.now + DAY, began=clock.now - HOUR) for name in ends]
        tasks = [asyncio.create_task(poller.run_async(client, watch)) for watch in old]
        await asyncio.sleep(10 * MINUTE)
        for _ in range(20):
            began = clock.now
            assert isinstance(await poller.run_async(client, Watch(MigrationWait("new"))), Done)
            delays.append(clock.now - began)
            await asyncio.sleep(30)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual_time.run(clock, main())
    assert max(delays) < 20
    assert sum(delays) / len(delays) < 5


def test_the_last_look_of_a_wait_is_not_lost_in_the_queue(clock: Clock) -> None:
    """A thousand waits whose time is over at once still see what has ended just before."""
    deadline = clock.now + HOUR
    ends = {f"s{number}": deadline - 1 for number in range(WAITS)}
    api, ended = Api(clock, ends), {}
    watches = {name: Watch(MigrationWait(name), deadline=deadline) for name in ends}
    virtual_time.run(clock, triggerer(api, watches, ended))
    assert failures(ended) == []
    assert len(ended) == WAITS
    assert api.most <= shared_requests.REQUESTS_PER_SECOND
    assert clock.now - deadline <= 1.1 * WAITS / shared_requests.REQUESTS_PER_SECOND


def test_outages_are_outlasted(clock: Clock) -> None:
    """Of 310 seconds and of 40 minutes, by waits that may take a day; they do not all resume at once."""
    began = clock.now
    ends = {f"s{number}": began + random.uniform(0, 4 * HOUR) for number in range(WAITS)}
    api = Api(clock, ends, limit=10, outages=[(HOUR, HOUR + 310), (2 * HOUR, 2 * HOUR + 40 * MINUTE)])
    ended: dict[str, Done | Failed] = {}
    watches = {name: Watch(MigrationWait(name), deadline=began + DAY) for name in ends}
    virtual_time.run(clock, triggerer(api, watches, ended))
    print({**api.counts, "most in a second": api.most, "done": len(ended)})
    assert len(ended) == WAITS
    assert failures(ended) == []
    assert api.most <= shared_requests.REQUESTS_PER_SECOND


def test_an_outage_that_is_too_long_fails_all(clock: Clock) -> None:
    """Each says what was tolerated, soon after that is over, although each looks but once in a while."""
    began = clock.now
    ends = {f"s{number}": began + DAY for number in range(WAITS)}
    api, ended = Api(clock, ends, outages=[(10 * MINUTE, DAY)]), {}
    watches = {name: Watch(MigrationWait(name), deadline=began + DAY, outage_grace_period=20 * MINUTE) for name in ends}
    virtual_time.run(clock, triggerer(api, watches, ended))
    said = failures(ended)
    assert len(said) == WAITS
    assert all("which is longer than outage_grace_period (20 min); the last error: " in text for text in said)
    assert 30 * MINUTE <= clock.now - began <= 40 * MINUTE


class Refusing(Api):
    """Refuses everything for a while."""

    def __init__(self, clock: Clock, ends: dict[str, float], refusal: DbaasError, until: float, after: float) -> None:
        super().__init__(clock, ends)
        self._refusal, self._from, self._until = refusal, clock.now + after, clock.now + until

    def _outcome(self, call: Any, now: float) -> Any:
        if self._from <= now < self._until:
            return self._refusal
        states = {name: "running" if now >= end else "rebuilding" for name, end in self._ends.items()}
        services = [{"name": name, "state": state} for name, state in states.items()]
        return ServiceList.model_validate({"dbaas-services": services})


GATEWAY = DbaasResponseError("403 with an HTML page")
KEY = DbaasAuthError("403")


@pytest.mark.parametrize(
    ("refusal", "after", "until", "failed"),
    [
        # A gateway's page says nothing of the key.
        (GATEWAY, 0, 4 * MINUTE, 0),
        (GATEWAY, MINUTE, 11 * MINUTE, 0),
        # What was answered before may be again.
        (KEY, MINUTE, 5 * MINUTE, 0),
        (KEY, MINUTE, HOUR, 200),
        # It never was.
        (KEY, 0, HOUR, 200),
    ],
)
def test_waits_that_share_a_request_survive_a_refusal(
    clock: Clock, refusal: DbaasError, after: float, until: float, failed: int
) -> None:
    """Two hundred waits see the same answer: one page of a gateway must not end them all."""
    began = clock.now
    ends = {f"s{number}": began + 20 * MINUTE for number in range(200)}
    api, ended = Refusing(clock, ends, refusal, until, after), {}
    watches = {name: Watch(ServiceWait(name), deadline=began + HOUR) for name in ends}
    virtual_time.run(clock, triggerer(api, watches, ended))
    assert len(failures(ended)) == failed
    if failed:
        assert clock.now - began <= after + poller.REFUSAL_GRACE_PERIOD + MINUTE
    if failed and not after:
        assert clock.now - began < 2
