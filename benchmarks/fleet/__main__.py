"""``make bench-fleet``: moves a fleet, which goes on from run to run; one table, and how each number grows."""

from __future__ import annotations

import argparse
import json
import re
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from benchmarks.fleet.sampling import Sampler, Samples
from benchmarks.fleet.world import DAG_ID, SOURCE, world
from demo.airflow import Airflow
from demo.processes import DemoError

AT_ONCE = 100
#: Requests that are to be made once for each service.
ONCE = (
    "create-dbaas-service-pg",
    "create-dbaas-task-migration-check",
    "update-dbaas-service-pg",
    "stop-dbaas-pg-migration",
)
_FIRED = re.compile(r'"Trigger fired event".* \(ID (\d+)\)"')


@dataclass
class Moved:
    """What a fleet has come to."""

    executor: str
    triggerers: int
    services: int
    wall: float
    requests: int
    answered: int
    """Waits that were answered."""
    wrong: list[str]
    """What was lost or doubled."""
    samples: Samples

    def row(self) -> tuple[str, ...]:
        """A line of the table."""
        seen = self.samples
        return (
            f"{self.executor}, {self.triggerers}",
            f"{self.services}",
            f"{self.wall:.0f}",
            f"{seen.held}",
            f"{seen.waiting}",
            f"{1000 * seen.cpu / max(1.0, seen.waited):.2f}",
            f"{seen.memory / 2**20:.0f}",
            f"{seen.memory / 2**10 / max(1, seen.waiting):.0f}",
            f"{self.requests}",
            f"{self.answered}",
            f"{len(self.wrong)}",
        )


HEADINGS = (
    "executor, triggerers",
    "services",
    "seconds",
    "slots held by waits",
    "waits at once",
    "ms CPU per wait and s",
    "MB of triggerers",
    "kB per wait",
    "requests",
    "waits answered",
    "lost or doubled",
)


def move(executor: str, triggerers: int, services: int, per_run: int) -> list[Moved]:
    """Move a fleet in an Airflow of its own; what it had come to at the end of each run.

    :param executor: ``local`` or ``celery``.
    :param triggerers: how many of them.
    :param services: how many services.
    :param per_run: how many of them a run moves before it starts the next one.
    """
    moved: list[Moved] = []
    wrong: list[str] = []
    with world(executor, triggerers) as here:
        airflow, house = here.airflow, here.house
        airflow.wait_for_dag(DAG_ID)
        began = time.monotonic()
        path = _trigger(airflow, services, per_run)
        with Sampler(here) as samples:
            for first in range(0, services, per_run):
                run = path if first == 0 else f"{path}__left{services - first}"
                while not ended(airflow, run):
                    house.check_alive()
                    house.sleep(1)
                done = min(first + per_run, services)
                wrong += _unmoved(airflow, run, done - first)
                fired = answered(house.folder / "airflow" / "logs")
                requests = json.loads(here.counts.read_text(encoding="utf-8"))
                so_far = replace(samples)
                moved.append(
                    Moved(
                        executor,
                        triggerers,
                        done,
                        time.monotonic() - began,
                        sum(requests.values()),
                        fired.total(),
                        wrong
                        + [f"wait {each} was answered {times} times" for each, times in fired.items() if times > 1],
                        so_far,
                    )
                )
                print(" | ".join(moved[-1].row()), flush=True)
        house.end_processes()
        counts = json.loads(here.counts.read_text(encoding="utf-8"))
    sent = {operation: counts.get(operation, 0) for operation in ONCE}
    moved[-1].wrong += [f"{operation}: {number} requests" for operation, number in sent.items() if number != services]
    return moved


def _trigger(airflow: Airflow, number: int, per_run: int) -> str:
    """Start to move so many services; the path of the first run in the REST API."""
    services = [{"service": f"fleet-{each:03}", "source_conn_id": SOURCE, "method": "dump"} for each in range(number)]
    form = {"services": services, "at_once": AT_ONCE, "per_run": per_run}
    return f"/dags/{DAG_ID}/dagRuns/{airflow.trigger(DAG_ID, form)}"


def _unmoved(airflow: Airflow, path: str, services: int) -> list[str]:
    """What the report of a run says of those that were not moved."""
    report = airflow.call("GET", f"{path}/taskInstances/report/xcomEntries/return_value?deserialize=true")
    rows = report["value"] if report else []
    lost = [] if len(rows) == services else [f"the report has {len(rows)} services"]
    return lost + [f"{row['service']}: {row['state']}: {row['error']}" for row in rows if row["state"] != "migrated"]


def answered(logs: Path) -> Counter[str]:
    """How often each wait was answered, by the triggerers' own logs.

    :param logs: Airflow's folder of logs.
    """
    found: Counter[str] = Counter()
    for path in logs.rglob("*.trigger.*.log"):
        found.update(_FIRED.findall(path.read_text(encoding="utf-8")))
    return found


def ended(airflow: Airflow, path: str) -> bool:
    """Whether a run is over; an API server that has no time to answer is asked again."""
    try:
        run = airflow.call("GET", path)
    except httpx.TransportError:
        return False
    if run is None:
        raise DemoError(f"{path} was not started by the run before it")
    return run["state"] in {"success", "failed"}


def growth(moved: list[Moved]) -> list[str]:
    """How straight the lines are on which the numbers lie (R²)."""
    sizes = [float(each.services) for each in moved]
    said = []
    for name, values in {
        "seconds": [each.wall for each in moved],
        "requests": [float(each.requests) for each in moved],
        "seconds of CPU of the triggerers": [each.samples.cpu for each in moved],
        "kB of memory of the triggerers": [each.samples.memory / 2**10 for each in moved],
        "waits answered": [float(each.answered) for each in moved],
    }.items():
        slope, _ = statistics.linear_regression(sizes, values)
        said.append(f"{name}: {slope:.2f} more per service, R² {statistics.correlation(sizes, values) ** 2:.3f}")
    return said


def main() -> int:
    """Run it; 0 if nothing was lost or doubled, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description="Move fleets of services.")
    parser.add_argument("--services", type=int, default=500, help="how many (default: %(default)s)")
    parser.add_argument("--per-run", type=int, default=50, help="how many at most in each run (default: %(default)s)")
    parser.add_argument(
        "--executors", default="local:1,celery:2", help="which, with how many triggerers each (default: %(default)s)"
    )
    options = parser.parse_args()
    # Ended from outside, it cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table: list[tuple[str, ...]] = [HEADINGS]
    notes, wrong = [], []
    print(" | ".join(HEADINGS), flush=True)
    for each in options.executors.split(","):
        executor, _, triggerers = each.partition(":")
        try:
            moved = move(executor, int(triggerers or 1), options.services, options.per_run)
        except DemoError as error:
            print(error)
            return 1
        table += [each.row() for each in moved]
        wrong += moved[-1].wrong
        if len(moved) > 2:
            notes.append(f"{each}: {'; '.join(growth(moved))}")
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print()
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("\n".join(["", *notes, *wrong]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
