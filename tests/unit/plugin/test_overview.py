"""Asking the API for the page: few calls, shared by all who look, and what fails is told where it belongs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient
from airflow_dbaas.api.errors import DbaasAuthError
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.plugin import overview
from airflow_dbaas.plugin.overview import Overviews, Questions
from tests.unit.conftest import Reply, ScriptedServer

SERVICES = [{"name": "a", "type": "pg"}, {"name": "b", "type": "grafana"}, {"name": "c", "type": "mysql"}]


@pytest.fixture
def api(server: ScriptedServer) -> ScriptedServer:
    """An API with three services, of which one is being migrated into, and one endpoint."""
    detail = {"dbname": "shop", "status": "running", "method": "pg_dump"}
    server.replies = [Reply(404, {"message": "not found"})]
    server.always = {
        "/v2/dbaas-service": Reply(body={"dbaas-services": SERVICES}),
        "/v2/dbaas-external-endpoints": Reply(body={"dbaas-endpoints": [{"id": "e", "name": "siem"}]}),
        "/v2/dbaas-migration-status/a": Reply(body={"status": "running", "details": [detail]}),
        "/v2/dbaas-external-integrations/b": Reply(
            body={"external-integrations": [{"dest-endpoint-id": "e", "type": "rsyslog", "status": "active"}]}
        ),
    }
    return server


def paths(server: ScriptedServer) -> Counter[str]:
    return Counter(path.removeprefix("/v2/") for _, path, _, _ in server.requests)


async def ask(server: ScriptedServer, seconds: float = 60) -> dict[str, Any]:
    async with AsyncClient("EXOkey", "secret", url=server.url, retry=NO_RETRY) as client:
        return await Questions(client, seconds=seconds).overview()


async def test_each_thing_is_asked_for_once(api: ScriptedServer) -> None:
    """Migrations only of services that can be migrated into; no migration is no problem."""
    shown = await ask(api)
    assert [service["name"] for service in shown["services"]] == ["a", "b", "c"]
    assert [migration["service"] for migration in shown["migrations"]] == ["a"]
    assert [(link["source"], link["target"]) for link in shown["links"]] == [("b", "e")]
    assert shown["problems"] == []
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


async def test_what_fails_is_told_where_it_belongs(api: ScriptedServer) -> None:
    """One refused call leaves the rest of the page as it is."""
    api.always["/v2/dbaas-migration-status/c"] = Reply(403, {"message": "Forbidden by role"})
    api.always["/v2/dbaas-external-endpoints"] = Reply(500, {"message": "oops"})
    shown = await ask(api)
    told = {(problem["place"], problem["service"]) for problem in shown["problems"]}
    assert told == {("migrations", "c"), ("endpoints", None)}
    assert any("403 Forbidden by role" in problem["text"] for problem in shown["problems"])
    assert [migration["service"] for migration in shown["migrations"]] == ["a"]
    # The attachments tell the endpoints' ids themselves.
    assert [link["target"] for link in shown["links"]] == ["e"]


async def test_time_is_bounded(api: ScriptedServer) -> None:
    """What has no answer in time fails in the API's own kind of error."""
    with pytest.raises(overview.DbaasTransportError, match="no answer of the API within"):
        await ask(api, seconds=0)


async def test_viewers_share_an_answer(api: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty who ask at once cost one overview; a changed connection or an old answer costs a new one."""
    monkeypatch.setattr(overview, "SHARED_SECONDS", 60.0)
    overviews = Overviews()
    arguments = {"key": "EXOkey", "secret": "secret", "url": api.url, "zone": None}
    answers = await asyncio.gather(*(overviews.of("conn", arguments) for _ in range(20)))
    assert all(answer is answers[0] for answer in answers)
    assert set(paths(api).values()) == {1}
    await overviews.of("conn", {**arguments, "secret": "another"})
    assert set(paths(api).values()) == {2}
    monkeypatch.setattr(overview, "SHARED_SECONDS", 0.0)
    await overviews.of("conn", {**arguments, "secret": "another"})
    assert set(paths(api).values()) == {3}


async def test_a_viewer_who_leaves_takes_nothing_away(api: ScriptedServer) -> None:
    """The others still get the answer that the first had asked for."""
    overviews = Overviews()
    arguments = {"key": "EXOkey", "secret": "secret", "url": api.url}
    first, second = (asyncio.create_task(overviews.of("conn", arguments)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)["services"]


async def test_an_api_that_refuses_is_an_error(api: ScriptedServer) -> None:
    """Without the list of services there is nothing to show."""
    api.always["/v2/dbaas-service"] = Reply(403, {"message": "Forbidden"})
    with pytest.raises(DbaasAuthError):
        await ask(api)
