"""The page within a real API server of Airflow: who may see it, and that it tells no secret."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from airflow_dbaas.migration import registry
from airflow_dbaas.migration.registry import MigrationRecord
from tests.unit.conftest import Reply, ScriptedServer

API_SECRET = f"api-secret-{secrets.token_hex(8)}"
PAGE = "/exoscale-dbaas/"
OVERVIEW = f"{PAGE}api/connections/exoscale_default"
NOTES = {"shop": "dbaas_migrate_service", "crm": "somebody_elses"}

Get = Callable[..., Any]


@pytest.fixture(scope="module")
def airflow_app(database: Path) -> Iterator[Any]:
    """Airflow's own application, with its usual auth manager, and two connections in its database."""
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from airflow.models import Connection, Variable
    from airflow.utils.session import create_session

    rows: list[Any] = [
        Connection(conn_id="exoscale_other", conn_type="exoscale", login="EXOkey", password=API_SECRET),
        Connection(conn_id="a_database", conn_type="postgres", host="db.example.com", password=API_SECRET),
        *(
            Variable(
                key=registry.key("ch-gva-2", service),
                val=json.dumps(vars(MigrationRecord("db:5432", "…", dag_id=dag_id, run_id="r", task_id="start"))),
            )
            for service, dag_id in NOTES.items()
        ),
    ]
    with create_session() as session:
        # Other tests of this process may have left records of services with these names.
        for row in rows:
            if isinstance(row, Variable):
                session.execute(delete(Variable).where(Variable.key == row.key))
        session.add_all(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", secrets.token_hex(32))
        yield create_app(apps="core")
        # The auth manager keeps the key.
        purge_cached_app()
    with create_session() as session:
        for row in rows:
            session.delete(row)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """The DBaaS API behind ``exoscale_default``: two services, both migrated into."""
    from airflow.sdk.execution_time import task_runner

    # What a DAG.test() in this process may have left: an API server runs no task.
    monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS", raising=False)
    server = ScriptedServer()
    service = {"type": "pg", "plan": "startup-4", "state": "running", "uri": f"postgres://u:{API_SECRET}@h:1/d"}
    status = {"status": "done", "details": [{"dbname": "shop", "status": "done", "method": "pg_dump"}]}
    server.replies = [Reply(404)]
    server.always = {
        "/v2/dbaas-service": Reply(body={"dbaas-services": [{"name": name, **service} for name in NOTES]}),
        **{f"/v2/dbaas-migration-status/{name}": Reply(body=status) for name in NOTES},
    }
    connection = {"conn_type": "exoscale", "login": "EXOkey", "password": API_SECRET, "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**connection, "extra": {"zone": "ch-gva-2"}}))
    yield server
    server.close()


@pytest.fixture
def get(airflow_app: Any, api: ScriptedServer) -> Get:
    """``await get(path, role)`` asks Airflow as somebody of that role, or as nobody."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    async def ask(path: str, role: str | None, method: str = "GET") -> httpx.Response:
        cookies = (
            {"_token": get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role=role))}
            if role
            else {}
        )
        transport = httpx.ASGITransport(airflow_app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow", cookies=cookies) as client:
            return await client.request(method, path)

    return ask


async def test_nobody_is_led_to_the_login(get: Get, api: ScriptedServer) -> None:
    """Without a login the page leads to Airflow's, and scripts get nothing."""
    page = await get(PAGE, None)
    assert (page.status_code, page.headers["location"]) == (307, "/api/v2/auth/login?next=/exoscale-dbaas/")
    for path in (OVERVIEW, f"{PAGE}api/connections"):
        assert (await get(path, None)).status_code == 401
    assert not api.requests


@pytest.mark.parametrize("role", ["viewer", "user"])
async def test_who_may_not_read_connections_is_refused(get: Get, api: ScriptedServer, role: str) -> None:
    """These roles read DAGs but not connections; nor do they learn which connections there are."""
    page = await get(PAGE, role)
    assert page.status_code == 403
    assert "may read both DAGs and connections" in page.text
    for path in (OVERVIEW, f"{PAGE}api/connections", f"{PAGE}api/connections/no_such"):
        assert (await get(path, role)).status_code == 403
    assert not api.requests


@pytest.mark.parametrize("role", ["op", "admin"])
async def test_who_may_read_both_sees_the_page(get: Get, role: str) -> None:
    """Page, connections of the type and overview, without any secret."""
    page = await get(PAGE, role)
    connections = await get(f"{PAGE}api/connections", role)
    overview = await get(OVERVIEW, role)
    assert {answer.status_code for answer in (page, connections, overview)} == {200}
    assert connections.json()["connections"] == ["exoscale_default", "exoscale_other"]
    shown = {migration["service"]: migration["started_by"]["dag_id"] for migration in overview.json()["migrations"]}
    assert shown == NOTES
    assert API_SECRET not in page.text + connections.text + overview.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert overview.headers["cache-control"] == "no-store"


async def test_a_task_is_told_to_those_who_may_read_its_dag(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others see the migration, but not whose it is."""
    from airflow.api_fastapi.app import get_auth_manager

    manager: Any = get_auth_manager()
    usual = manager.is_authorized_dag
    monkeypatch.setattr(
        manager,
        "is_authorized_dag",
        lambda **asked: asked["details"].id != "somebody_elses" and usual(**asked),
    )
    overview = (await get(OVERVIEW, "admin")).json()
    assert {it["service"]: bool(it["started_by"]) for it in overview["migrations"]} == {"shop": True, "crm": False}


async def test_each_connection_has_its_own_permission(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may read some connections can neither choose nor name the others."""
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(
        get_auth_manager(),
        "is_authorized_connection",
        lambda *, details=None, **_: details is None or details.conn_id in {None, "exoscale_other"},
    )
    assert (await get(f"{PAGE}api/connections", "op")).json()["connections"] == ["exoscale_other"]
    assert (await get(OVERVIEW, "op")).status_code == 403


async def test_what_cannot_be_shown_is_told_in_words(get: Get, api: ScriptedServer) -> None:
    """Connections that are of another type, incomplete or refused."""
    other = await get(f"{PAGE}api/connections/a_database", "admin")
    assert (other.status_code, other.json()["detail"]) == (
        404,
        "There is no connection 'a_database' of type exoscale.",
    )
    incomplete = await get(f"{PAGE}api/connections/exoscale_other", "admin")
    assert incomplete.status_code == 422
    assert "lacks a zone" in incomplete.json()["detail"]
    api.always["/v2/dbaas-service"] = Reply(403, {"message": f"no role for {API_SECRET}"})
    refused = await get(OVERVIEW, "admin")
    assert refused.status_code == 502
    assert "Exoscale refuses this connection's key" in refused.json()["detail"]


async def test_it_only_reads(get: Get) -> None:
    """No other method is taken."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await get(OVERVIEW, "admin", method)).status_code == 405
