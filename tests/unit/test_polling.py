"""How a wait is run: trouble ridden out, pauses, deadlines."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from airflow_dbaas import polling
from airflow_dbaas.api import AsyncClient, Client
from airflow_dbaas.api.errors import (
    DbaasAuthError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasRateLimitError,
    DbaasServerError,
    DbaasTransportError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.polling import UNANSWERED_SECONDS, Watch
from airflow_dbaas.sharing import SharedClient
from airflow_dbaas.waits import (
    APPEARANCE_SECONDS,
    Done,
    Failed,
    MigrationWait,
    OperationWait,
    Pending,
    ServiceUpdateWait,
    ServiceWait,
    Verdict,
)
from tests.unit.conftest import Reply, ScriptedServer

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
PENDING = Operation(id=ID, state="pending")
SUCCESS = Operation(id=ID, state="success")
DOWN = MigrationStatus.model_validate({"status": "failed", "method": "replication", "error": "down"})
SYNCING = MigrationStatus.model_validate(
    {"status": "syncing", "details": [{"dbname": "a", "status": "syncing", "method": "replication"}]}
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that passes only when the test says so."""
    clock = Clock()
    monkeypatch.setattr(polling.time, "monotonic", clock)
    monkeypatch.setattr(polling.time, "time", clock)
    return clock


def test_the_same_answer_is_judged_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless time makes a difference: a thousand waits may share an answer that does not change for hours."""
    judged = 0

    def verdict(self: ServiceWait, answer: ServiceList) -> Verdict:
        nonlocal judged
        judged += 1
        return plain(self, answer)

    plain = ServiceWait.verdict
    monkeypatch.setattr(ServiceWait, "verdict", verdict)
    running = ServiceList.model_validate({"dbaas-services": [{"name": "db", "state": "running"}]})
    other = Watch(ServiceWait("db", state="poweroff"))
    later = Watch(ServiceUpdateWait("db", not_before=clock.now + 5))
    for _ in range(3):
        assert isinstance(other.see(running), Pending)
        assert isinstance(later.see(running), Pending)
    assert judged == 1 + 3
    clock.now += 5
    assert isinstance(later.see(running), Done)
    assert isinstance(other.see(running.model_copy()), Pending)
    assert judged == 3 + 3


@pytest.mark.fact("operation-polls", "error-passing")
def test_one_failed_poll_never_fails_a_wait(clock: Clock) -> None:
    """5xx, a lost connection, 429: pending, and forgotten at the next answer."""
    watch = Watch(OperationWait(ID))
    for error in (DbaasServerError("503"), DbaasTransportError("reset"), DbaasRateLimitError("429")):
        assert isinstance(watch.see(error), Pending)
        clock.now += UNANSWERED_SECONDS - 1
        assert isinstance(watch.see(PENDING), Pending)
        assert not watch.in_doubt
    assert isinstance(watch.see(SUCCESS), Done)


def test_no_answer_for_long_fails_and_says_so(clock: Clock) -> None:
    """After the documented bound without any usable answer the wait gives up, retryably."""
    watch = Watch(OperationWait(ID))
    assert isinstance(watch.see(DbaasServerError("503 first")), Pending)
    clock.now += UNANSWERED_SECONDS - 0.1
    assert isinstance(watch.see(DbaasTransportError("reset")), Pending)
    clock.now += 0.1
    verdict = watch.see(DbaasServerError("503 last"))
    assert isinstance(verdict, Failed)
    assert verdict.error.retryable
    assert str(verdict.error) == f"operation {ID}: no usable answer for 300 s; the last: 503 last"


@pytest.mark.fact("error-403")
def test_an_error_that_needs_a_change_fails_at_once() -> None:
    """A key without the right to look never gets an answer."""
    verdict = Watch(OperationWait(ID)).see(DbaasAuthError("403"))
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasAuthError)


@pytest.mark.fact("operation-appears")
def test_404_just_after_creation_passes(clock: Clock) -> None:
    """An operation may be unknown for a moment; not for longer than the bound."""
    watch = Watch(OperationWait(ID))
    assert isinstance(watch.see(DbaasNotFoundError("404")), Pending)
    clock.now += APPEARANCE_SECONDS - 1
    assert isinstance(watch.see(DbaasNotFoundError("404")), Pending)
    assert watch.in_doubt
    clock.now += 1
    verdict = watch.see(DbaasNotFoundError("404"))
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasNotFoundError)


@pytest.mark.fact("migration-recovers")
def test_replication_that_recovers_never_failed(clock: Clock) -> None:
    """Shown as failed for less than the patience, then syncing: success. Each spell is counted anew."""
    watch = Watch(MigrationWait("db", until="done", failure_grace_period=100))
    for _ in range(3):
        assert isinstance(watch.see(DOWN), Pending)
        clock.now += 99
        assert isinstance(watch.see(DOWN), Pending)
        assert isinstance(watch.see(SYNCING), Pending)
    assert isinstance(Watch(MigrationWait("db")).see(SYNCING), Done)


def test_replication_that_stays_failed_fails(clock: Clock) -> None:
    """Shown as failed for the whole patience: failure, with the API's words."""
    watch = Watch(MigrationWait("db", failure_grace_period=100))
    assert isinstance(watch.see(DOWN), Pending)
    clock.now += 100
    verdict = watch.see(DOWN)
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasMigrationError)
    assert "error: down" in str(verdict.error)


def test_an_outage_of_the_api_is_not_counted_as_failed_replication(clock: Clock) -> None:
    """Silence before the first "failed" does not use up the patience with it."""
    watch = Watch(MigrationWait("db", failure_grace_period=100))
    watch.see(DbaasServerError("503"))
    clock.now += 200
    assert isinstance(watch.see(DOWN), Pending)


def test_the_deadline_is_wall_clock(clock: Clock) -> None:
    """A wait ends at its deadline, with what was last seen; an end seen at that very moment still counts."""
    watch = Watch(OperationWait(ID), deadline=clock.now + 10)
    assert isinstance(watch.see(PENDING), Pending)
    clock.now += 10
    verdict = watch.see(PENDING)
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasWaitTimeoutError)
    assert str(verdict.error) == f"Time is over while waiting: operation {ID} is pending"
    assert isinstance(watch.see(SUCCESS), Done)


@pytest.mark.fact("operation-polls")
def test_pauses_grow_are_capped_and_jittered(clock: Clock) -> None:
    """From half a second to five, a twentieth of the time waited, never the same for many waits at once.

    With no more than five the end is never seen later than by who looks every five seconds. In a crowd that would be
    too many requests: ten a second are sent, or as many as a look every half a minute takes. The first pauses grow with
    the number of waits, also of those that share a request: the youngest of them asks for all.
    """
    watches = [Watch(OperationWait(ID)) for _ in range(200)]
    alone = ((0, 0.5), (10, 0.5), (40, 2), (100, 5), (600, 5), (100_000, 5))
    crowds = ((0, 1, 1000), (100, 5, 1000), (600, 5, 50), (600, 20, 200), (600, 30, 300), (100_000, 30, 1000))
    sharing = ((0, 0.5, 1, 6), (0, 0.8, 1, 9), (0, 1, 1, 11), (40, 2, 1, 1000), (100_000, 5, 1, 1000))
    cases = [*((*each, 1, 1) for each in alone), *((*each, each[-1]) for each in crowds), *sharing]
    for waited, longest, crowd, waits in cases:
        clock.now = 1_000_000.0 + waited
        pauses = [watch.pause(crowd, waits) for watch in watches]
        assert max(pauses) <= longest
        assert min(pauses) >= 0.8 * longest
        assert len({round(pause, 6) for pause in pauses}) > 150


@pytest.mark.parametrize(("length", "most"), [(10, 26), (60, 66), (600, 190), (7200, 1690)])
def test_the_end_is_seen_soon_and_few_ask(clock: Clock, length: float, most: int) -> None:
    """Within a twentieth of the run time, or a second; and how often that takes a look is bounded."""
    watch, began, looks = Watch(OperationWait(ID)), clock.now, 1
    while (waited := clock.now - began) < length:
        clock.now += watch.pause()
        looks += 1
    assert waited - length <= max(1.0, length / 20)
    assert looks <= most


@pytest.mark.fact("retry-after")
def test_pauses_keep_to_deadline_and_retry_after(clock: Clock) -> None:
    """The last look is at the deadline; a Retry-After is waited for."""
    watch = Watch(OperationWait(ID), deadline=clock.now + 1000)
    assert watch.pause(most=0.4) <= 0.4
    watch.see(DbaasRateLimitError("429", retry_after=30.0))
    assert watch.pause() == watch.pause(most=0.4) == 30
    watch.see(PENDING)
    assert watch.pause() <= 1
    clock.now += 999.9
    assert watch.pause() == pytest.approx(0.1)


def run_blocking(server: ScriptedServer, watch: Watch) -> Any:
    with Client("k", "s", url=server.url) as client:
        return polling.run(client, watch)


def run_async(server: ScriptedServer, watch: Watch) -> Any:
    async def main() -> Any:
        async with AsyncClient("k", "s", url=server.url) as client:
            return await polling.run_async(SharedClient(client), watch)

    return asyncio.run(main())


@pytest.mark.parametrize("run", [run_blocking, run_async])
def test_both_runners_poll_until_the_end(server: ScriptedServer, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking and async waits see the same, also through faults; each fault costs one poll, no more."""
    monkeypatch.setattr(Watch, "pause", lambda *_: 0)
    server.replies = [
        Reply(body={"state": "pending"}),
        Reply(500),
        Reply(drop=True),
        Reply(200, b"<html>"),
        Reply(404),
        Reply(body={"state": "pending"}),
        Reply(body={"state": "success"}),
    ]
    verdict = run(server, Watch(OperationWait(ID)))
    assert isinstance(verdict, Done)
    assert len(server.requests) == 7


def test_a_brief_wait_ends_early_or_is_given_up(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is to be deferred waits for what is almost there, and no longer than it says; not for a service."""
    monkeypatch.setattr(polling, "_SHORTEST_PAUSE", 0.05)
    with Client("k", "s", url=server.url) as client:
        server.replies = [Reply(body={"state": "pending"}), Reply(body={"state": "success"})]
        until = time.monotonic() + 0.5
        assert isinstance(polling.run_briefly(client, Watch(OperationWait(ID)), until=until), Done)
        assert len(server.requests) == 2
        server.replies = [Reply(body={"state": "pending"})]
        began = time.monotonic()
        assert isinstance(polling.run_briefly(client, Watch(OperationWait(ID)), until=began + 0.5), Pending)
        assert time.monotonic() - began < 0.6
        server.replies, server.requests = [Reply(body={"dbaas-services": [{"name": "s", "state": "rebuilding"}]})], []
        assert isinstance(polling.run_briefly(client, Watch(ServiceWait("s")), until=time.monotonic() + 60), Pending)
        assert len(server.requests) == 1
