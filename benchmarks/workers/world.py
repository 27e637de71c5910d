"""One Airflow for all cases, and what is counted in it."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks import notes
from benchmarks.frame import Values
from benchmarks.polls import exoscale
from benchmarks.processes import ROOT
from benchmarks.server import counted
from demo.airflow import COMPONENTS, Airflow
from demo.processes import House

WAITS = 10
#: Seconds for which all wait.
_LONG = 12.0
#: Seconds in which a run must have come as far as it is to come.
_PATIENCE = 250.0
#: Waits that share, and the seconds for which they are looked at.
MANY = 1000
_SHARED = 30.0
#: Seconds until all have begun.
_SETTLED = 40.0

_DAGS = Path(__file__).parent / "dags"


class World:
    """An Airflow that is ended with this process.

    :param url: the local server.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        #: Seconds of CPU per second of a triggerer in which as many waits only sleep.
        self._asleep: float | None = None
        self._house = House()
        atexit.register(self._close)
        dags = self._house.folder / "dags"
        shutil.copytree(_DAGS, dags, ignore=shutil.ignore_patterns("__pycache__"))
        host, port = url.removeprefix("http://").split(":")
        server = {"host": host, "port": int(port)}
        self._house.environment |= {
            "PYTHONPATH": str(ROOT),
            **{
                f"AIRFLOW_CONN_{name}": json.dumps(fields)
                for name, fields in {
                    "EXOSCALE_DEFAULT": exoscale(url),
                    "BENCH_HTTP": {"conn_type": "http", **server},
                    "BENCH_AWS": {"conn_type": "aws", "login": "key", "password": "secret"}
                    | {"extra": {"endpoint_url": f"{url}/dms-task", "region_name": "eu-central-1"}},
                }.items()
            },
        }
        # Parsed once: what parsing takes is another subject.
        settings = {
            "AIRFLOW__TRIGGERER__CAPACITY": str(2 * MANY),
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": str(MANY),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        }
        self._airflow = Airflow(self._house, dags, parallelism=4, settings=settings)
        self._airflow.migrate()
        notes.take(self._airflow.database)
        self._airflow.start()
        self._airflow.wait_until_healthy()
        for path in _DAGS.glob("*.py"):
            self._airflow.wait_for_dag(path.stem)

    _runs = tuple(f"{number:03}" for number in range(MANY // WAITS))

    def _close(self) -> None:
        self._airflow.close()
        self._house.end_processes()
        self._house.sweep()

    def measure(self, case: str) -> Values:
        """One run of a case's DAG.

        :param case: name of the DAG.
        """
        self._tell("begin")
        if case == "nothing":
            return self._ended(case, time.time(), self._cpu(), None)
        run = self._airflow.trigger(case, {})
        self._until(lambda: len(self._tasks(run, ("deferred", "up_for_reschedule"), "wait%")) == WAITS)
        began, cpu = time.time(), self._cpu()
        time.sleep(_LONG)
        waiting = (self._cpu() - cpu) / (time.time() - began)
        cpu = self._cpu()
        self._tell("end")
        return {**self._ended(case, time.time(), cpu, run), "waiting": 1e3 * waiting}

    def share(self, case: str) -> Values:
        """What a thousand waits, which go on from round to round, come to.

        :param case: name of the DAG; before the others, those that sleep are measured, once.
        """
        if self._asleep is None:
            self._begin_many("asleep")
            self._asleep = self._busy()
            for run in self._runs:
                self._airflow.call("PATCH", f"/dags/asleep/dagRuns/{run}", {"state": "failed"})
            self._begin_many("many")
        if case == "asleep":
            return {"cpu": 1e3 * self._asleep}
        requests = counted(self._url)
        busy = self._busy()
        requests = counted(self._url) - requests
        return {
            "requests": requests * 60 / _SHARED,
            "cpu": 1e3 * busy,
            "own": 1e6 * (busy - self._asleep) * _SHARED / MANY / requests,
        }

    def _begin_many(self, dag: str) -> None:
        for run in self._runs:
            self._airflow.trigger(dag, {}, run_id=run)
        self._until(lambda: notes.count(self._airflow.database, "deferred") == MANY)
        time.sleep(_SETTLED)

    def _busy(self) -> float:
        """Seconds of CPU per second of the triggerer."""
        cpu = self._cpu("triggerer")
        time.sleep(_SHARED)
        return (self._cpu("triggerer") - cpu) / _SHARED

    def _ended(self, case: str, ended: float, cpu: float, run: str | None) -> Values:
        run = run or self._airflow.trigger(case, {})
        self._until(lambda: len(self._tasks(run, ("running",), "after%")) == WAITS)
        cpu = self._cpu() - cpu
        started = self._tasks(run, ("running",), "after%")
        waits = [state for _, state, _ in notes.read(self._airflow.database, run, "wait%")]
        # The next round begins with nothing under way.
        self._until(lambda: len(self._tasks(run, ("success",), "after%")) == WAITS)
        return {
            "workers": waits.count("running") / WAITS,
            "delay": statistics.mean(started.values()) - ended,
            "cpu": 1e3 * cpu / WAITS,
        }

    def _tell(self, what: str) -> None:
        with urllib.request.urlopen(f"{self._url}/{what}"):  # noqa: S310 - the local server
            pass

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no progress\n{self._house.tail('airflow scheduler')}")
            self._house.check_alive()
            time.sleep(0.1)

    def _tasks(self, run: str, states: tuple[str, ...], tasks: str) -> dict[str, float]:
        """The tasks that have been in one of the states, and when they were at last."""
        return {task: at for task, state, at in notes.read(self._airflow.database, run, tasks) if state in states}

    def _cpu(self, *names: str) -> float:
        """Seconds of CPU that components, by default all, and what they started have used, what has ended included."""
        used = 0.0
        own = psutil.Process().children()
        for root in (each for each in own if {*each.cmdline()} & {*(names or COMPONENTS)}):
            for process in [root, *root.children(recursive=True)]:
                try:
                    times = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                used += times.user + times.system + times.children_user + times.children_system
        return used


@functools.cache
def world(url: str) -> World:
    """The Airflow of this process.

    :param url: the local server.
    """
    return World(url)
