"""An Airflow that notices within seconds what has died, and a source whose data takes a while to copy."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from demo.airflow import Airflow
from demo.emulator import start_emulator
from demo.processes import House
from tests.chaos.harness import DAG_ID, SOURCE, Chaos
from tests.integration.airflow.conftest import fill, password_of

DAG_FILE = Path(__file__).parents[2] / "dags" / f"{DAG_ID}.py"

#: Seconds that copying the source takes.
COPYING = int(os.environ["CHAOS_SECONDS"])

#: Minutes by default.
SETTINGS = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "10",
}


def _slow(server: PostgresServer) -> None:
    """Make a database that takes its time to be copied, whatever the method: a row of it is slow to check."""
    fill(server, "shop")
    body = "LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN {} RETURN true; END $$"
    with psycopg.connect(server.conninfo(dbname="shop"), autocommit=True) as connection:
        connection.execute(f"CREATE FUNCTION waits(seconds int) RETURNS boolean {body.format('')}")
        connection.execute("CREATE TABLE slow (seconds int PRIMARY KEY CHECK (waits(seconds)))")
        connection.execute("INSERT INTO slow VALUES (%s)", (COPYING,))
        slept = "PERFORM pg_catalog.pg_sleep(seconds);"
        connection.execute(f"CREATE OR REPLACE FUNCTION waits(seconds int) RETURNS boolean {body.format(slept)}")


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory, postgres_source: PostgresServer) -> Iterator[Chaos]:
    """The Airflow with the DAG that migrates a service, and what can be done to it."""
    _slow(postgres_source)
    dags = tmp_path_factory.mktemp("dags")
    text = DAG_FILE.read_text()
    # As it is, but for two runs at once, and for tries that follow each other sooner.
    for theirs, ours in (("max_active_runs=1", "max_active_runs=16"), ("seconds=30", "seconds=3")):
        assert theirs in text
        text = text.replace(theirs, ours)
    (dags / DAG_FILE.name).write_text(text)
    house = House()
    airflow = Airflow(house, dags, parallelism=6, settings=SETTINGS)
    try:
        airflow.migrate()
        airflow.start()
        emulator = start_emulator(house)
        api = {"conn_type": "exoscale", "login": emulator.key, "password": emulator.secret, "host": emulator.url}
        source = {
            "conn_type": "postgres",
            "host": postgres_source.host,
            "port": postgres_source.port,
            "login": "postgres",
            "password": password_of(postgres_source),
            "extra": '{"sslmode": "disable"}',
        }
        airflow.add_connections(
            {"exoscale_default": {**api, "extra": json.dumps({"zone": "ch-gva-2"})}, SOURCE: source}
        )
        airflow.wait_until_healthy()
        airflow.wait_for_dag(DAG_ID)
        yield Chaos(airflow, emulator, house, postgres_source)
    finally:
        airflow.close()
        house.end_processes()
        house.sweep()
        shutil.rmtree(house.folder, ignore_errors=True)
