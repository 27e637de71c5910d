"""A whole Airflow: scheduler, triggerer, DAG processor and API server, against the emulator and real servers."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from airflow.sdk import __version__ as _sdk  # noqa: F401 - the tests need Airflow 3

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer, installed
from demo.airflow import Airflow
from demo.emulator import Emulator, start_emulator
from demo.pace import Patience
from demo.processes import House
from tests.chaos.source import write_dag
from tests.integration.airflow.conftest import fill, password_of

ROOT = Path(__file__).parents[3]
RUN_SECONDS = 180.0
#: DAGs whose runs need nothing of their tests. They are started together, so that their waits overlap.
TOGETHER = ("life", "life_ends_badly", "waits", "waits_fail", "waits_limits")
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}

#: What has died is noticed within seconds, not minutes; and the DAGs, which do not change, are not parsed all the time.
ALERT = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "10",
}


@dataclass
class Scheduled:
    """An Airflow and the emulator it works with."""

    airflow: Airflow
    emulator: Emulator
    house: House
    state: Path | None = None
    """Where the emulator keeps all it has, if it does."""
    begun: dict[str, str] = field(default_factory=dict)
    """The paths of runs that have been started already, by their DAG."""

    @property
    def client(self) -> Client:
        """A client of the emulator."""
        return self.emulator.client()

    def start(self, dag_id: str, **conf: Any) -> str:
        """Start a run; its path in the REST API."""
        self.airflow.wait_for_dag(dag_id)
        return f"/dags/{dag_id}/dagRuns/{self.airflow.trigger(dag_id, conf)}"

    def run(self, dag_id: str, **conf: Any) -> dict[str, dict[str, Any]]:
        """Run a DAG to its end; its task instances by id."""
        path = self.begun.pop(dag_id, None) or self.start(dag_id, **conf)
        self.until(lambda: self.airflow.call("GET", path)["state"] in {"success", "failed"}, f"{dag_id} ends")
        return self.tasks(path)

    def tasks(self, path: str) -> dict[str, dict[str, Any]]:
        """The task instances of a run by id."""
        listed = self.airflow.call("GET", f"{path}/taskInstances?limit=200")["task_instances"]
        return {task["task_id"]: {**task, "path": f"{path}/taskInstances/{task['task_id']}"} for task in listed}

    def clear(self, path: str, task_id: str, *, downstream: bool) -> None:
        """Clear a task of a run, as somebody does in the UI.

        :param path: of the run.
        :param downstream: also all that comes after it.
        """
        _, _, dag_id, _, run_id = path.split("/")
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "include_downstream": downstream,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.airflow.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = RUN_SECONDS) -> None:
        """Wait for a condition, or fail and show what the components said."""
        patience = Patience(seconds)
        while not condition():
            if patience.over:
                logs = "\n".join(self.house.tail(name) for name in ("airflow scheduler", "airflow triggerer"))
                raise AssertionError(f"not within {patience}: {what}\n{logs}")
            self.house.check_alive()
            # Each look costs the API server more than the wait.
            time.sleep(0.6)

    def add_source(self, conn_id: str, server: PostgresServer) -> None:
        """Fill the database ``shop`` of a server, and make it known to Airflow.

        :param conn_id: of its connection.
        """
        fill(server, "shop", rows=100)
        connection = {
            "conn_type": "postgres",
            "host": server.host,
            "port": server.port,
            "login": "postgres",
            "password": password_of(server),
            "schema": "shop",
            "extra": '{"sslmode": "disable"}',
        }
        self.airflow.call("POST", "/connections", {"connection_id": conn_id, **connection})

    def asked(self, path: str, task_id: str) -> str:
        """Wait until a task asks for an approval; the address of its question."""
        self.until(lambda: self.tasks(path)[task_id]["state"] in {"awaiting_input", "deferred"}, "it asks")
        # Nobody answers in a moment. If somebody did, Airflow 3.3.2 would take the late news that a worker is done with
        # the task for the end of the resumed task.
        time.sleep(7)
        return f"{path}/taskInstances/{task_id}/-1/hitlDetails"

    def answer(self, question: str, option: str) -> None:
        """Answer a question.

        :param question: its address.
        """
        self.airflow.call("PATCH", question, {"chosen_options": [option], "params_input": {}})

    def xcom(self, task: dict[str, Any], key: str = "return_value") -> Any:
        """A value that a task pushed."""
        entry = self.airflow.call("GET", f"{task['path']}/xcomEntries/{key}?deserialize=true")
        return entry and entry["value"]

    def log(self, task: dict[str, Any]) -> str:
        """The log of a task's last try."""
        return self.airflow.task_log(task["path"].rsplit("/taskInstances", 1)[0], task)

    def database(self, query: str) -> list[tuple[Any, ...]]:
        """Ask Airflow's metadata database."""
        engine = sqlalchemy.create_engine(self.airflow.database)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sqlalchemy.text(query))]
        finally:
            engine.dispose()


def metadata(house: House) -> str:
    """A PostgreSQL server for Airflow's metadata, as the address of its database."""
    password = secrets.token_urlsafe(16)
    server = PostgresServer(installed()[16], house.folder / "metadata", superuser="airflow", password=password)
    house.on_close(server.stop)
    server.start()
    return f"postgresql+psycopg2://airflow:{password}@{server.host}:{server.port}/postgres"


@contextmanager
def whole_airflow(
    dags: Path,
    connections: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, str],
    *,
    durable: bool = False,
    python: Path | str = sys.executable,
) -> Iterator[Scheduled]:
    """An Airflow whose metadata are in PostgreSQL, and an emulator.

    :param dags: the folder of its DAGs.
    :param connections: what it knows beside the emulator.
    :param settings: as for :class:`Airflow`.
    :param durable: the emulator can be killed, and go on with what it kept.
    :param python: the interpreter that has the Airflow.
    """
    house = House()
    airflow = None
    try:
        # Most of the tests' tasks wait.
        airflow = Airflow(house, dags, parallelism=6, database=metadata(house), settings=settings, python=python)
        airflow.migrate()
        airflow.start()
        state = house.folder / "emulator" if durable else None
        emulator = start_emulator(house, state=state)
        api = {"conn_type": "exoscale", "login": emulator.key, "password": emulator.secret, "host": emulator.url}
        exoscale = {"exoscale_default": {**api, "extra": json.dumps({"zone": "ch-gva-2"})}}
        airflow.add_connections({**exoscale, **connections})
        airflow.wait_until_healthy()
        yield Scheduled(airflow, emulator, house, state)
    finally:
        if airflow is not None:
            airflow.close()
        house.end_processes()
        house.sweep()
        shutil.rmtree(house.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def scheduled(tmp_path_factory: pytest.TempPathFactory, shared: ExitStack) -> Scheduled:
    """An Airflow with the project's DAGs and the tests' own, which notices within seconds what has died."""
    dags = tmp_path_factory.mktemp("dags")
    for folder in (ROOT / "dags", Path(__file__).parent / "dags"):
        shutil.copytree(folder, dags, dirs_exist_ok=True)
    write_dag(dags)
    return shared.enter_context(whole_airflow(dags, {}, ALERT))


@pytest.fixture(scope="session")
def begun(scheduled: Scheduled) -> None:
    """The runs of ``TOGETHER``; ``Scheduled.run`` waits for their end."""
    with scheduled.client as client:
        client.services.grafana.create(name="waits-off", plan="hobbyist-2")
    scheduled.begun |= {dag_id: scheduled.start(dag_id) for dag_id in TOGETHER}
