"""After a migration that failed: it counts as over, its slot is named, and everything can be removed."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.waiting import conditions
from tests.integration.airflow.conftest import Run, fill
from tests.integration.test_same_server import forwarded

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

Define = Callable[..., None]
CLEAN_UP = "dbaas_clean_up_failed_migration"

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])


@contextmanager
def running(run: Run, client: Client) -> Iterator[str]:
    """A service that runs, and that a test may delete."""
    name = f"db-{secrets.token_hex(4)}"
    assert run("create_poking", service=name).state == "success"
    yield name
    with suppress(DbaasNotFoundError):
        client.services.delete(name)


@pytest.fixture
def service(run: Run, client: Client) -> Iterator[str]:
    """A service of the test's own."""
    with running(run, client) as name:
        yield name


@pytest.fixture
def second(run: Run, client: Client) -> Iterator[str]:
    """Another service."""
    with running(run, client) as name:
        yield name


@pytest.fixture
def source(postgres_servers: Callable[..., PostgresServer], define_source: Define) -> PostgresServer:
    """A source of the test's own."""
    server = postgres_servers(settings={"wal_level": "logical"})
    fill(server, "shop", rows=10)
    define_source("legacy", server)
    return server


@pytest.fixture
def failed(run: Run, service: str, source: PostgresServer, define_source: Define) -> str:
    """A service into which a migration has failed permanently."""
    define_source("unreachable", source, port=1)
    assert run("start_poking", service=service, source="unreachable", method="dump").state == "success"
    assert run("migration_poking", service=service).state == "failed"
    return service


def left_at(source: PostgresServer) -> list[str]:
    with psycopg.connect(source.conninfo(dbname="shop")) as connection:
        found = connection.execute(
            "SELECT slot_name::text FROM pg_replication_slots UNION ALL SELECT pubname::text FROM pg_publication"
        )
        return [name for (name,) in found.fetchall()]


def gone(client: Client, service: str) -> bool:
    try:
        client.migrations.status(service)
    except DbaasNotFoundError:
        return True
    return False


@modes
def test_a_stop_removes_it(run: Run, client: Client, failed: str, mode: str) -> None:
    """Without force: it is over. Nothing is completed, for there is nothing whole."""
    stopped = run(f"stop_{mode}", service=failed, source="legacy")
    assert (stopped.state, stopped.task.result["stopped"], stopped.task.result["sequences"]) == ("success", True, 0)
    assert "has failed and is removed; the target is incomplete" in stopped.output
    assert gone(client, failed)


@modes
def test_the_service_is_deleted(run: Run, client: Client, failed: str, mode: str) -> None:
    """Without force, too."""
    deleted = run(f"delete_{mode}", service=failed)
    assert (deleted.state, deleted.task.result["deleted"]) == ("success", True)
    assert client.services.list().named(failed) is None


@modes
def test_it_is_cleaned_up(run: Run, client: Client, failed: str, mode: str) -> None:
    """By the operator; a second time there is nothing to do."""
    for removed in (True, False):
        ended = run(f"clean_up_{mode}", service=failed, source="legacy")
        assert ended.state == "success"
        result = dict(ended.task.result)
        assert result.pop("operation_id") if removed else result.pop("operation_id") is None
        assert result == {"service": failed, "zone": "ch-gva-2", "removed": removed, "dropped": []}
    assert gone(client, failed)


@pytest.fixture
def replicating(run: Run, service: str, source: PostgresServer) -> str:
    """A service that follows the source."""
    assert run("start_poking", service=service, source="legacy", method="replication").state == "success"
    assert run("migration_poking", service=service).state == "success"
    return service


def test_an_occupied_slot_is_named(
    run: Run, client: Client, source: PostgresServer, replicating: str, second: str, define_source: Define
) -> None:
    """The check says which slot it is, who holds it, and what to do; nothing is dropped that is in use."""
    for method in ("auto", "replication"):
        refused = run("check_poking", service=second, source="legacy", method=method)
        assert (refused.task.state, refused.task.tries) == ("failed", 1)
        assert "replication slot aiven_db_migrate_" in refused.output
        assert "of database shop is in use (active for PID " in refused.output
        assert f"by the migration into service {replicating} (started by start_poking.task" in refused.output
        assert "dbaas_clean_up_failed_migration" in refused.output
    assert run("check_poking", service=second, source="legacy", method="dump").state == "success"
    # The service's own migration is no obstacle to a check that is run again.
    assert run("check_poking", service=replicating, source="legacy").state == "success"
    # One from which this worker cannot look is checked by the service alone.
    define_source("legacy", source, password="wrong")
    unseen = run("check_poking", service=second, source="legacy")
    assert "The replication slots of the source could not be read from here" in unseen.output
    assert "was refused: " in unseen.output
    define_source("legacy", source)

    before = left_at(source)
    for service in (replicating, second):
        kept = run("clean_up_source_poking", service=service, source="legacy")
        assert (kept.task.state, kept.task.tries) == ("failed", 1)
        assert ("has not failed" if service == replicating else f"Service {replicating} is being") in kept.output
    assert left_at(source) == before != []
    assert run("stop_poking", service=replicating, source="legacy").state == "success"
    assert run("check_poking", service=second, source="legacy").state == "success"


def leave_behind(source: PostgresServer) -> None:
    """What a migration leaves whose service has gone without a stop."""
    with psycopg.connect(source.conninfo(dbname="shop"), autocommit=True) as connection:
        connection.execute("SELECT pg_create_logical_replication_slot('aiven_db_migrate_0a_slot', 'pgoutput')")
        connection.execute("CREATE PUBLICATION aiven_db_migrate_0a_pub FOR ALL TABLES")
        connection.execute("SELECT pg_create_logical_replication_slot('somebody_elses', 'pgoutput')")
        connection.execute('CREATE PUBLICATION "aiven-db-migrate\'s" FOR ALL TABLES')


def test_the_dag_cleans_the_source_if_it_is_told_to(run: Run, source: PostgresServer) -> None:
    """The service is gone by then. What is not called like a migration's is left."""
    leave_behind(source)
    form = {"service": "was-deleted", "source_conn_id": "legacy"}
    assert run(CLEAN_UP, **form).task.result["dropped"] == []
    assert len(left_at(source)) == 4
    cleaned = run(CLEAN_UP, **form, drop_at_source=True)
    assert cleaned.state == "success"
    assert cleaned.task.result["dropped"] == [
        "replication slot aiven_db_migrate_0a_slot of database shop",
        "publication aiven_db_migrate_0a_pub of database shop",
    ]
    assert sorted(left_at(source)) == ["aiven-db-migrate's", "somebody_elses"]


@modes
def test_a_replication_gets_time_to_recover(
    run: Run,
    client: Client,
    source: PostgresServer,
    replicating: str,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is shown as failed is given its grace period; then it is over, for stop and deletion."""
    monkeypatch.setattr(conditions.MigrationWait, "__init__", _short_grace(conditions.MigrationWait.__init__))
    with psycopg.connect(source.conninfo(), autocommit=True) as connection:
        # The source no longer lets the service in.
        connection.execute("ALTER ROLE postgres PASSWORD 'changed'")
        connection.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
    # It takes the emulator's server a moment to notice.
    until_failed(client, replicating)
    stopped = run(f"stop_{mode}", service=replicating, source="legacy")
    assert "It may recover; it counts as failed if it has not in 1 s" in stopped.output
    assert (stopped.state, stopped.task.result["stopped"]) == ("success", True)
    assert gone(client, replicating)


def _short_grace(original: Any) -> Any:
    def init(self: Any, *arguments: Any, **fields: Any) -> None:
        original(self, *arguments, **{"failure_grace_period": 1.0, **fields})

    return init


def until_failed(client: Client, service: str) -> None:
    while [d.status for d in client.migrations.status(service).details] != ["failed"]:
        time.sleep(0.2)


@pytest.mark.parametrize("task", ["check_poking", "start_poking", "verify_poking"])
@pytest.mark.parametrize("how", ["address", "name", "tunnel"])
def test_the_service_as_its_own_source(
    run: Run, client: Client, service: str, monkeypatch: pytest.MonkeyPatch, task: str, how: str
) -> None:
    """As when a connection is changed after a cut-over and an old run is cleared: refused, and nothing is started."""
    given = client.services.pg.get(service).uri_params or {}
    password = client.accounts.pg.reveal_password(service_name=service, username=given["user"]).password
    with forwarded(int(given["port"])) as port:
        connection = {
            "conn_type": "postgres",
            "host": "localhost" if how == "name" else "127.0.0.1",
            "port": port if how == "tunnel" else int(given["port"]),
            "login": given["user"],
            "password": password,
            "schema": "defaultdb",
            "extra": {"sslmode": "disable" if given.get("sslmode") == "disable" else "require"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_REPOINTED", json.dumps(connection))
        refused = run(task, service=service, source="repointed")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"connection 'repointed' leads to service {service} itself" in refused.output
    assert "If the connection was changed after a cut-over, this migration is over" in refused.output
    assert gone(client, service)
