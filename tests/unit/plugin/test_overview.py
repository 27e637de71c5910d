"""Asking the API for the page: within a budget, shared by all who look, and what fails is told where it belongs."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasAuthError, DbaasConfigurationError, DbaasTransportError
from airflow_dbaas.plugin import overview
from airflow_dbaas.plugin.budget import CALLS_PER_SECOND, Budget
from airflow_dbaas.plugin.overview import Overviews
from tests.unit.conftest import Reply, ScriptedServer

SERVICES = [{"name": "a", "type": "pg"}, {"name": "b", "type": "grafana"}, {"name": "c", "type": "mysql"}]
DETAIL = {"dbname": "shop", "status": "running", "method": "pg_dump"}
#: Of an account that is too large to be asked about within seconds.
MANY = 300
VIEWERS = 5


@pytest.fixture
def api(server: ScriptedServer) -> ScriptedServer:
    """An API with three services, of which one is being migrated into, and one endpoint."""
    server.replies = [Reply(404, {"message": "not found"})]
    server.always = {
        "/v2/dbaas-service": Reply(body={"dbaas-services": SERVICES}),
        "/v2/dbaas-external-endpoints": Reply(body={"dbaas-endpoints": [{"id": "e", "name": "siem"}]}),
        "/v2/dbaas-migration-status/a": Reply(body={"status": "running", "details": [DETAIL]}),
        "/v2/dbaas-external-integrations/b": Reply(
            body={"external-integrations": [{"dest-endpoint-id": "e", "type": "rsyslog", "status": "active"}]}
        ),
    }
    return server


@pytest.fixture
def large(server: ScriptedServer) -> ScriptedServer:
    """An API with 300 services, of which the last is being migrated into."""
    services = [{"name": f"s{number:03}", "type": "pg", "state": "running"} for number in range(MANY)]
    server.replies = [Reply(404, {"message": "not found"})]
    server.always = {
        "/v2/dbaas-service": Reply(body={"dbaas-services": services}),
        "/v2/dbaas-external-endpoints": Reply(body={"dbaas-endpoints": [{"id": "e", "name": "siem"}]}),
        "/v2/dbaas-migration-status/s000": Reply(body={"status": "running", "details": [DETAIL]}),
    }
    return server


def paths(server: ScriptedServer) -> Counter[str]:
    return Counter(path.removeprefix("/v2/") for _, path, _, _ in server.requests)


def arguments(server: ScriptedServer, **others: Any) -> dict[str, Any]:
    return {"key": "EXOkey", "secret": "secret", "url": server.url, "zone": None, **others}


def quick() -> Overviews:
    """Overviews whose budget is no matter."""
    return Overviews(Budget(calls=100, second=0.01))


async def ask(server: ScriptedServer) -> dict[str, Any]:
    return await quick().of("conn", arguments(server))


async def test_each_thing_is_asked_for_once(api: ScriptedServer) -> None:
    """Migrations only of services that can be migrated into; no migration is no problem."""
    shown = await ask(api)
    assert [service["name"] for service in shown["services"]] == ["a", "b", "c"]
    assert [(migration["service"], migration["as_of"]) for migration in shown["migrations"]] == [("a", None)]
    assert [(link["source"], link["target"]) for link in shown["links"]] == [("b", "e")]
    assert shown["problems"] == []
    assert shown["turns"] == {
        "migrations": {"services": 2, "asked": 2, "oldest": None},
        "attachments": {"services": 3, "asked": 3, "oldest": None},
    }
    assert set(paths(api).values()) == {1}
    assert {path for path in paths(api) if "migration" in path} == {
        "dbaas-migration-status/a",
        "dbaas-migration-status/c",
    }
    assert {method for method, *_ in api.requests} == {"GET"}


async def test_without_endpoints_no_attachments_are_asked_for(api: ScriptedServer) -> None:
    """Where nothing can be attached to, a call for each service is saved."""
    api.always["/v2/dbaas-external-endpoints"] = Reply(body={"dbaas-endpoints": []})
    await ask(api)
    assert not any("external-integrations" in path for path in paths(api))


async def test_what_fails_is_told_where_it_belongs(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One refused call leaves the rest of the page as it is; what may pass is tried again first."""
    monkeypatch.setattr(overview, "_RETRY_AFTER_SECONDS", (0.01, 0.01))
    api.always["/v2/dbaas-migration-status/c"] = Reply(403, {"message": "Forbidden by role"})
    api.always["/v2/dbaas-external-endpoints"] = Reply(500, {"message": "oops"})
    shown = await ask(api)
    told = {(problem["place"], problem["service"]) for problem in shown["problems"]}
    assert told == {("migrations", "c"), ("endpoints", None)}
    assert any("403 Forbidden by role" in problem["text"] for problem in shown["problems"])
    assert [migration["service"] for migration in shown["migrations"]] == ["a"]
    # The attachments tell the endpoints' ids themselves.
    assert [link["target"] for link in shown["links"]] == ["e"]
    assert (paths(api)["dbaas-migration-status/c"], paths(api)["dbaas-external-endpoints"]) == (1, 3)


async def test_what_was_known_is_shown_with_its_age(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the API fails later, the page keeps what it knows, says what is wrong, and how old the rest is."""
    monkeypatch.setattr(overview, "_RETRY_AFTER_SECONDS", ())
    monkeypatch.setattr(overview, "FRESH_SECONDS", 0.2)
    monkeypatch.setattr(overview, "OLD", timedelta(0))
    overviews = quick()
    await overviews.of("conn", arguments(api))
    api.always["/v2/dbaas-migration-status/a"] = api.always["/v2/dbaas-service"] = Reply(503)
    await asyncio.sleep(0.3)
    shown = await overviews.of("conn", arguments(api))
    assert [service["name"] for service in shown["services"]] == ["a", "b", "c"]
    (migration,) = shown["migrations"]
    problems = {problem["place"]: problem for problem in shown["problems"]}
    assert set(problems) == {"services", "migrations"}
    for moment in (migration["as_of"], problems["migrations"]["as_of"], shown["turns"]["migrations"]["oldest"]):
        assert datetime.now(UTC) - datetime.fromisoformat(moment) < timedelta(minutes=1)


async def test_time_is_bounded(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no answer in time fails in the API's own kind of error."""
    monkeypatch.setattr(overview, "LONGEST_SECONDS", 0.0)
    with pytest.raises(DbaasTransportError, match="no answer of the API within"):
        await ask(api)


async def test_viewers_share_an_answer(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty who ask at once cost one overview; a changed connection or an old answer costs a new one."""
    monkeypatch.setattr(overview, "FRESH_SECONDS", 60.0)
    overviews = quick()
    answers = await asyncio.gather(*(overviews.of("conn", arguments(api)) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert set(paths(api).values()) == {1}
    await overviews.of("conn", arguments(api, secret="another"))
    assert set(paths(api).values()) == {2}
    monkeypatch.setattr(overview, "FRESH_SECONDS", 0.1)
    await asyncio.sleep(0.2)
    await overviews.of("conn", arguments(api, secret="another"))
    assert set(paths(api).values()) == {3}


async def test_an_answer_is_fresh_from_its_end_on(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What took longer to ask for than it stays fresh is not asked for again at once."""
    monkeypatch.setattr(overview, "FRESH_SECONDS", 2.0)
    api.always["/v2/dbaas-external-endpoints"] = Reply(body={"dbaas-endpoints": []})
    # Four calls, of which the last one is answered after a second and a half.
    overviews = Overviews(Budget(calls=1, second=0.5))
    await overviews.of("conn", arguments(api))
    await asyncio.sleep(0.6)
    await overviews.of("conn", arguments(api))
    assert (paths(api)["dbaas-service"], paths(api)["dbaas-migration-status/c"]) == (2, 1)


async def test_a_viewer_who_leaves_takes_nothing_away(api: ScriptedServer) -> None:
    """The others still get the answer that the first had asked for."""
    overviews = quick()
    first, second = (asyncio.create_task(overviews.of("conn", arguments(api))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)["services"]


@pytest.mark.parametrize("status", [401, 403])
async def test_an_api_that_refuses_is_an_error(api: ScriptedServer, status: int) -> None:
    """Without the list of services there is nothing to show, nor is what others saw with a key that is refused now."""
    overviews = quick()
    api.always["/v2/dbaas-service"] = Reply(status, {"message": "Forbidden"})
    for _ in range(2):
        with pytest.raises(DbaasAuthError):
            await overviews.of("conn", arguments(api))
    with pytest.raises(DbaasConfigurationError):
        await overviews.of("conn", arguments(api, url="ftp://nowhere"))


async def test_the_secret_goes_when_the_work_is_done(api: ScriptedServer) -> None:
    """What is kept for the next viewer has no secret in it, even if a call failed."""
    secret = "a-secret-of-the-test"
    api.always["/v2/dbaas-migration-status/c"] = Reply(403, {"message": "Forbidden by role"})
    overviews = quick()
    await overviews.of("conn", arguments(api, secret="".join(secret)))
    await asyncio.sleep(0.05)
    seen: set[int] = set()
    queue: list[Any] = [overviews]
    while queue:
        each = queue.pop()
        if id(each) in seen or isinstance(each, type) or type(each).__name__ in {"module", "function", "dict_keys"}:
            continue
        seen.add(id(each))
        assert each != secret
        if not isinstance(each, asyncio.AbstractEventLoop):
            queue += gc.get_referents(each)
    assert len(seen) > 20


async def test_the_budget_holds_in_any_second() -> None:
    """However many wait, and if the process is too busy to give each turn in time; nobody is passed over."""
    budget = Budget()
    begun: list[tuple[float, int]] = []

    async def work(number: int) -> None:
        for _ in range(3):
            await budget.turn()
            begun.append((time.monotonic(), number))

    stall = asyncio.get_running_loop().call_later(0.7, time.sleep, 0.6)
    await asyncio.gather(*(work(number) for number in range(6)))
    stall.cancel()
    times = [moment for moment, _ in begun]
    assert all(later - earlier >= 1 for earlier, later in zip(times, times[CALLS_PER_SECOND:], strict=False))
    assert times[-1] - times[0] < 7
    assert {number for _, number in begun[:6]} == set(range(6))


async def test_five_viewers_of_two_large_accounts_stay_within_the_budget(
    large: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 300 services each, the API gets five requests a second at most, whoever looks; the lists are there at once,
    both accounts have their share, and what is under way is asked more often than the rest.
    """
    times: list[float] = []

    class Requests(list[Any]):
        def append(self, item: Any) -> None:
            times.append(time.monotonic())
            super().append(item)

    large.requests = Requests()
    monkeypatch.setattr(overview, "FRESH_SECONDS", 2.0)
    overviews = Overviews()
    begun = time.monotonic()
    first: list[float] = []

    async def look(conn_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        while time.monotonic() - begun < 12:
            shown = await overviews.of(conn_id, arguments(large, key=f"EXO{conn_id}"))
            first.append(time.monotonic() - begun)
            assert len(shown["services"]) == MANY
            await asyncio.sleep(0.5)
        return shown

    shown = await asyncio.gather(*(look(name) for name in ("one", "two") for _ in range(VIEWERS)))
    # By then a third of the questions, at most, can have been asked.
    assert sorted(first)[2 * VIEWERS - 1] < 6
    elapsed = times[-1] - times[0]
    assert CALLS_PER_SECOND * elapsed * 0.4 < len(times) <= CALLS_PER_SECOND * (elapsed + 1)
    asked = [it["turns"]["migrations"]["asked"] for it in (shown[0], shown[-1])]
    assert max(asked) < 2 * min(asked)
    assert [it["migrations"][0]["service"] for it in (shown[0], shown[-1])] == ["s000", "s000"]
    counts = paths(large)
    assert counts["dbaas-service"] > 4
    # In two accounts, so often in each half of that.
    assert counts["dbaas-migration-status/s000"] >= 6
    assert max(count for path, count in counts.items() if path.endswith("s001")) == 2


async def test_all_of_a_large_account_is_shown_in_the_end(
    large: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turn by turn; how far that is stands in each answer. When nobody looks any more, nothing more is asked."""
    monkeypatch.setattr(overview, "LOOKED_AT_SECONDS", 0.5)
    overviews = Overviews(Budget(calls=5, second=0.01))
    seen: list[int] = []
    while not seen or seen[-1] < 2 * MANY:
        shown = await overviews.of("conn", arguments(large))
        seen.append(sum(it["asked"] for it in shown["turns"].values()))
        await asyncio.sleep(0.05)
    assert seen[0] < MANY
    assert seen == sorted(seen)
    await asyncio.sleep(1)
    asked = len(large.requests)
    await asyncio.sleep(0.5)
    assert len(large.requests) == asked


async def test_an_api_that_asks_for_a_pause_gets_it(api: ScriptedServer) -> None:
    """After a 429 that connection is left alone for as long as the API says; what is known by then is shown."""
    api.always["/v2/dbaas-migration-status/a"] = Reply(429, {"message": "slow down"}, {"Retry-After": "2"})
    overviews = Overviews(Budget(calls=1, second=0.02))
    await overviews.of("conn", arguments(api))
    asked = [path for _, path, _, _ in api.requests]
    assert asked.count("/v2/dbaas-migration-status/a") == 1


async def test_what_nobody_looks_at_is_forgotten(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so are services that are gone."""
    monkeypatch.setattr(overview, "FRESH_SECONDS", 0.1)
    monkeypatch.setattr(overview, "KEPT_SECONDS", 0.5)
    overviews = quick()
    await overviews.of("conn", arguments(api))
    await asyncio.sleep(0.2)
    api.always["/v2/dbaas-service"] = Reply(body={"dbaas-services": SERVICES[1:2]})
    shown = await overviews.of("conn", arguments(api))
    assert (shown["migrations"], shown["turns"]["migrations"]["services"]) == ([], 0)
    await asyncio.sleep(1.7)
    assert overviews._boards == {}
