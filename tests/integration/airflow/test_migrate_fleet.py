"""The DAG that moves many services, run to its end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.airflow.conftest import Run

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

DAG_ID = "dbaas_migrate_fleet"
#: What the form sends for what is left empty.
EMPTY = {"file": None, "zone": None}


@pytest.fixture
def names(client: Client) -> Iterator[list[str]]:
    """Names for services that the DAG creates."""
    names = [f"fleet-{secrets.token_hex(4)}" for _ in range(3)]
    yield names
    for service in client.services.list().dbaas_services:
        if service.name in names:
            client.services.delete(service.name)


def by_service(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["service"]: row for row in rows}


def test_one_that_fails_does_not_stop_the_others(
    run: Run,
    client: Client,
    shop: PostgresServer,
    define_source: Callable[..., None],
    names: list[str],
) -> None:
    """Two services are moved, the third is refused by the check; the report tells of all three, then the run fails."""
    define_source("legacy", shop)
    define_source("wrong", shop, password="c@nary password")
    good, bad, replicated = names
    ended = run(
        DAG_ID,
        **EMPTY,
        services=[
            {"service": good, "source_conn_id": "legacy", "method": "dump"},
            {"service": bad, "source_conn_id": "wrong"},
            {"service": replicated, "source_conn_id": "legacy", "method": "replication"},
        ],
    )
    assert ended.state == "failed"
    assert ended.tasks["report"].state == "failed"
    rows = by_service(ended.tasks["report"].result)
    for name in (good, replicated):
        assert {key: rows[name][key] for key in ("state", "databases", "rows", "error")} == {
            "state": "migrated",
            "databases": 1,
            "rows": 1000,
            "error": None,
        }
        assert rows[name]["seconds"] >= 0
        with pytest.raises(DbaasNotFoundError):
            client.migrations.status(name)
    assert rows[bad]["state"] == "refused by the check"
    assert 'password authentication failed for user "postgres"' in rows[bad]["error"]
    assert f"1 of 3 services were not migrated: {bad} refused by the check" in ended.output
    assert "c@nary" not in json.dumps(ended.tasks["report"].result)


def test_from_a_file(
    run: Run,
    client: Client,
    shop: PostgresServer,
    define_source: Callable[..., None],
    mysql_servers: Callable[..., MysqlServer],
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    tmp_path: Path,
) -> None:
    """Services of both kinds, named in a file; replications that are not stopped go on, and the report says so."""
    define_source("legacy", shop)
    mysql = mysql_servers()
    login = mysql.login()
    with closing(pymysql.connect(**login)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE web")
        cursor.execute("CREATE TABLE web.page (id int PRIMARY KEY)")
        cursor.execute("INSERT INTO web.page VALUES (1), (2)")
    source = {"conn_type": "mysql", "host": mysql.host, "port": mysql.port, "extra": {"ssl_mode": "DISABLED"}}
    source |= {"login": login["user"], "password": login["password"].decode()}
    monkeypatch.setenv("AIRFLOW_CONN_OLD_MYSQL", json.dumps(source))
    file = tmp_path / "services.yaml"
    sources = dict(zip(names, ("legacy", "old_mysql"), strict=False))
    file.write_text(
        json.dumps(
            [{"service": name, "source_conn_id": source, "method": "replication"} for name, source in sources.items()]
        )
    )
    ended = run(DAG_ID, zone=None, file=str(file), stop_replication=False)
    assert ended.state == "success", ended.output
    rows = by_service(ended.tasks["report"].result)
    assert {rows[name]["state"] for name in sources} == {"replicating"}
    assert [rows[name]["rows"] for name in sources] == [1000, 2]
    for name, conn_id in sources.items():
        assert [d.status for d in client.migrations.status(name).details] == ["syncing"]
        assert run("stop_poking", service=name, source=conn_id).state == "success"


def test_a_source_that_nobody_defined(run: Run, names: list[str]) -> None:
    """The report names the step and the error of what failed by itself, not at the API's word."""
    ended = run(DAG_ID, **EMPTY, services=[{"service": names[0], "source_conn_id": "nowhere"}])
    assert ended.state == "failed"
    (row,) = ended.tasks["report"].result
    assert row["state"] == "failed at create_service"
    assert "nowhere" in row["error"]
    assert row["rows"] is None


def test_nonsense_is_refused_before_the_run(run: Run) -> None:
    """As the form does: by the parameter's schema."""
    with pytest.raises(ValueError, match="'huge' does not match"):
        run(DAG_ID, **EMPTY, services=[{"service": "a", "source_conn_id": "legacy", "plan": "huge"}])


def test_nothing_to_migrate(run: Run) -> None:
    """Neither a list nor a file: the run fails and says so, and touches nothing."""
    ended = run(DAG_ID, **EMPTY)
    assert ended.state == "failed"
    assert ended.tasks["list_services"].state == "failed"
    assert "either as a list or as a file, got neither" in ended.output
    assert ended.tasks["create_service"].state == "upstream_failed"


def test_a_second_run_finds_it_done(
    run: Run, shop: PostgresServer, define_source: Callable[..., None], names: list[str]
) -> None:
    """What the first run has migrated is not touched, and is no failure."""
    define_source("legacy", shop)
    services = [{"service": names[0], "source_conn_id": "legacy", "method": "dump"}]
    assert run(DAG_ID, **EMPTY, services=services).state == "success"
    again = run(DAG_ID, **EMPTY, services=services)
    assert again.state == "success"
    (row,) = again.tasks["report"].result
    assert (row["service"], row["state"], row["databases"]) == (names[0], "already migrated", None)
    assert row["error"].startswith("found equal at ")
    for step in ("check_migration", "start_migration", "wait_for_migration", "stop_migration", "verify_migration"):
        assert again.tasks[step].state == "skipped"
