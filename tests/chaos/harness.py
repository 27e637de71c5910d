"""What can be done to an Airflow while it migrates, and how what came of it is judged."""

from __future__ import annotations

import os
import re
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from airflow_dbaas.emulator.postgres import PostgresServer
from demo.airflow import COMPONENTS
from demo.compare import compare
from demo.emulator import NAME, database_conninfo, start_emulator, target_conninfo
from tests.chaos.source import DAG_ID, SOURCE
from tests.integration.scheduler.conftest import Scheduled

#: Seconds within which a run gets where it is waited for: copying, and being noticed as dead a few times.
PATIENCE = 400.0


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
    """A service of a case, the database of the source that is its own, and the runs that migrate that into it."""

    chaos: Chaos
    method: str
    service: str = field(default_factory=lambda: f"chaos-{secrets.token_hex(4)}")
    paths: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    late: bool = False
    """Whether all was copied before the harm was done."""

    def __post_init__(self) -> None:
        self.database = self.chaos.free.pop()

    def run(self) -> None:
        """Start a run."""
        others = [name for name in self.chaos.databases if name != self.database]
        conf = {
            "service": self.service,
            "source_conn_id": SOURCE,
            "method": self.method,
            "ignore_dbs": ",".join(others),
        }
        with self.chaos.peace:
            self.paths.append(self.chaos.scheduled.start(DAG_ID, **conf))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; an Airflow that does not answer, because of another case, does not fulfil it."""

        def fulfilled() -> bool:
            try:
                return condition()
            except httpx.TransportError:
                return False

        self.chaos.scheduled.until(fulfilled, f"{self.service}: {what}", seconds=PATIENCE)

    def task(self, task_id: str) -> dict[str, Any]:
        """A task of the first run."""
        return self.chaos.scheduled.tasks(self.paths[0])[task_id]

    def until_taken(self, operation: str) -> None:
        """Wait until the API has just taken a request."""
        end = time.monotonic() + PATIENCE
        while not self.taken(operation):
            assert time.monotonic() < end, f"{self.service}: no {operation}"
            time.sleep(0.02)

    def taken(self, operation: str) -> int:
        """How often the API took a request, by its own log."""
        entry = re.compile(rf" {operation}: \S*/{self.service}$", re.MULTILINE)
        return len(entry.findall(self.chaos.scheduled.house.log(NAME).read_text()))

    def until_watched(self) -> None:
        """Wait until the triggerer waits for the data; if the others' harm took so long that all is copied, go on."""
        run = self.paths[0].rsplit("/", 1)[1]
        query = (
            "SELECT count(*) FROM trigger JOIN task_instance ON trigger_id = trigger.id WHERE triggerer_id IS NOT NULL"
            f" AND task_id = 'wait_for_migration' AND run_id = '{run}'"
        )

        def watched() -> bool:
            self.late = self.task("wait_for_migration")["state"] == "success"
            return self.late or self.chaos.scheduled.database(query) == [(1,)]

        self.until(watched, "the triggerer waits for the data")

    def kill_worker(self, task_id: str) -> None:
        """Kill the processes that execute a task, as soon as there are any."""
        task = ""

        def there() -> bool:
            nonlocal task
            task = task or str(self.task(task_id)["id"])
            return self.chaos.kill_processes_of(task)

        self.until(there, f"a worker executes {task_id}")

    def clear(self, task_id: str, *, downstream: bool) -> None:
        """Clear a task of the first run."""
        with self.chaos.peace:
            self.chaos.scheduled.clear(self.paths[0], task_id, downstream=downstream)

    def until_ended(self) -> list[str]:
        """Wait for the end of the runs; their states."""
        states: list[str] = []

        def ended() -> bool:
            states[:] = [self.chaos.scheduled.airflow.call("GET", path)["state"] for path in self.paths]
            return set(states) <= {"success", "failed"}

        self.until(ended, "the runs end")
        return states

    def outcome(self, case: str) -> Outcome:
        """Wait for the end of the runs, and judge; the service is deleted."""
        runs = self.until_ended()
        seconds = time.monotonic() - self.begun
        # Not while another case has taken Airflow or the emulator down.
        with self.chaos.peace, self.chaos.scheduled.client as client:
            if set(runs) != {"success"}:
                print(f"\n{case}: {self._said()}")
            target = database_conninfo(target_conninfo(client, self.service), self.database)
            compared = compare(self.chaos.source.conninfo(dbname=self.database), target)
            client.services.delete(self.service)
        return Outcome(
            case=f"{case}, late" if self.late else case,
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

    scheduled: Scheduled
    source: PostgresServer
    databases: list[str]
    """Databases of the source: one for each case."""
    peace: threading.RLock = field(default_factory=threading.RLock)
    """Whoever has it, kills or relies on what can be killed; one case at a time."""

    def __post_init__(self) -> None:
        self.free = list(self.databases)

    def kill(self, *names: str, descendants: bool = True) -> None:
        """Kill components, and start them again."""
        airflow = self.scheduled.airflow
        with self.peace:
            for name in names:
                airflow.kill(name, descendants=descendants)
            airflow.start(*names)
            airflow.wait_until_healthy()

    def kill_all(self) -> None:
        """Kill all components with all they execute, and start them again."""
        self.kill(*COMPONENTS)

    def kill_emulator(self, *, everything: bool = False) -> None:
        """Kill the emulator and with it its servers, and start it again with what it kept.

        :param everything: kill all of Airflow, too, and start that first.
        """
        scheduled = self.scheduled
        with self.peace:
            scheduled.house.kill(NAME)
            if everything:
                self.kill_all()
            start_emulator(scheduled.house, state=scheduled.state, again=scheduled.emulator)

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


def judged(
    chaos: Chaos, cases: Mapping[str, Callable[[Migration], object]], method: str, at_once: int
) -> list[Outcome]:
    """Try cases, several at once; the outcomes that are not right, while all are printed.

    :param chaos: where they happen.
    :param cases: what each does to its migration.
    :param method: how the data is moved.
    :param at_once: how many migrations go on at the same time.
    """

    def outcome(name: str, case: Callable[[Migration], object]) -> Outcome:
        migration = Migration(chaos, method)
        case(migration)
        outcome = migration.outcome(name)
        print(outcome.row(), flush=True)
        return outcome

    print(f"\n{HEADING}")
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(outcome, name, case) for name, case in cases.items()]
    return [outcome for future in futures if not (outcome := future.result()).right]
