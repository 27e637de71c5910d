"""Follows one run of the DAG: its tasks through Airflow's API, its databases through the DBaaS API."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow_dbaas.api.client import Client
from airflow_dbaas.api.errors import DbaasError
from demo.airflow import Airflow
from demo.pace import Patience
from demo.processes import DemoError, House
from demo.report import Report

DAG_ID = "dbaas_migrate_service"
RUN_TIMEOUT_S = 300.0
POLL_S = 0.4
FINISHED = frozenset({"success", "failed"})
MOVED = frozenset({"done", "syncing", "failed"})


@dataclass
class Database:
    """The observed states of one database's migration."""

    method: str
    status: str
    started: float
    ended: float

    @property
    def seconds(self) -> float:
        """From the first sight of it to its first final status."""
        return self.ended - self.started


class Run:
    """One run of the DAG, followed to its end."""

    def __init__(self, airflow: Airflow, client: Client, service: str, report: Report) -> None:
        self._airflow = airflow
        self._client = client
        self._service = service
        self._report = report
        self._path = ""
        self._tasks: dict[str, tuple[str, int]] = {}
        self._error = ""
        self.databases: dict[str, Database] = {}

    def start(self, conf: Mapping[str, Any]) -> None:
        """Trigger the DAG and say where to watch it."""
        run_id = self._airflow.trigger(DAG_ID, conf)
        self._path = f"/dags/{DAG_ID}/dagRuns/{quote(run_id, safe='')}"
        self._report.line("run", f"{self._airflow.url}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}")
        self._report.line("login", f"{self._airflow.user} / {self._airflow.password}")

    def follow(self, house: House) -> bool:
        """Print every change until the run ends; whether it succeeded."""
        patience = Patience(RUN_TIMEOUT_S)
        while True:
            # Requested first, so that the other two see the final states.
            state = self._airflow.call("GET", self._path)["state"]
            self._look_at_databases()
            failed = self._look_at_tasks(house)
            if state in FINISHED:
                break
            if patience.over:
                raise DemoError(f"the run did not end within {patience}")
            house.check_alive()
            house.sleep(POLL_S)
        self._report.line("run", DAG_ID, state)
        for task in failed:
            self._report.block(f"log of the failed task {task['task_id']}", self._airflow.task_log(self._path, task))
        return bool(state == "success")

    def _look_at_tasks(self, house: House) -> list[dict[str, Any]]:
        """Print new states of tasks; returns the failed ones."""
        tasks = self._airflow.call("GET", f"{self._path}/taskInstances")["task_instances"]
        for task in sorted(tasks, key=lambda task: task["start_date"] or "9999"):
            seen = (task["state"], task["try_number"])
            if task["state"] not in {None, "scheduled"} and self._tasks.get(task["task_id"]) != seen:
                self._tasks[task["task_id"]] = seen
                attempt = f" (try {task['try_number']})" if task["try_number"] > 1 else ""
                self._report.line("task", task["task_id"] + attempt, task["state"])
                if task["state"] == "up_for_retry":
                    self._report.line("", self._why(task, house), "error")
        return [task for task in tasks if task["state"] == "failed"]

    def _why(self, task: Mapping[str, Any], house: House) -> str:
        """Why a task is retried: its own error, or the scheduler's."""
        own = self._airflow.task_log(self._path, task).splitlines()
        scheduler = house.tail("airflow scheduler", lines=200).splitlines()
        errors = [line.strip() for line in own if "Error: " in line][:1]
        errors = errors or [line.strip() for line in scheduler if "[error" in line and task["task_id"] in line][-1:]
        return errors[0] if errors else "no reason given"

    def _look_at_databases(self) -> None:
        """Print new states of databases; nothing while there is no service or no migration."""
        try:
            migration = self._client.migrations.status(self._service)
        except DbaasError:
            return
        if migration.error and migration.error != self._error:
            self._error = migration.error
            self._report.line("migration", migration.error, "error")
        now = time.monotonic()
        for detail in migration.details:
            name, status, method = detail.dbname or "?", detail.status or "?", detail.method or ""
            known = self.databases.setdefault(name, Database(method, "", now, now))
            if known.status not in MOVED:
                known.ended = now
            if known.status != status:
                error = f": {detail.error}" if detail.error else ""
                self._report.line("database", (f"{name} ({method})" if method else name) + error, status)
            known.status, known.method = status, method or known.method
