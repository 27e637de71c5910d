"""What waits in one event loop share: clients, and the answers to the same question."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable
from itertools import pairwise
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, answers
from airflow_dbaas.api.errors import DbaasAuthError, DbaasRateLimitError, DbaasServerError
from airflow_dbaas.api.services import Services
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.waiting import poller, shared_requests
from airflow_dbaas.waiting.conditions import Done, Failed, IntegrationWait, OperationWait, ServiceWait
from airflow_dbaas.waiting.poller import Watch
from airflow_dbaas.waiting.shared_requests import SharedClient
from tests import virtual_time
from tests.unit.conftest import Reply, ScriptedServer
from tests.virtual_time import Clock

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
SERVICES = 200


def listed(*states: str) -> Reply:
    """A list of services in these states, each with an integration that is as active as the service."""
    services = [
        {
            "name": f"s{number}",
            "state": state,
            "integrations": [
                {"id": uuid(number), "type": "logs", "source": f"s{number}", "dest": "logs", "is-active": True}
            ],
        }
        for number, state in enumerate(states)
    ]
    return Reply(body={"dbaas-services": services})


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


async def together(server: ScriptedServer, *watches: Watch) -> list[Done | Failed]:
    """The verdicts of waits that share a client."""
    async with AsyncClient("k", "s", url=server.url) as client:
        shared = SharedClient(client)
        verdicts: list[Awaitable[Done | Failed]] = [poller.run_async(shared, watch) for watch in watches]
        return await asyncio.gather(*verdicts)


async def test_waits_on_services_and_integrations_share_each_request(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four hundred waits that see three answers have sent three requests."""
    monkeypatch.setattr(poller, "_SHORTEST_PAUSE", 0.2)
    some = ["running"] * (SERVICES // 2) + ["rebuilding"] * (SERVICES // 2)
    server.replies = [listed(*["rebuilding"] * SERVICES), listed(*some), listed(*["running"] * SERVICES)]
    watches = [Watch(ServiceWait(f"s{number}")) for number in range(SERVICES)]
    watches += [Watch(IntegrationWait(uuid(number))) for number in range(SERVICES)]
    verdicts = await together(server, *watches)
    assert all(isinstance(verdict, Done) for verdict in verdicts)
    assert {verdict.result.get("service") for verdict in verdicts if isinstance(verdict, Done)} >= {"s0", "s199"}
    assert len(server.requests) == 3


async def test_an_answer_that_has_not_changed_is_read_once(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever came in between: a status of an error does not pass for an answer, nor does a changed one."""
    monkeypatch.setattr(poller, "_SHORTEST_PAUSE", 0.05)
    read = 0

    def parse(kind: Any, content: bytes) -> Any:
        nonlocal read
        read += 1
        return parsed(kind, content)

    parsed = answers._parse
    monkeypatch.setattr(answers, "_parse", parse)
    waiting, done = listed("rebuilding"), listed("running")
    refused = Reply(503, waiting.body)
    server.replies = [waiting, waiting, refused, waiting, waiting, done]
    (verdict,) = await together(server, Watch(ServiceWait("s0")))
    assert isinstance(verdict, Done)
    assert (len(server.requests), read) == (6, 2)


async def test_an_empty_answer_is_never_the_last_one_again(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at first, when there has been none, nor later: it is an answer that cannot be read."""
    monkeypatch.setattr(poller, "_SHORTEST_PAUSE", 0.05)
    empty = Reply(body=b"")
    server.replies = [empty, empty, listed("rebuilding"), empty, listed("running")]
    (verdict,) = await together(server, Watch(ServiceWait("s0")))
    assert isinstance(verdict, Done)
    assert len(server.requests) == 5


async def test_a_crowd_asks_less_often(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait is told how many wait, and how much longer it must pause; a request that is shared counts once."""
    server.replies = [*[Reply(body={"state": "pending"})] * 60, Reply(body={"state": "success"})]
    server.always = {"/v2/dbaas-service": listed("rebuilding")}
    told: list[tuple[int, float]] = []
    watches = [Watch(ServiceWait("s0"), deadline=time.time() + 2) for _ in range(20)]
    monkeypatch.setattr(shared_requests, "REQUESTS_PER_SECOND", 100.0)
    monkeypatch.setattr(
        Watch, "pause", lambda _, *, waits, stretch=0.0: told.append((waits, stretch)) or (0.2 if stretch else 0.0)
    )
    monkeypatch.setattr(Watch, "interval", lambda *_: 0.1)
    await together(server, *watches, *(Watch(OperationWait(uuid(number))) for number in range(30)))
    stretches = [stretch for _, stretch in told if stretch]
    # 31 requests, each of which would like to be sent ten times a second, where 80 are aimed at; 20 waits share one.
    assert max(told)[0] == 50
    assert max(stretches) == pytest.approx(310 * 1.02 / 80, rel=0.01)
    assert stretches[-1] == 1


def test_requests_are_paced_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more than the rate; the first at once; one that gives up leaves its place, and no other is passed over."""
    monkeypatch.setattr(shared_requests, "REQUESTS_PER_SECOND", 50.0)
    clock = Clock()
    passed: list[tuple[int, float]] = []

    async def one(pacer: shared_requests.Pacer, number: int) -> None:
        await pacer.turn()
        passed.append((number, clock.now))

    async def all_of_them() -> None:
        pacer = shared_requests.Pacer()
        tasks = [asyncio.create_task(one(pacer, number)) for number in range(20)]
        await asyncio.sleep(0)
        for number in (3, 4, 5, 19):
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.05)
        await one(pacer, 20)

    began = clock.now
    virtual_time.run(clock, all_of_them())
    assert [number for number, _ in passed] == [0, 1, 2, *range(6, 19), 20]
    assert passed[0][1] == began
    assert min(later - earlier for (_, earlier), (_, later) in pairwise(passed)) >= 0.02
    # Nothing was sent for a while, so the last one need not wait.
    assert passed[-1][1] - passed[-2][1] == pytest.approx(0.05)


async def test_the_pace_follows_the_api() -> None:
    """A 429 halves it, once for all that were under way; answers make it what it was, errors leave it alone."""
    pacer = shared_requests.Pacer()
    before = pacer.interval
    for _ in range(5):
        pacer.heed(DbaasRateLimitError("429"))
    assert pacer.interval == 2 * before
    pacer.heed(DbaasServerError("503"))
    assert pacer.interval == 2 * before
    for _ in range(100):
        pacer.heed({})
    assert pacer.interval == before


async def test_the_pace_outlives_a_client(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are over at once, one after the other, keep to the rate as well."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_A", json.dumps(fields))
    monkeypatch.setattr(shared_requests, "REQUESTS_PER_SECOND", 20.0)
    server.replies = [Reply(body={"state": "success"})]
    began = time.monotonic()
    for _ in range(6):
        async with shared_requests.client_of(DbaasHook("a")) as client:
            await poller.run_async(client, Watch(OperationWait(ID)))
    assert time.monotonic() - began >= 5 / 20


async def test_different_questions_are_not_shared(server: ScriptedServer) -> None:
    """Each operation has its own request."""
    server.replies = [Reply(body={"state": "success"})]
    await together(server, Watch(OperationWait(uuid(1))), Watch(OperationWait(uuid(2))))
    assert {path for _, path, _, _ in server.requests} == {f"/v2/operation/{uuid(number)}" for number in (1, 2)}


async def test_nobody_gets_an_answer_older_than_the_question(server: ScriptedServer) -> None:
    """Who asks while a request is under way gets the answer to the next one."""
    server.replies = [listed("rebuilding"), listed("running")]
    async with AsyncClient("k", "s", url=server.url) as client:
        arrived = asyncio.Event()
        send = client.send

        async def slow(*args: Any, **kwargs: Any) -> Any:
            answer = await send(*args, **kwargs)
            arrived.set()
            await asyncio.sleep(0.1)
            return answer

        client.send = slow  # type: ignore[method-assign]
        with SharedClient(client).question(Services.list.call()) as question:
            first = asyncio.create_task(question.answer(0))
            await arrived.wait()
            second = asyncio.create_task(question.answer(0))
            assert (await first).named("s0").state == "rebuilding"
            assert (await second).named("s0").state == "running"
    assert len(server.requests) == 2


async def test_who_leaves_is_not_asked_for(server: ScriptedServer) -> None:
    """A wait that is cancelled takes its hurry with it, and the others go on."""
    server.replies = [listed("running")]
    async with AsyncClient("k", "s", url=server.url) as client:
        with SharedClient(client).question(Services.list.call()) as question:
            patient = asyncio.create_task(question.answer(0.4))
            hasty = asyncio.create_task(question.answer(0.1))
            await asyncio.sleep(0)
            hasty.cancel()
            await asyncio.sleep(0.2)
            assert server.requests == []
            assert (await patient).named("s0").state == "running"
    assert len(server.requests) == 1


async def test_an_error_is_everybodys(server: ScriptedServer) -> None:
    """What the API refuses one, it refuses all who ask the same; each says it for itself."""
    server.replies = [Reply(403, {"message": "no"})]
    verdicts = await together(server, Watch(ServiceWait("s0")), Watch(ServiceWait("s1")))
    assert [type(verdict.error) for verdict in verdicts if isinstance(verdict, Failed)] == [DbaasAuthError] * 2
    assert len(server.requests) == 1


async def test_an_unexpected_error_reaches_all(server: ScriptedServer) -> None:
    """A defect ends the waits; it does not leave them waiting for ever."""

    async def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a defect")

    async with AsyncClient("k", "s", url=server.url) as client:
        client.send = broken  # type: ignore[method-assign]
        shared = SharedClient(client)
        waits = [poller.run_async(shared, Watch(ServiceWait(name))) for name in ("s0", "s1")]
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["a defect"] * 2


async def test_a_connection_has_one_client_until_the_last_has_left(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal settings, one client, whatever the connection is called; other settings, another client."""
    for name, key in (("A", "EXOone"), ("B", "EXOone"), ("C", "EXOtwo")):
        fields = {"conn_type": "exoscale", "login": key, "password": "s", "host": server.url}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(fields))
    async with shared_requests.client_of(DbaasHook("a")) as a:
        async with shared_requests.client_of(DbaasHook("b")) as b, shared_requests.client_of(DbaasHook("c")) as c:
            assert a is b
            assert a is not c
        await a.client.services.list()
        async with shared_requests.client_of(DbaasHook("b")) as b:
            assert a is b
        with pytest.raises(RuntimeError, match="closed"):
            await c.client.services.list()
    async with shared_requests.client_of(DbaasHook("a")) as later:
        assert later is not a
        await later.client.services.list()


def test_event_loops_share_nothing(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client belongs to the loop it was opened in."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_A", json.dumps(fields))
    seen: list[SharedClient] = []

    async def look() -> None:
        async with shared_requests.client_of(DbaasHook("a")) as shared:
            seen.append(shared)
            await shared.client.services.list()

    for _ in range(2):
        asyncio.run(look())
    assert seen[0] is not seen[1]


async def test_waits_that_start_together_do_not_look_together(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first looks of many waits are spread over a second; one by itself looks at once."""
    delays: list[float] = []

    async def note(self: shared_requests.Question, within: float, **_: Any) -> Any:
        delays.append(within)
        await asyncio.sleep(0.1)
        raise DbaasAuthError("enough")

    monkeypatch.setattr(shared_requests.Question, "answer", note)
    await together(server, *(Watch(OperationWait(uuid(number))) for number in range(100)))
    assert max(delays) <= 1
    assert delays[0] == 0
    assert len({round(delay, 1) for delay in delays}) > 7
