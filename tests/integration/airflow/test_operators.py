"""Operators and sensors in a real Airflow, poking and deferred, against the emulator and real servers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.airflow.conftest import Run, fill, password_of

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

Define = Callable[..., None]

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])


def absent(client: Client, name: str) -> bool:
    return name not in {service.name for service in client.services.list().dbaas_services}


@modes
def test_create_reuse_and_delete(run: Run, client: Client, mode: str) -> None:
    """A service is created and runs; a second create finds it; a delete ends when it is gone, a second is no error."""
    name = f"db-{secrets.token_hex(4)}"
    created = run(f"create_{mode}", service=name)
    assert created.state == "success"
    assert created.task.result["created"] is True
    assert (created.task.result["service"], created.task.result["state"]) == (name, "running")
    # Success of the operation alone is not enough: the server answers.
    assert client.services.pg.get(name).databases

    again = run(f"create_{mode}", service=name)
    assert again.task.result["created"] is False
    assert "differs" not in again.task.result
    other = run(f"create_{mode}", service=name, plan="business-8")
    assert (other.task.state, other.task.tries) == ("failed", 1)
    assert f"service {name} already exists and has plan startup-4, not business-8; DbaasUpdateServiceOp" in other.output

    refused = run(f"create_new_{mode}", service=name)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"service {name} already exists (if_exists='fail')" in refused.output

    for deleted in (True, False):
        gone = run(f"delete_{mode}", service=name)
        assert gone.state == "success"
        assert gone.task.result["deleted"] is deleted
        assert gone.task.result["state"] == "absent"
        assert absent(client, name)


def test_a_protected_service_is_not_deleted(run: Run, client: Client, service: str) -> None:
    """Termination protection is respected before the API is asked."""
    client.services.pg.update(name=service, termination_protection=True)
    refused = run("delete_poking", service=service)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "has termination protection" in refused.output
    client.services.pg.update(name=service, termination_protection=False)


@pytest.fixture
def source(shop: PostgresServer, define_source: Define) -> PostgresServer:
    define_source("legacy", shop)
    return shop


@modes
@pytest.mark.parametrize("method", ["dump", "replication"])
def test_a_migration_step_by_step(
    run: Run, client: Client, service: str, source: PostgresServer, mode: str, method: str
) -> None:
    """Check, start, join, wait, stop, verify: each step does its work, and doing it again does no harm."""
    parameters = {"service": service, "source": "legacy", "method": method}
    checked = run(f"check_{mode}", **parameters)
    assert checked.state == "success"
    assert checked.task.result["result"] == f"Migration method will be '{method}'."

    started = run(f"start_{mode}", **parameters)
    assert started.task.result == {
        "service": service,
        "zone": "ch-gva-2",
        "source": f"127.0.0.1:{source.port}",
        "method": method,
        "joined": False,
        "operation_id": started.task.result["operation_id"],
    }
    joined = run(f"start_{mode}", **parameters)
    assert joined.task.result["joined"] is True
    assert "Joining it" in joined.output

    waited = run(f"migration_{mode}", **parameters)
    assert waited.state == "success"
    (database,) = waited.task.result["databases"]
    expected = {"dump": ("pg_dump", "done"), "replication": ("replication", "syncing")}[method]
    assert (database["name"], database["method"], database["status"]) == ("shop", *expected)

    # While replication goes on, source and target can be compared, too.
    assert run(f"verify_{mode}", **parameters).state == "success"

    stopped = run(f"stop_{mode}", **parameters)
    assert stopped.task.result["stopped"] is True
    assert stopped.task.result["sequences"] == (1 if method == "replication" else 0)
    with pytest.raises(DbaasNotFoundError):
        client.migrations.status(service)
    again = run(f"stop_{mode}", **parameters)
    assert (again.state, again.task.result["stopped"], again.task.result["sequences"]) == ("success", False, 0)

    verified = run(f"verify_{mode}", **parameters)
    assert verified.state == "success"
    (report,) = verified.task.result["databases"]
    assert (report["name"], report["tables"], report["rows"]) == ("shop", 1, 1000)


def test_another_source_is_refused(
    run: Run,
    client: Client,
    service: str,
    source: PostgresServer,
    postgres_servers: Callable[..., PostgresServer],
    define_source: Define,
) -> None:
    """A migration from another source is neither replaced nor joined, and nothing is retried."""
    other = postgres_servers()
    fill(other, "other")
    define_source("other", other)
    assert run("start_poking", service=service, source="legacy", method="replication").state == "success"
    refused = run("start_poking", service=service, source="other")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"from 127.0.0.1:{source.port} (started by start_poking.task" in refused.output
    assert f"not from 127.0.0.1:{other.port}; stop it first" in refused.output
    assert [d.dbname for d in client.migrations.status(service).details] == ["shop"]
    # A service into which a migration runs is not deleted either.
    kept = run("delete_poking", service=service)
    assert (kept.task.state, kept.task.tries) == ("failed", 1)
    assert run("stop_poking", service=service, source="legacy").state == "success"


def test_a_migration_of_unknown_origin_is_refused(
    run: Run, client: Client, service: str, source: PostgresServer
) -> None:
    """One started in the portal may come from anywhere: it is not joined."""
    settings: Any = {
        "host": source.host,
        "port": source.port,
        "username": "postgres",
        "password": password_of(source),
        "ssl": False,
    }
    client.services.pg.update(name=service, migration={**settings, "method": "replication"})
    refused = run("start_poking", service=service, source="legacy")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "its source is unknown" in refused.output
    client.migrations.stop_pg(service)


def test_a_failed_migration_is_cleared_and_started_anew(
    run: Run, service: str, source: PostgresServer, define_source: Define
) -> None:
    """After an attempt that never reached its source, a start does what a person would: stop and start."""
    define_source("unreachable", source, port=1)
    assert run("start_poking", service=service, source="unreachable", method="dump").state == "success"
    failed = run("migration_poking", service=service)
    assert (failed.task.state, failed.task.tries) == ("failed", 1)
    assert f"The migration into service {service} failed: status done, error: Failed to run query" in failed.output
    started = run("start_poking", service=service, source="legacy", method="dump")
    assert started.task.result["joined"] is False
    assert run("migration_poking", service=service).state == "success"


@modes
def test_a_refused_check_says_why(
    run: Run, client: Client, service: str, source: PostgresServer, define_source: Define, mode: str
) -> None:
    """A check that is refused fails its task at once with the API's reason, and without the password."""
    define_source("wrong", source, password="wr@ng/pass word")
    refused = run(f"check_{mode}", service=service, source="wrong")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"The pg migration check for service {service} was refused:" in refused.output
    assert 'password authentication failed for user "postgres"' in refused.output
    assert "wr@ng" not in refused.output
    assert "wr%40ng" not in refused.output


@modes
def test_sensors_of_operations_tasks_and_services(
    run: Run, client: Client, service: str, source: PostgresServer, mode: str
) -> None:
    """Each sensor succeeds when what it waits for has ended well, and pushes what it saw."""
    uri = f"postgres://postgres@{source.host}:{source.port}/postgres?sslmode=disable"
    operation = client.migrations.check(service=service, source_service_uri=uri)
    waited = run(f"operation_{mode}", id=operation.id)
    assert waited.state == "success"
    task_id = waited.task.result["reference_id"]
    assert task_id

    refused = run(f"task_{mode}", service=service, id=task_id)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "was refused" in refused.output

    running = run(f"service_{mode}", service=service)
    assert running.task.result == {
        "service": service,
        "state": "running",
        "type": "pg",
        "plan": "startup-4",
        "zone": "ch-gva-2",
    }


@modes
def test_a_time_out_is_not_retried(run: Run, mode: str) -> None:
    """A sensor whose time is over fails, in both modes alike, without using up retries."""
    ended = run(f"service_briefly_{mode}", service="no-such-service")
    assert (ended.task.state, ended.task.tries) == ("failed", 1)
    assert "AirflowSensorTimeout" in ended.output


def test_stopping_too_early_is_refused(
    run: Run, client: Client, service: str, postgres_servers: Callable[..., PostgresServer], define_source: Define
) -> None:
    """A migration that is still copying is not stopped; the task may be retried until it can be."""
    slow = postgres_servers()
    fill(slow, "big", rows=200_000)
    define_source("slow", slow)
    # The copy cannot end while this lock is held.
    with psycopg.connect(slow.conninfo(dbname="big")) as holder:
        holder.execute("LOCK TABLE item IN ACCESS EXCLUSIVE MODE")
        assert run("start_poking", service=service, source="slow", method="dump").state == "success"
        refused = run("stop_poking", service=service, source="slow")
        assert (refused.task.state, refused.task.tries) == ("failed", 2)
        assert "stopping it now would leave the target incomplete" in refused.output
        assert client.migrations.status(service).status == "running"
    assert run("migration_poking", service=service).state == "success"
    assert run("stop_poking", service=service, source="slow").state == "success"


def test_differences_are_found(run: Run, service: str, source: PostgresServer, client: Client, tmp_path: Path) -> None:
    """A row that differs fails the verification, by database and table."""
    parameters = {"service": service, "source": "legacy", "method": "dump"}
    assert run("start_poking", **parameters).state == "success"
    assert run("migration_poking", **parameters).state == "success"
    assert run("stop_poking", **parameters).state == "success"
    given = client.services.pg.get(service).uri_params or {}
    password = client.accounts.pg.reveal_password(service_name=service, username=given["user"]).password
    with psycopg.connect(
        host=given["host"], port=given["port"], user=given["user"], password=password, dbname="shop"
    ) as target:
        target.execute("UPDATE item SET name = 'changed' WHERE id = 7")
    found = run("verify_poking", **parameters)
    assert (found.task.state, found.task.tries) == ("failed", 1)
    assert "1 differences between" in found.output
    assert "shop: table public.item: the same number of rows, other content (1000 at the source" in found.output
    assert password not in found.output

    assert run("verify_tables_poking", **parameters, id=str(tmp_path / "report.html")).state == "failed"
    kept = json.loads((tmp_path / "report.json").read_text())
    assert (kept["service"], kept["equal"], [table["name"] for table in kept["tables"]]) == (
        service,
        False,
        ["public.item"],
    )
    assert "id 7: name: " in kept["differences"][0]["message"]
    assert "changed in the target" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("dag_id", "parameters", "message"),
    [
        ("create_poking", {"service": "x" * 64}, "service_name must have at most 63 characters, got 64"),
        ("create_poking", {"service": "db", "plan": "huge"}, "plan must be a plan's name, such as startup-4"),
        ("create_deferred", {"service": "db", "zone": "mars-1"}, "zone must be one of at-vie-1"),
        ("check_poking", {"service": "db", "source": "nowhere"}, "there is no Airflow connection 'nowhere'"),
        (
            "start_deferred",
            {"service": "db", "source": "odd"},
            "connection 'odd' must be of type postgres or mysql, is 'http'",
        ),
        ("start_poking", {"service": "db", "source": "odd", "method": "copy"}, "method must be one of auto, dump"),
    ],
)
def test_bad_parameters_send_nothing(
    run: Run,
    emulator: Any,
    monkeypatch: pytest.MonkeyPatch,
    dag_id: str,
    parameters: dict[str, str],
    message: str,
) -> None:
    """What templates render to is checked before the first request: nothing arrives, nothing is retried."""
    monkeypatch.setenv("AIRFLOW_CONN_ODD", '{"conn_type": "http", "host": "h", "login": "l", "password": "ppppp"}')
    before = emulator.log.read_text()
    refused = run(dag_id, **parameters)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert message in refused.output
    assert emulator.log.read_text() == before
