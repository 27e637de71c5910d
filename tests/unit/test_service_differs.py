"""A service that is there but is not as a task wants it, one that is not there, and the report on equal databases."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasServiceError
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator, equal_lines
from airflow_dbaas.operators.services import DbaasCreateServiceOperator, DbaasUpdateServiceOperator
from tests.unit.conftest import Reply, ScriptedServer

CONTEXT: Any = {"ti": SimpleNamespace(xcom_push=lambda **_: None, start_date=None)}
SHOWN = {"name": "db", "type": "pg", "state": "running", "plan": "startup-4", "zone": "ch-gva-2"}


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    api = {"conn_type": "exoscale", "login": "EXOkey", "password": "api-secret", "host": server.url}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**api, "extra": {"zone": "ch-gva-2"}}))
    source = {"conn_type": "postgres", "host": "old.example.com", "login": "admin", "password": "p@ssword"}
    monkeypatch.setenv("AIRFLOW_CONN_LEGACY", json.dumps(source))


def create(server: ScriptedServer, **arguments: Any) -> Any:
    """What a task says that finds the service there; nothing is created."""
    detailed = {**SHOWN, "work-mem": 8, "version": "17.2", "ip-filter": ["0.0.0.0/0"]}
    server.always = {
        "/v2/dbaas-service": Reply(body={"dbaas-services": [SHOWN]}),
        "/v2/dbaas-postgres/db": Reply(body=detailed),
    }
    try:
        return DbaasCreateServiceOperator(
            task_id="t", service_name="db", deferrable=False, **{"plan": "startup-4", **arguments}
        ).execute(CONTEXT)
    finally:
        assert {method for method, *_ in server.requests} == {"GET"}


def test_another_plan_fails(server: ScriptedServer) -> None:
    """The error names both plans, who changes a plan, and how to do without."""
    with pytest.raises(DbaasServiceError) as caught:
        create(server, plan="business-8")
    assert str(caught.value) == (
        "service db already exists and has plan startup-4, not business-8; DbaasUpdateServiceOperator changes the "
        "plan, if_exists='keep' uses the service as it is"
    )
    assert not caught.value.retryable


def test_another_plan_may_be_kept(server: ScriptedServer) -> None:
    """The result says so."""
    result = create(server, plan="business-8", if_exists="keep")
    assert (result["plan"], result["differs"], result["created"]) == ("startup-4", ["plan"], False)


def test_other_settings_are_named(server: ScriptedServer) -> None:
    """What the service shows otherwise; not what it shows in other words or not at all."""
    settings = {"work_mem": 16, "version": "17", "ip_filter": ["192.0.2.0/24"], "variant": "timescale"}
    assert create(server, settings=settings)["differs"] == ["ip_filter", "work_mem"]
    assert "differs" not in create(server, settings={"work_mem": 8, "version": "17", "variant": "timescale"})


def test_a_missing_service_names_who_creates_one(server: ScriptedServer) -> None:
    """Of an update, and of a check, to which the API says no more than 404."""
    server.always = {"/v2/dbaas-service": Reply(body={"dbaas-services": []})}
    server.replies = [Reply(404, {"message": "Service db does not exist"})]
    with pytest.raises(DbaasServiceError, match=r"service db does not exist; DbaasCreateServiceOperator creates one"):
        DbaasUpdateServiceOperator(task_id="t", service_name="db", settings={"plan": "startup-8"}).execute(CONTEXT)
    with pytest.raises(DbaasServiceError, match=r"service db does not exist; DbaasCreateServiceOperator creates one"):
        DbaasMigrationCheckOperator(task_id="t", service_name="db", source_conn_id="legacy").execute(CONTEXT)


def test_equal_databases_are_a_line_each() -> None:
    """No line is the repr of all; a name cannot end a line."""
    one = {"name": "shop", "tables": 4, "rows": 12345, "bytes": 2_500_000}
    assert list(equal_lines([one, {**one, "name": "a\nb"}])) == [
        "Source and target are equal: 2 databases, 8 tables, 24,690 rows",
        "  database shop: 4 tables, 12,345 rows, 2.5 MB in the target",
        "  database a\\nb: 4 tables, 12,345 rows, 2.5 MB in the target",
    ]
    assert list(equal_lines([{**one, "tables": 1, "rows": 1}])) == [
        "Source and target are equal: 1 database, 1 table, 1 row",
        "  database shop: 1 table, 1 row, 2.5 MB in the target",
    ]
    assert next(equal_lines([])) == "Source and target are equal: 0 databases, 0 tables, 0 rows"
