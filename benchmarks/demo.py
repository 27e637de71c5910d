"""``python -m benchmarks.demo``: where the time of ``make demo`` goes, as a bar for each phase; median of the runs.

The demo runs as it is. Its metadata database notes what its tasks do, its service is looked at ten times a second; at
the end a DAG of empty tasks says what a task takes in that Airflow that does nothing at all.

The service is at work while it does not run yet, while databases are copied, and while an operation that a task has
asked for is pending; PostgreSQL while it answers to the comparison, by its own log. Of the rest, a task has what it
takes from its start to its end, less what an empty one takes, and less what Airflow takes from its deferral until its
wait starts in the triggerer. Where a task skips itself, that is its end: Airflow 3.3.2 may notice five seconds late. So
is the end of its wait in the triggerer.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import math
import os
import re
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg

from airflow_dbaas.api.errors import DbaasNotFoundError
from benchmarks import notes
from demo import emulator, workload
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
#: How a task's log tells of its end where Airflow's database notes it later; and of the start of its wait.
_TOLD = {"ended": re.compile("Skipping task|Trigger fired event"), "waiting": re.compile("trigger .* starting")}
#: How the source's log tells of a query of the comparison.
_QUERY = re.compile(r"^(\S+ \S+) UTC \[\d+\] airflow-dbaas LOG:  duration: (\S+) ms", re.MULTILINE)
_OWN = "airflow-dbaas"
_PHASES = (
    "Airflow, emulator and source start",
    "the service: its start, operations, dump and restore",
    "PostgreSQL: what the comparison asks",
    "Airflow: from task to task, and to its triggerer",
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
    queries: list[tuple[float, float]]
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
        said = (house.folder / "source" / "server.log").read_text(encoding="utf-8", errors="replace")
        cls.queries = [_span(at, milliseconds) for at, milliseconds in _QUERY.findall(said)]
        changes = [each for each in notes.read(self._airflow.database, run["dag_run_id"]) if each[1] != "removed"]
        told = [change for task in {each[0] for each in changes} for change in self._told(task)]
        cls.changes = sorted(changes + told, key=lambda change: change[2])
        path = f"/dags/{_EMPTY}/dagRuns/{(run_id := self._airflow.trigger(_EMPTY, {}))}"
        while self._airflow.call("GET", path)["state"] not in {"success", "failed"}:
            house.sleep(0.2)
        at = {(task, state): when for task, state, when in notes.read(self._airflow.database, run_id)}
        tasks = {task for task, _ in at}
        cls.empty = statistics.median(at[task, "success"] - at[task, "running"] for task in tasks)
        return succeeded

    def _told(self, task: str) -> Iterator[tuple[str, str, float]]:
        log = self._airflow.call("GET", f"{self._path}/taskInstances/{task}/logs/1")["content"]
        for entry in log:
            for state, words in _TOLD.items():
                if words.match(str(entry.get("event"))):
                    yield task, state, datetime.fromisoformat(entry["timestamp"]).timestamp()

    def _look(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            with contextlib.suppress(Exception):
                self.busy.append((time.time(), self._at_work()))

    def _at_work(self) -> bool:
        service = self._client.services.list().named(self._service)
        if service is None:
            return False
        if service.state != "running":
            return True
        try:
            return self._client.migrations.status(self._service).status == "running"
        except DbaasNotFoundError:
            return False


def _span(end: str, milliseconds: str) -> tuple[float, float]:
    """When a query began and ended."""
    ended = datetime.fromisoformat(end).replace(tzinfo=UTC)
    return (ended - timedelta(milliseconds=float(milliseconds))).timestamp(), ended.timestamp()


def _fill(source: workload.Source, house: House, report: Report) -> None:
    """Make the databases; from then on the source's log tells how long each query takes, and whose it is."""
    workload.fill(source, house, report)
    with psycopg.connect(source.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %a '")
        connection.execute("ALTER SYSTEM SET log_min_duration_statement = 0")
        connection.execute("SELECT pg_reload_conf()")


def measure() -> dict[str, float]:
    """Seconds of each phase of one run."""
    house, report = House(), Report()
    dags = house.folder / "dags"
    shutil.copytree(_DAGS, dags)
    (dags / f"{_EMPTY}.py").write_text(_EMPTY_DAG, encoding="utf-8")
    vars(story).update(DAGS=dags, Airflow=_Noting, Run=_Story, fill=_fill)
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


def _parts() -> tuple[float, float, float, float, float]:
    """Seconds of the run in which the service was at work; else PostgreSQL; Airflow; empty tasks; this package."""
    changes = _Story.changes
    held: dict[str, float] = {}
    worked = asked = between = empty = own = 0.0
    at, following = changes[0][2], 0
    while at < changes[-1][2]:
        while following < len(changes) and changes[following][2] <= at:
            task, state, since = changes[following]
            if state == "running":
                held[task] = since
            elif state == "waiting":
                # What an empty task takes is over.
                held[task] = -math.inf
            else:
                held.pop(task, None)
            following += 1
        if _at_work(at):
            worked += _STEP
        elif any(begun <= at < ended for begun, ended in _Story.queries):
            asked += _STEP
        elif not held:
            between += _STEP
        elif at - max(held.values()) < _Story.empty:
            empty += _STEP
        else:
            own += _STEP
        at += _STEP
    return worked, asked, between, empty, own


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
    for what, seconds in {
        "the demo": sum(medians.values()),
        "the run of the DAG": sum(medians[phase] for phase in _PHASES[1:-1]),
    }.items():
        print(f"{_OWN}: {100 * medians[_OWN] / seconds:.1f} % of {what} ({seconds:.1f} s); goal: 5 %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
