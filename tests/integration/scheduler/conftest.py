"""A whole Airflow: scheduler, triggerer, DAG processor and API server, against the emulator and real servers."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import __version__ as _sdk  # noqa: F401 - the tests need Airflow 3

from airflow_dbaas.api import Client
from demo.airflow import Airflow
from demo.emulator import Emulator, start_emulator
from demo.processes import House

ROOT = Path(__file__).parents[3]
RUN_SECONDS = 180.0
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclass
class Scheduled:
    """An Airflow and the emulator it works with."""

    airflow: Airflow
    emulator: Emulator
    house: House
    _paths: dict[str, str] = field(default_factory=dict)

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
        path = self.start(dag_id, **conf)
        self.until(lambda: self.airflow.call("GET", path)["state"] in {"success", "failed"}, f"{dag_id} ends")
        return self.tasks(path)

    def tasks(self, path: str) -> dict[str, dict[str, Any]]:
        """The task instances of a run by id."""
        listed = self.airflow.call("GET", f"{path}/taskInstances")["task_instances"]
        return {task["task_id"]: {**task, "path": f"{path}/taskInstances/{task['task_id']}"} for task in listed}

    def until(self, condition: Callable[[], bool], what: str, seconds: float = RUN_SECONDS) -> None:
        """Wait for a condition, or fail and show what the components said."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(self.house.tail(name) for name in ("airflow scheduler", "airflow triggerer"))
                raise AssertionError(f"not within {seconds:g} s: {what}\n{logs}")
            self.house.check_alive()
            time.sleep(0.3)

    def xcom(self, task: dict[str, Any], key: str = "return_value") -> Any:
        """A value that a task pushed."""
        entry = self.airflow.call("GET", f"{task['path']}/xcomEntries/{key}?deserialize=true")
        return entry and entry["value"]

    def log(self, task: dict[str, Any]) -> str:
        """The log of a task's last try."""
        return self.airflow.task_log(task["path"].rsplit("/taskInstances", 1)[0], task)

    def database(self, query: str) -> list[tuple[Any, ...]]:
        """Ask Airflow's metadata database."""
        with sqlite3.connect(self.house.folder / "airflow" / "airflow.db", timeout=30) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduled]:
    """An Airflow with the project's DAGs and the tests' own."""
    dags = tmp_path_factory.mktemp("dags")
    for folder in (ROOT / "dags", Path(__file__).parent / "dags"):
        shutil.copytree(folder, dags, dirs_exist_ok=True)
    house = House()
    # Most of the tests' tasks wait.
    airflow = Airflow(house, dags, parallelism=6)
    try:
        airflow.migrate()
        airflow.start()
        emulator = start_emulator(house)
        connection = {"conn_type": "exoscale", "login": emulator.key, "password": emulator.secret, "host": emulator.url}
        airflow.add_connections({"exoscale_default": {**connection, "extra": json.dumps({"zone": "ch-gva-2"})}})
        airflow.wait_until_healthy()
        yield Scheduled(airflow, emulator, house)
    finally:
        airflow.close()
        house.end_processes()
        house.sweep()
        shutil.rmtree(house.folder, ignore_errors=True)
