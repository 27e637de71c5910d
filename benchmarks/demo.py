"""``python -m benchmarks.demo``: where the time of ``make demo`` goes, as a bar for each phase; median of the runs.

The demo runs as it is. Its metadata database notes what its tasks do, its service is looked at ten times a second; at
the end a DAG of empty tasks says what a task takes in that Airflow that does nothing at all.

The service is at work while it does not run yet, while databases are copied, and while an operation that a task has
asked for is pending. Of the rest, a task has what it takes from its start to its end, less what an empty one takes.
Where a task skips itself, that is its end: Airflow 3.3.2 may notice five seconds late. So is the end of its wait in the
triggerer.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import os
import re
import shutil
import statistics
import sys
import threading
import time
from datetime import datetime

from airflow_dbaas.api.errors import DbaasNotFoundError
from benchmarks import notes
from demo import emulator
from demo import run as story
from demo.airflow import Airflow
from demo.processes import House
from demo.progress import DAG_ID, Run
from demo.report import Report

_EMPTY = "empty"
_EMPTY_DAG = """
from airflow.sdk import DAG, chain, task

with DAG("empty", schedule=None):

    @task
    def nothing():
        pass

    chain(*(nothing.override(task_id=f"nothing{number}")() for number in range(5)))
"""
#: Those of the project; the story is given a copy with one more.
_DAGS = story.DAGS
_STEP = 0.02
#: How long the emulator's operations are pending, and how its log tells of a request that began one.
_OPERATION_SECONDS = 1.0
_REQUEST = re.compile(r"^(\S+ \S+) INFO airflow_dbaas\.emulator\.app: (?!get-)", re.MULTILINE)
#: How a task's log tells of its end where Airflow's database notes it later.
_ENDS = ("Skipping task.", "Trigger fired event")
_OWN = "airflow-dbaas"
_PHASES = (
    "Airflow, emulator and source start",
    "the service: its start, operations, dump and restore",
    "Airflow: from task to task",
    "Airflow: what an empty task takes",
    _OWN,
    "the demo's own comparison",
)


class _Noting(Airflow):
    """Takes notes from the beginning."""

    def migrate(self) -> None:
        super().migrate()
        notes.take(self.database)


class _Story(Run):
    """The run of the DAG, and when the service was at work."""

    busy: list[tuple[float, bool]]
    requests: list[float]
    changes: list[tuple[str, str, float]]
    empty: float

    def follow(self, house: House) -> bool:
        cls = type(self)
        cls.busy = []
        over = threading.Event()
        looking = threading.Thread(target=self._look, args=(over,))
        looking.start()
        try:
            succeeded = super().follow(house)
        finally:
            over.set()
            looking.join()
        said = house.log(emulator.NAME).read_text(encoding="utf-8")
        cls.requests = [datetime.fromisoformat(at).timestamp() for at in _REQUEST.findall(said)]
        (run,) = self._airflow.call("GET", f"/dags/{DAG_ID}/dagRuns")["dag_runs"]
        changes = [each for each in notes.read(self._airflow.database, run["dag_run_id"]) if each[1] != "removed"]
        ends = [(task, "ended", at) for task in {each[0] for each in changes} for at in self._ends(task)]
        cls.changes = sorted(changes + ends, key=lambda change: change[2])
        path = f"/dags/{_EMPTY}/dagRuns/{(run_id := self._airflow.trigger(_EMPTY, {}))}"
        while self._airflow.call("GET", path)["state"] not in {"success", "failed"}:
            house.sleep(0.2)
        at = {(task, state): when for task, state, when in notes.read(self._airflow.database, run_id)}
        tasks = {task for task, _ in at}
        cls.empty = statistics.median(at[task, "success"] - at[task, "running"] for task in tasks)
        return succeeded

    def _ends(self, task: str) -> list[float]:
        log = self._airflow.call("GET", f"{self._path}/taskInstances/{task}/logs/1")["content"]
        ended = (each["timestamp"] for each in log if str(each.get("event")).startswith(_ENDS))
        return [datetime.fromisoformat(at).timestamp() for at in ended]

    def _look(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            with contextlib.suppress(Exception):
                self.busy.append((time.time(), self._at_work()))

    def _at_work(self) -> bool:
        service = self._client.list_dbaas_services().named(self._service)
        if service is None:
            return False
        if service.state != "running":
            return True
        try:
            return self._client.get_dbaas_migration_status(self._service).status == "running"
        except DbaasNotFoundError:
            return False


def measure() -> dict[str, float]:
    """Seconds of each phase of one run."""
    house, report = House(), Report()
    dags = house.folder / "dags"
    shutil.copytree(_DAGS, dags)
    (dags / f"{_EMPTY}.py").write_text(_EMPTY_DAG, encoding="utf-8")
    vars(story).update(DAGS=dags, Airflow=_Noting, Run=_Story)
    try:
        os.environ.update(house.environment)
        if not story.run(house, report, story.Options("dump", keep=False)):
            raise RuntimeError("the demo has failed")
    finally:
        house.end_processes()
        house.sweep()
    taken = dict(report.phases)
    parts = _parts()
    return dict(zip(_PHASES, (taken["start"], *parts, taken["comparison"]), strict=True))


def _parts() -> tuple[float, float, float, float]:
    """Seconds of the run in which the service was at work; else of Airflow; of empty tasks; of this package."""
    changes = _Story.changes
    held: dict[str, float] = {}
    worked = between = empty = own = 0.0
    at, following = changes[0][2], 0
    while at < changes[-1][2]:
        while following < len(changes) and changes[following][2] <= at:
            task, state, since = changes[following]
            if state == "running":
                held[task] = since
            elif state != "deferred":
                held.pop(task, None)
            following += 1
        if _at_work(at):
            worked += _STEP
        elif not held:
            between += _STEP
        elif at - max(held.values()) < _Story.empty:
            empty += _STEP
        else:
            own += _STEP
        at += _STEP
    return worked, between, empty, own


def _at_work(at: float) -> bool:
    look = bisect.bisect_right(_Story.busy, (at, True)) - 1
    request = bisect.bisect_right(_Story.requests, at) - 1
    return (look >= 0 and _Story.busy[look][1]) or (request >= 0 and at - _Story.requests[request] < _OPERATION_SECONDS)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description="Where the demo's time goes.")
    parser.add_argument("--runs", type=int, default=5, help="how many (default: %(default)s)")
    options = parser.parse_args()
    environment = dict(os.environ)
    rounds = []
    for _ in range(options.runs):
        os.environ.clear()
        os.environ.update(environment)
        rounds.append(measure())
    medians = {phase: statistics.median(each[phase] for each in rounds) for phase in _PHASES}
    for phase, seconds in medians.items():
        print(f"{phase:53} {seconds:6.1f} s  {'█' * round(seconds * 2)}")
    run = [medians[phase] for phase in _PHASES[1:-1]]
    print(f"{_OWN}: {100 * medians[_OWN] / sum(run):.1f} % of the run ({sum(run):.1f} s); goal: 5 %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
