"""One Airflow for one run of the fleet: metadata in PostgreSQL, one executor or the other, one triggerer or two."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from airflow_dbaas.emulator.postgres import PostgresServer, installed
from benchmarks.fleet import simulated
from demo.airflow import Airflow
from demo.emulator import Emulator, start_emulator
from demo.processes import DemoError, House, free_port

ROOT = Path(__file__).parents[2]
DAG_ID = "dbaas_migrate_fleet"
SOURCE = "fleet_source"

OPERATION_SECONDS, STARTUP_SECONDS, MIGRATION_SECONDS = 1, 30, 60
WORKERS = 4
#: Of Celery: as many tasks at once in all as with the other executor.
CELERY_WORKERS = 2


@dataclass
class World:
    """What is measured."""

    house: House
    airflow: Airflow
    emulator: Emulator
    triggerers: list[int]
    """Process ids."""
    metadata: str
    """Connection string of the metadata database."""
    counts: Path
    """Where the emulator says at its end which requests it got."""


def _postgres(house: House, name: str, password: str) -> PostgresServer:
    server = PostgresServer(installed()[16], house.folder / name, superuser="airflow", password=password)
    house.on_close(server.stop)
    server.start()
    return server


def _emulator(house: House, counts: Path) -> tuple[Emulator, dict[str, Any]]:
    """The emulator; and the connection to where all its services lead and the migrations come from."""
    password = secrets.token_urlsafe(16)
    server = _postgres(house, "source", secrets.token_urlsafe(16))
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        for name in ("shop", "defaultdb"):
            connection.execute(f"CREATE DATABASE {name}")
        connection.execute(f"CREATE ROLE avnadmin LOGIN SUPERUSER PASSWORD '{password}'")
    with psycopg.connect(server.conninfo("shop"), autocommit=True) as connection:
        connection.execute("CREATE TABLE item AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 100) n")
    house.environment |= {
        "PYTHONPATH": str(ROOT),
        simulated.PORT: str(server.port),
        simulated.PASSWORD: password,
        simulated.SECONDS: str(MIGRATION_SECONDS),
        simulated.COUNTS: str(counts),
    }
    command = [sys.executable, "-m", "benchmarks.fleet.simulated"]
    options = ["--startup-seconds", str(STARTUP_SECONDS), "--operation-seconds", str(OPERATION_SECONDS)]
    emulator = start_emulator(house, command=command, options=[*options, "--metrics-seconds", "86400"])
    login = {"login": "avnadmin", "password": password, "host": server.host, "port": server.port}
    extra = json.dumps({"sslmode": "disable"})
    return emulator, {"conn_type": "postgres", **login, "schema": "shop", "extra": extra}


def _redis(house: House) -> str:
    program = shutil.which("redis-server")
    if program is None:
        raise DemoError("redis-server is not installed (apt-get install redis-server)")
    port, password = free_port(), secrets.token_urlsafe(16)
    file = house.folder / "redis.conf"
    file.touch(mode=0o600)
    file.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\n', encoding="utf-8")
    house.start("redis", [program, str(file)])
    return f"redis://:{password}@127.0.0.1:{port}/0"


@contextmanager
def world(executor: str, triggerers: int) -> Iterator[World]:
    """An Airflow with the DAG, and the emulator.

    :param executor: ``local`` or ``celery``.
    :param triggerers: how many of them.
    """
    house = House()
    airflow = None
    try:
        metadata = _postgres(house, "metadata", password := secrets.token_urlsafe(16))
        address = f"airflow:{password}@{metadata.host}:{metadata.port}/postgres"
        dags = house.folder / "dags"
        dags.mkdir()
        shutil.copy(ROOT / "dags" / f"{DAG_ID}.py", dags)
        settings = {
            # All tasks of a run may be under way; what limits them are the workers.
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "1000",
            "AIRFLOW__CORE__MAX_MAP_LENGTH": "2000",
            # It does not change.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        }
        if executor == "celery":
            settings |= {
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__CELERY__BROKER_URL": _redis(house),
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql://{address}",
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(WORKERS // CELERY_WORKERS),
            }
        # That of each Celery worker is its own.
        parallelism = WORKERS if executor == "local" else 1000
        database = f"postgresql+psycopg2://{address}"
        airflow = Airflow(house, dags, parallelism=parallelism, database=database, settings=settings)
        airflow.migrate()
        airflow.start("api-server", "scheduler", "dag-processor")
        triggering = airflow.command("triggerer", "--skip-serve-logs")
        started = [house.start(f"triggerer {each}", triggering, airflow.environment) for each in range(triggerers)]
        for each in range(CELERY_WORKERS if executor == "celery" else 0):
            working = airflow.command("celery", "worker", "--skip-serve-logs", "--celery-hostname", f"worker{each}@%h")
            house.start(f"celery worker {each}", working, airflow.environment)
        counts = house.folder / "counts.json"
        emulator, source = _emulator(house, counts)
        api = {"conn_type": "exoscale", "login": emulator.key, "password": emulator.secret, "host": emulator.url}
        exoscale = {"exoscale_default": {**api, "extra": json.dumps({"zone": "ch-gva-2"})}}
        airflow.add_connections({**exoscale, SOURCE: source})
        airflow.wait_until_healthy()
        yield World(house, airflow, emulator, [each.pid for each in started], metadata.conninfo(), counts)
    finally:
        if airflow is not None:
            airflow.close()
        house.end_processes()
        house.sweep()
        shutil.rmtree(house.folder, ignore_errors=True)
