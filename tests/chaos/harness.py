"""What can be done to an Airflow while it migrates, and how what came of it is judged."""

from __future__ import annotations

import os
import re
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from airflow_dbaas.emulator.postgres import PostgresServer
from demo.airflow import COMPONENTS, Airflow
from demo.compare import compare
from demo.emulator import NAME, Emulator, database_conninfo, target_conninfo
from demo.processes import DemoError, House
from tests.integration.scheduler.conftest import Scheduled

DAG_ID = "dbaas_migrate_service"
SOURCE = "chaos_source"

ResultT = TypeVar("ResultT")

#: Seconds within which a run gets where it is waited for: copying, and being noticed as dead a few times.
PATIENCE = 240.0


@dataclass
class Outcome:
    """What came of a case."""

    case: str
    runs: list[str]
    created: int
    started: int
    differences: list[str]
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the runs succeeded, and everything was done once and arrived."""
        return set(self.runs) == {"success"} and (self.created, self.started, self.differences) == (1, 1, [])

    def row(self) -> str:
        """A line of the table."""
        runs = ", ".join(self.runs)
        numbers = f"{self.created:8} {self.started:11} {len(self.differences):12} {self.seconds:8.0f}"
        return f"{self.case:62} {runs:18} {numbers}"


HEADING = f"{'case':62} {'runs':18} {'services':>8} {'migrations':>11} {'differences':>12} {'seconds':>8}"


@dataclass
class Migration:
    """A service of a case, and the runs that migrate into it."""

    chaos: Chaos
    method: str
    service: str = field(default_factory=lambda: f"chaos-{secrets.token_hex(4)}")
    paths: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def run(self) -> str:
        """Start a run; its path in the REST API."""
        conf = {"service": self.service, "source_conn_id": SOURCE, "method": self.method}
        path = f"/dags/{DAG_ID}/dagRuns/{self.chaos.insisting(lambda: self.chaos.airflow.trigger(DAG_ID, conf))}"
        self.paths.append(path)
        return path

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        self.chaos.scheduled.until(condition, f"{self.service}: {what}", seconds=PATIENCE)

    def until_task(self, task_id: str, *states: str) -> None:
        """Wait until a task of the first run is in one of the states."""
        self.until(lambda: self.state(task_id) in states, f"{task_id} is {' or '.join(states)}")

    def state(self, task_id: str) -> str | None:
        """The state of a task of the first run."""
        state: str | None = self.chaos.scheduled.tasks(self.paths[0])[task_id]["state"]
        return state

    def until_taken(self, operation: str) -> None:
        """Wait until the API has just taken a request."""
        end = time.monotonic() + PATIENCE
        while not self.taken(operation):
            assert time.monotonic() < end, f"{self.service}: no {operation}"
            time.sleep(0.02)

    def taken(self, operation: str) -> int:
        """How often the API took a request, by its own log."""
        entry = re.compile(rf" {operation}: \S*/{self.service}$", re.MULTILINE)
        return len(entry.findall(self.chaos.house.log(NAME).read_text()))

    def until_watched(self) -> None:
        """Wait until the triggerer waits for the data."""
        self.until_task("wait_for_migration", "deferred")
        taken = "SELECT count(*) FROM trigger WHERE triggerer_id IS NULL"
        self.until(lambda: self.chaos.scheduled.database(taken) == [(0,)], "the triggerer has it")

    def kill_worker(self, task_id: str) -> None:
        """Kill the processes that execute a task, as soon as there are any."""
        task = ""

        def there() -> bool:
            nonlocal task
            task = task or str(self.chaos.scheduled.tasks(self.paths[0])[task_id]["id"])
            return self.chaos.kill_processes_of(task)

        self.until(there, f"a worker executes {task_id}")

    def clear(self, task_id: str, *, downstream: bool) -> None:
        """Clear a task of the first run."""
        run = self.paths[0].rsplit("/", 1)[1]
        body = {
            "dry_run": False,
            "dag_run_id": run,
            "task_ids": [task_id],
            "include_downstream": downstream,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.chaos.insisting(lambda: self.chaos.airflow.call("POST", f"/dags/{DAG_ID}/clearTaskInstances", body))

    def until_ended(self) -> list[str]:
        """Wait for the end of the runs; their states."""
        call = self.chaos.airflow.call

        def states() -> list[str]:
            return [call("GET", path)["state"] for path in self.paths]

        self.until(lambda: set(states()) <= {"success", "failed"}, "the runs end")
        return states()

    def outcome(self, case: str) -> Outcome:
        """Wait for the end of the runs, and judge; the service is deleted."""
        runs = self.until_ended()
        seconds = time.monotonic() - self.begun
        with self.chaos.emulator.client() as client:
            target = database_conninfo(target_conninfo(client, self.service), "shop")
            compared = compare(self.chaos.source.conninfo(dbname="shop"), target)
            client.delete_dbaas_service(self.service)
        if set(runs) != {"success"}:
            print(f"\n{case}: {self._said()}")
        return Outcome(
            case=case,
            runs=runs,
            created=self.taken("create-dbaas-service-pg"),
            started=self.taken("update-dbaas-service-pg"),
            differences=[str(each) for each in compared.differences],
            seconds=seconds,
        )

    def _said(self) -> str:
        scheduled = self.chaos.scheduled
        tasks = [task for path in self.paths for task in scheduled.tasks(path).values()]
        failed = [task for task in tasks if task["state"] == "failed"]
        return "\n".join(f"{task['task_id']}, try {task['try_number']}\n{scheduled.log(task)}" for task in failed)


@dataclass
class Chaos:
    """An Airflow, the emulator and the source, and what may happen to them."""

    airflow: Airflow
    emulator: Emulator
    house: House
    source: PostgresServer

    @property
    def scheduled(self) -> Scheduled:
        """What the other tests of a whole Airflow ask of it."""
        return Scheduled(self.airflow, self.emulator, self.house)

    def insisting(self, request: Callable[[], ResultT]) -> ResultT:
        """The answer to a request that Airflow may refuse while its SQLite is locked by another."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return request()
            except DemoError as error:
                if "Database error" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(0.5)

    def kill(self, *names: str, descendants: bool = True) -> None:
        """Kill components, and start them again."""
        for name in names:
            self.airflow.kill(name, descendants=descendants)
        self.airflow.start(*names)
        self.airflow.wait_until_healthy()

    def kill_all(self) -> None:
        """Kill all components with all they execute, and start them again."""
        self.kill(*COMPONENTS)

    def kill_processes_of(self, task: str) -> bool:
        """Kill the process of a task, and before it the one that watches over it; whether there is such a process."""
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                title = (entry / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace")
                if title != f"airflow worker -- {task}":
                    continue
                parent = int(re.findall(r"^PPid:\s(\d+)", (entry / "status").read_text(), re.MULTILINE)[0])
                os.kill(parent, signal.SIGKILL)
                os.kill(int(entry.name), signal.SIGKILL)
                return True
        return False
