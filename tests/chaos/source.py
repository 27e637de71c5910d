"""What is migrated while Airflow goes wrong, and by which DAG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.airflow.conftest import fill, password_of

DAG_ID = "chaos_migrate_service"
SOURCE = "chaos_source"

_DAG_FILE = Path(__file__).parents[2] / "dags" / "dbaas_migrate_service.py"

#: More than one run at once, and more tries, which follow each other sooner.
_CHANGES = {
    '"dbaas_migrate_service"': f'"{DAG_ID}"',
    "max_active_runs=1": "max_active_runs=16",
    '"retries": 2': '"retries": 6',
    "seconds=30": "seconds=3",
}


def write_dag(folder: Path) -> None:
    """Put the project's own DAG into a folder, as it is but for the changes above."""
    text = _DAG_FILE.read_text()
    for theirs, ours in _CHANGES.items():
        assert text.count(theirs) == 1
        text = text.replace(theirs, ours)
    (folder / f"{DAG_ID}.py").write_text(text)


def slow_databases(server: PostgresServer, seconds: int, number: int) -> list[str]:
    """Make databases that take their time to be copied, whatever the method: a row of each is slow to check."""
    first, *others = names = [f"shop_{each}" for each in range(number)]
    fill(server, first)
    body = "LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN {} RETURN true; END $$"
    with psycopg.connect(server.conninfo(dbname=first), autocommit=True) as connection:
        connection.execute(f"CREATE FUNCTION waits(seconds int) RETURNS boolean {body.format('')}")
        connection.execute("CREATE TABLE slow (seconds int PRIMARY KEY CHECK (waits(seconds)))")
        connection.execute("INSERT INTO slow VALUES (%s)", (seconds,))
        slept = "PERFORM pg_catalog.pg_sleep(seconds);"
        connection.execute(f"CREATE OR REPLACE FUNCTION waits(seconds int) RETURNS boolean {body.format(slept)}")
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for name in others:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {first}")
    return names


def connection_to(server: PostgresServer) -> dict[str, Any]:
    """The Airflow connection of a source."""
    return {
        "conn_type": "postgres",
        "host": server.host,
        "port": server.port,
        "login": "postgres",
        "password": password_of(server),
        "extra": '{"sslmode": "disable"}',
    }
