"""How a wait is run: trouble ridden out, pauses, deadlines."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, Client
from airflow_dbaas.api.errors import (
    DbaasAuthError,
    DbaasBadRequestError,
    DbaasError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasRateLimitError,
    DbaasResponseError,
    DbaasServerError,
    DbaasTransportError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.waiting import poller, shared_requests
from airflow_dbaas.waiting.conditions import (
    APPEARANCE_SECONDS,
    Done,
    ExternalIntegrationWait,
    Failed,
    IntegrationWait,
    MigrationWait,
    OperationWait,
    Pending,
    ServiceUpdateWait,
    ServiceWait,
    TaskWait,
    Verdict,
    Wait,
)
from airflow_dbaas.waiting.poller import REFUSAL_GRACE_PERIOD, Watch
from airflow_dbaas.waiting.shared_requests import SharedClient
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
    monkeypatch.setattr(poller.time, "monotonic", clock)
    monkeypatch.setattr(poller.time, "time", clock)
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
        clock.now += 30 * 24 * 3600
        assert isinstance(watch.see(PENDING), Pending)
        assert not watch.unsettled
    assert isinstance(watch.see(SUCCESS), Done)


def failing(watch: Watch, clock: Clock, seconds: float, error: DbaasError, *, every: float = 10) -> Verdict:
    """The verdict when every poll has failed for so many seconds."""
    until = clock.now + seconds
    while isinstance(verdict := watch.see(error), Pending) and clock.now < until:
        clock.now = min(clock.now + every, until)
    return verdict


@pytest.mark.parametrize("error", [DbaasServerError("503"), DbaasTransportError("reset"), DbaasResponseError("<html>")])
def test_an_outage_that_is_too_long_fails_and_says_so(clock: Clock, error: DbaasError) -> None:
    """After the grace period without any usable answer the wait gives up, retryably."""
    watch = Watch(OperationWait(ID), outage_grace_period=600)
    assert isinstance(failing(watch, clock, 599.9, error), Pending)
    verdict = failing(watch, clock, 0.1, error)
    assert isinstance(verdict, Failed)
    assert verdict.error.retryable
    assert str(verdict.error) == (
        f"operation {ID}: no usable answer from the API for 10 min, which is longer than outage_grace_period (10 min); "
        f"the last error: {error}"
    )


@pytest.mark.parametrize(
    ("timeout", "tolerated"),
    [(60, 300), (1200, 300), (3600, 900), (24 * 3600, 6 * 3600), (7 * 24 * 3600, 6 * 3600), (float("inf"), 6 * 3600)],
)
def test_the_default_tolerance_is_a_share_of_the_waits_time(clock: Clock, timeout: float, tolerated: float) -> None:
    """A quarter, five minutes at least and six hours at most."""
    watch = Watch(OperationWait(ID), deadline=clock.now + timeout)
    assert watch.outage_grace_period == poller.tolerated_outage(None, timeout) == tolerated
    assert poller.tolerated_outage("", timeout) == tolerated
    assert poller.tolerated_outage("42", timeout) == 42


def test_few_failed_polls_are_no_outage(clock: Clock) -> None:
    """In a crowd, or poked once an hour, a wait has looked only twice when its grace period is over."""
    watch = Watch(OperationWait(ID), outage_grace_period=60)
    for _ in range(poller.FEWEST_FAILED_POLLS - 1):
        assert isinstance(watch.see(DbaasServerError("503")), Pending)
        clock.now += 3600
    assert isinstance(watch.see(DbaasServerError("503")), Failed)


def test_without_tolerance_the_first_failed_poll_counts(clock: Clock) -> None:
    """A grace period of 0 is none."""
    assert isinstance(Watch(OperationWait(ID), outage_grace_period=0).see(DbaasServerError("503")), Failed)


def test_a_crowded_api_is_no_outage(clock: Clock) -> None:
    """429 says that the API works: only the wait's own time bounds it."""
    watch = Watch(OperationWait(ID), deadline=clock.now + 7200, outage_grace_period=60)
    assert isinstance(failing(watch, clock, 7199, DbaasRateLimitError("429")), Pending)
    verdict = failing(watch, clock, 1, DbaasRateLimitError("429"))
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasWaitTimeoutError)


REDIRECT = DbaasResponseError("unexpected redirect", retryable=False)


@pytest.mark.fact("error-403")
@pytest.mark.parametrize("error", [DbaasAuthError("403"), DbaasBadRequestError("400"), REDIRECT])
def test_a_refusal_fails_at_once_unless_the_same_was_answered_before(clock: Clock, error: DbaasError) -> None:
    """A key without the right to look never gets an answer; one that had it may have it again."""
    verdict = Watch(OperationWait(ID)).see(error)
    assert isinstance(verdict, Failed)
    assert verdict.error is error
    watch = Watch(OperationWait(ID))
    watch.see(PENDING)
    for _ in range(2):
        assert isinstance(failing(watch, clock, REFUSAL_GRACE_PERIOD - 1, error), Pending)
        # Silence in between does not make it pass, an answer does.
        assert isinstance(watch.see(DbaasServerError("503")), Pending)
        assert isinstance(watch.see(PENDING), Pending)
    verdict = failing(watch, clock, REFUSAL_GRACE_PERIOD, error)
    assert isinstance(verdict, Failed)
    assert verdict.error is error
    assert isinstance(Watch(OperationWait(ID), answered=True).see(error), Pending)


def test_errors_make_pauses_grow(clock: Clock) -> None:
    """They double up to a minute, jittered, or to a tenth of a short grace period; one answer and all is as before."""
    clock.now += 1000
    watch = Watch(OperationWait(ID), began=clock.now, outage_grace_period=3600)
    for most in (0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60):
        watch.see(DbaasServerError("503"))
        pauses = [watch.pause() for _ in range(200)]
        assert max(pauses) <= most
        assert min(pauses) >= min(0.5, most) * 0.8
        assert max(pauses) > 0.95 * most
        assert min(pauses) < 0.55 * most or most == 0.5
    watch.see(PENDING)
    assert watch.pause() <= 0.5
    hasty = Watch(OperationWait(ID), outage_grace_period=20)
    for _ in range(50):
        hasty.see(DbaasServerError("503"))
    assert max(hasty.pause() for _ in range(200)) <= 2


def test_another_process_goes_on_with_a_watch(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rescheduled sensor looks from a new process each time, whose monotonic clock is another one."""
    first = Watch(OperationWait(ID), outage_grace_period=600)
    first.see(PENDING)
    failing(first, clock, 590, DbaasServerError("503"))
    kept = json.loads(json.dumps(first.doubts()))
    monkeypatch.setattr(poller.time, "monotonic", lambda: clock.now - 5000)
    second = Watch(OperationWait(ID), outage_grace_period=600)
    second.take_over(kept)
    clock.now += 9
    assert isinstance(second.see(DbaasServerError("503")), Pending)
    assert isinstance(second.see(DbaasAuthError("403")), Pending)
    clock.now += 2
    assert isinstance(second.see(DbaasServerError("503")), Failed)


@pytest.mark.fact("operation-appears")
def test_404_just_after_creation_passes(clock: Clock) -> None:
    """An operation may be unknown for a moment; not for longer than the bound."""
    watch = Watch(OperationWait(ID))
    assert isinstance(watch.see(DbaasNotFoundError("404")), Pending)
    clock.now += APPEARANCE_SECONDS - 1
    assert isinstance(watch.see(DbaasNotFoundError("404")), Pending)
    assert watch.unsettled
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
    assert str(verdict.error) == f"Timed out while waiting: operation {ID} is pending"
    assert isinstance(watch.see(SUCCESS), Done)


@pytest.mark.fact("operation-polls")
def test_pauses_grow_are_capped_and_jittered(clock: Clock) -> None:
    """From half a second to five, a twentieth of the time waited, never the same for many waits at once.

    With no more than five the end is never seen later than by who looks every five seconds. In a crowd that would be
    too many requests: all pause longer by the same factor. The first pauses grow with the number of waits, also of
    those that share a request: the youngest of them asks for all.
    """
    watches = [Watch(OperationWait(ID)) for _ in range(200)]
    alone = ((0, 0.5), (10, 0.5), (40, 2), (100, 5), (600, 5), (100_000, 5))
    crowds = ((0, 2, 1000, 2), (100, 50, 1000, 10), (100_000, 100, 1000, 20))
    sharing = ((0, 0.5, 6, 1), (0, 0.8, 9, 1), (0, 1, 11, 1), (40, 2, 1000, 1), (100_000, 5, 1000, 1))
    for waited, longest, waits, stretch in [*((*each, 1, 1) for each in alone), *crowds, *sharing]:
        clock.now = 1_000_000.0 + waited
        pauses = [watch.pause(waits=waits, stretch=stretch) for watch in watches]
        assert max(pauses) <= longest
        assert min(pauses) >= 0.8 * longest
        assert len({round(pause, 6) for pause in pauses}) > 150


def test_a_wait_that_another_process_began_keeps_its_age(clock: Clock) -> None:
    """After a restart of the triggerer, waits of hours do not look as often as new ones."""
    assert Watch(OperationWait(ID), began=clock.now - 3600).pause() >= 4


def test_the_log_tells_changes_and_that_it_goes_on(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A line for each database that has changed; now and then one with the time; at the end the outcome."""
    caplog.set_level("INFO", "airflow_dbaas")
    watch = Watch(MigrationWait("db"))

    def shown(*states: str, status: str = "running") -> MigrationStatus:
        details = [{"dbname": f"d{number}", "status": state, "lag": clock.now} for number, state in enumerate(states)]
        return MigrationStatus.model_validate({"status": status, "details": details})

    def told(answer: Any) -> list[str]:
        caplog.clear()
        watch.see(answer)
        return [record.getMessage() for record in caplog.records]

    sum_up = "the migration into service db: status running, 3 databases: 2 running, 1 waiting"
    lag = f"(largest lag: {clock.now:g}, d0)"
    assert told(shown("running", "running", "waiting")) == [
        f"Waiting: {sum_up} {lag}",
        "    d0: running",
        "    d1: running",
        "    d2: waiting",
    ]
    clock.now += 10
    # The lag alone is no news.
    assert told(shown("running", "running", "waiting")) == []
    assert told(shown("running", "waiting", "running"))[1:] == ["    d1: waiting", "    d2: running"]
    lines = []
    for _ in range(8640):
        clock.now += 10
        lines += told(shown("running", "waiting", "running"))
    assert 50 < len(lines) < 90
    assert lines[0].startswith("Still waiting after 70 s: the migration into service db: status running, 3 databases")
    assert lines[-1].startswith("Still waiting after 23 h ")
    (over,) = told(shown("done", "done", "done", status="done"))
    assert over == "Over after 24 h: the migration into service db: status done, 3 databases: 3 done"


def test_an_outage_does_not_fill_the_log(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Each error may be another one: no more than a line a minute."""
    caplog.set_level("INFO", "airflow_dbaas")
    watch = Watch(OperationWait(ID), outage_grace_period=7200)
    for number in range(600):
        watch.see(DbaasServerError(f"503 {number}"))
        clock.now += 5
    assert 45 <= len(caplog.records) <= 51


@pytest.mark.parametrize(
    ("wait", "answer", "outcome"),
    [
        (OperationWait(ID), SUCCESS, f"operation {ID}: success"),
        (ServiceWait("db"), {"dbaas-services": [{"name": "db", "state": "running"}]}, "service db: running"),
        (ServiceWait("db", "absent"), {"dbaas-services": []}, "service db: absent"),
        (TaskWait("db", ID), {"success": True}, f"task {ID} of service db: success"),
        (IntegrationWait(ID, "absent"), {"dbaas-services": []}, f"integration {ID}: absent"),
        (ExternalIntegrationWait(ID), {"status": "active"}, f"external integration {ID}: active"),
    ],
)
def test_the_end_of_a_wait_says_how_it_ended(
    clock: Clock, caplog: pytest.LogCaptureFixture, wait: Wait, answer: Any, outcome: str
) -> None:
    """One line, with the time that it took."""
    caplog.set_level("INFO", "airflow_dbaas")
    watch = Watch(wait, began=clock.now - 150)
    shown = wait.call().answer.model_validate(answer) if isinstance(answer, dict) else answer
    assert isinstance(watch.see(shown), Done)
    assert caplog.records[-1].getMessage() == f"Over after 2 min: {outcome}"


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
    assert 30 <= watch.pause() <= 36
    assert 30 <= watch.pause(most=0.4) <= 36
    watch.see(PENDING)
    assert watch.pause() <= 1
    clock.now += 999.9
    assert watch.pause() == pytest.approx(0.1)


def run_blocking(server: ScriptedServer, watch: Watch) -> Any:
    with Client("k", "s", url=server.url) as client:
        return poller.run(client, watch)


def run_async(server: ScriptedServer, watch: Watch) -> Any:
    async def main() -> Any:
        async with AsyncClient("k", "s", url=server.url) as client:
            return await poller.run_async(SharedClient(client), watch)

    return asyncio.run(main())


@pytest.mark.parametrize("run", [run_blocking, run_async])
def test_both_runners_poll_until_the_end(server: ScriptedServer, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking and async waits see the same, also through faults; each fault costs one poll, no more."""
    monkeypatch.setattr(Watch, "pause", lambda *_, **__: 0)
    monkeypatch.setattr(shared_requests, "REQUESTS_PER_SECOND", 1000.0)
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
    monkeypatch.setattr(poller, "_SHORTEST_PAUSE", 0.05)
    with Client("k", "s", url=server.url) as client:
        server.replies = [Reply(body={"state": "pending"}), Reply(body={"state": "success"})]
        until = time.monotonic() + 0.5
        assert isinstance(poller.run_briefly(client, Watch(OperationWait(ID)), until=until), Done)
        assert len(server.requests) == 2
        server.replies = [Reply(body={"state": "pending"})]
        began = time.monotonic()
        assert isinstance(poller.run_briefly(client, Watch(OperationWait(ID)), until=began + 0.5), Pending)
        assert time.monotonic() - began < 0.6
        server.replies, server.requests = [Reply(body={"dbaas-services": [{"name": "s", "state": "rebuilding"}]})], []
        assert isinstance(poller.run_briefly(client, Watch(ServiceWait("s")), until=time.monotonic() + 60), Pending)
        assert len(server.requests) == 1
