"""One's own DAG run twice: the second run finds that the first one has done it all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from airflow.models import Variable

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.migration import registry
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import DagRun, Run, fill, password_of

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

Define = Callable[..., None]
STEPS = ("check", "start", "wait", "stop", "verify")
ZONE = "ch-gva-2"


@pytest.fixture
def source(shop: PostgresServer, define_source: Define) -> PostgresServer:
    define_source("legacy", shop)
    return shop


def states(ended: DagRun) -> list[str]:
    return [ended.tasks[step].state for step in STEPS]


def use_target(client: Client, service: str, statement: str) -> None:
    """What an application does in the service after the cut-over."""
    given = client.services.pg.get(service).uri_params or {}
    password = client.accounts.pg.reveal_password(service_name=service, username=given["user"]).password
    login = {key: given[key] for key in ("host", "port", "user")}
    with psycopg.connect(**login, password=password, dbname="shop") as connection:
        connection.execute(statement)


def test_a_second_run_does_nothing(
    run: Run, client: Client, emulator: RunningEmulator, service: str, source: PostgresServer, define_source: Define
) -> None:
    """Although the target has been in use since, and the source is gone: no request changes anything, nothing fails."""
    first = run("my_move", service=service, source="legacy", method="replication", ignore_dbs="b, a")
    assert states(first) == ["success"] * 5
    use_target(client, service, "INSERT INTO item (name) VALUES ('new')")
    # The same address; but nobody could log in there any more.
    define_source("legacy", source, password="changed since")
    before = emulator.log.read_text()
    second = run("my_move", service=service, source="legacy", method="replication", ignore_dbs="a,b,a")
    assert (second.state, states(second)) == ("success", ["skipped"] * 5)
    assert f"127.0.0.1:{source.port} was migrated into service {service} already, by my_move.start" in second.output
    assert "to migrate again, use if_migrated='again'" in second.output
    assert " PUT " not in emulator.log.read_text().removeprefix(before)

    # What was stopped and verified is not completed again: the target may be in use.
    stopped = run("stop_poking", service=service, source="legacy", ignore_dbs="a,b")
    assert (stopped.state, stopped.task.result["stopped"]) == ("success", False)
    assert "nothing is completed" in stopped.output
    # Nor is a comparison that somebody asks for left out.
    define_source("legacy", source)
    assert run("verify_poking", service=service, source="legacy", ignore_dbs="a,b").state == "failed"
    # And it tells that this is no longer what was migrated.
    third = run("my_move", service=service, source="legacy", ignore_dbs="a,b")
    assert states(third)[:3] == ["success", "success", "failed"]
    assert "of the target is not empty" in third.output
    client.migrations.stop_pg(service)


def test_a_dump_that_was_not_stopped(run: Run, service: str, source: PostgresServer) -> None:
    """Its migration is still shown as done: that is over, too, once it is verified."""
    parameters = {"service": service, "source": "legacy", "method": "dump"}
    for step in ("start", "migration", "verify"):
        assert run(f"{step}_poking", **parameters).state == "success"
    again = run("start_poking", **parameters)
    assert (again.state, again.task.state) == ("success", "skipped")


@pytest.mark.parametrize("changed", ["source", "ignore_dbs", "DAG", "service", "again"])
def test_what_is_another_migration(
    run: Run,
    client: Client,
    service: str,
    source: PostgresServer,
    postgres_servers: Callable[..., PostgresServer],
    define_source: Define,
    changed: str,
) -> None:
    """From another source, of other databases, of another DAG, into a service that was created again, or asked for."""
    assert run("my_move", service=service, source="legacy", method="dump").state == "success"
    dag_id, parameters = "my_move", {"service": service, "source": "legacy", "method": "dump"}
    if changed == "source":
        other = postgres_servers()
        fill(other, "other")
        define_source("other", other)
        parameters["source"] = "other"
    elif changed == "ignore_dbs":
        parameters["ignore_dbs"] = "scratch"
    elif changed == "DAG":
        dag_id = "anothers_move"
    elif changed == "service":
        # As if somebody had deleted it in the portal, and another one had taken its place.
        client.services.delete(service)
        assert run("create_poking", service=service).state == "success"
    else:
        parameters["if_migrated"] = "again"
    ended = run(dag_id, **parameters)
    assert ended.tasks["start"].state == "success"
    fresh = changed in {"source", "service"}
    assert ended.state == ("success" if fresh else "failed")
    assert fresh or "of the target is not empty" in ended.output
    if not fresh:
        client.migrations.stop_pg(service)


def test_databases_left_out_differ(run: Run, service: str, source: PostgresServer) -> None:
    """A migration under way that leaves out other databases is not joined; another order and spaces are no matter."""
    parameters = {"service": service, "source": "legacy", "method": "replication"}
    assert run("start_poking", **parameters, ignore_dbs="b,a").task.result["joined"] is False
    assert run("start_poking", **parameters, ignore_dbs=" a, b,a ").task.result["joined"] is True
    refused = run("start_poking", **parameters, ignore_dbs="a")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "with ignore_dbs 'a,b', not 'a': it moves other databases" in refused.output
    # A method that differs is told, and does no harm.
    other = run("start_poking", **{**parameters, "method": "dump"}, ignore_dbs="a,b")
    assert other.task.result["joined"] is True
    assert "It was started with method replication, not dump" in other.output
    assert run("migration_poking", service=service).state == "success"
    assert run("stop_poking", service=service, source="legacy", ignore_dbs="a,b").state == "success"


def replicate(client: Client, service: str, source: PostgresServer) -> None:
    """What somebody does in the portal."""
    settings: Any = {
        "host": source.host,
        "port": source.port,
        "username": "postgres",
        "password": password_of(source),
        "ssl": False,
    }
    client.services.pg.update(name=service, migration={**settings, "method": "replication"})


def test_a_record_of_an_earlier_service(run: Run, client: Client, service: str, source: PostgresServer) -> None:
    """A migration into a service that was created again is nobody's, though the record names the same source."""
    assert run("start_poking", service=service, source="legacy", method="replication").state == "success"
    key = registry.key(ZONE, service)
    record = json.loads(Variable.get(key))
    assert record["service_created_at"]
    old = {**record, "service_created_at": "2020-01-01T00:00:00Z"}
    Variable.set(key, json.dumps(old))
    for task in ("start_poking", "stop_poking"):
        refused = run(task, service=service, source="legacy", method="replication")
        assert (refused.task.state, refused.task.tries) == ("failed", 1)
        assert f"it is about an earlier service {service}, created at 2020-01-01T00:00:00Z" in refused.output
    # A record of a release that did not know when a service is created is still one.
    del old["service_created_at"], old["ignore_dbs"], old["method"]
    Variable.set(key, json.dumps(old))
    assert run("start_poking", service=service, source="legacy").task.result["joined"] is True
    assert run("migration_poking", service=service).state == "success"
    assert run("stop_poking", service=service, source="legacy").state == "success"


def test_a_replication_from_elsewhere_is_not_cut(
    run: Run,
    client: Client,
    service: str,
    source: PostgresServer,
    postgres_servers: Callable[..., PostgresServer],
    define_source: Define,
) -> None:
    """Neither one from another source than the task's, nor one that was started outside Airflow."""
    other = postgres_servers()
    define_source("other", other)
    assert run("start_poking", service=service, source="legacy", method="replication").state == "success"
    assert run("migration_poking", service=service).state == "success"
    refused = run("stop_poking", service=service, source="other")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"comes from 127.0.0.1:{source.port} (started by start_poking.task" in refused.output
    assert f"not from 127.0.0.1:{other.port}; name its connection" in refused.output
    assert [d.status for d in client.migrations.status(service).details] == ["syncing"]
    assert run("stop_poking", service=service, source="legacy").state == "success"
    # There is nothing to be completed from a server that nothing came from.
    nothing = run("stop_poking", service=service, source="other")
    assert (nothing.state, nothing.task.result["sequences"]) == ("success", 0)
    assert f"The last migration came from 127.0.0.1:{source.port}, not from" in nothing.output

    dropped = client.services.pg.get(service).uri_params or {}
    password = client.accounts.pg.reveal_password(service_name=service, username=dropped["user"]).password
    with psycopg.connect(
        host=dropped["host"],
        port=dropped["port"],
        user=dropped["user"],
        password=password,
        autocommit=True,
        dbname="defaultdb",
    ) as connection:
        connection.execute("DROP DATABASE shop")
    replicate(client, service, source)
    assert run("migration_poking", service=service).state == "success"
    # The record of the migration that was stopped is not about this one.
    refused = run("stop_poking", service=service, source="legacy")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "was not started by this Airflow" in refused.output
    assert [d.status for d in client.migrations.status(service).details] == ["syncing"]
    refused = run("start_poking", service=service, source="legacy")
    assert "its source is unknown" in refused.output
    client.migrations.stop_pg(service)
