"""``make bench-fleet``: moves fleets of several sizes, prints one table, and how each number grows."""

from __future__ import annotations

import argparse
import json
import re
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
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
    """What one run came to."""

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


def move(executor: str, triggerers: int, services: int) -> Moved:
    """Move a fleet in an Airflow of its own.

    :param executor: ``local`` or ``celery``.
    :param triggerers: how many of them.
    :param services: how many services.
    """
    with world(executor, triggerers) as here:
        airflow = here.airflow
        airflow.wait_for_dag(DAG_ID)
        began = time.monotonic()
        names = [f"fleet-{number:03}" for number in range(services)]
        conf = {
            "services": [{"service": name, "source_conn_id": SOURCE, "method": "dump"} for name in names],
            "at_once": AT_ONCE,
        }
        path = f"/dags/{DAG_ID}/dagRuns/{airflow.trigger(DAG_ID, conf)}"
        with Sampler(here) as samples:
            while not ended(airflow, path):
                here.house.check_alive()
                here.house.sleep(1)
        wall = time.monotonic() - began
        report = airflow.call("GET", f"{path}/taskInstances/report/xcomEntries/return_value?deserialize=true")
        rows = report["value"] if report else []
        here.house.end_processes()
        counts = json.loads(here.counts.read_text(encoding="utf-8"))
        fired = answered(here.house.folder / "airflow" / "logs")
    wrong = [f"{row['service']}: {row['state']}: {row['error']}" for row in rows if row["state"] != "migrated"]
    if len(rows) != services:
        wrong.append(f"the report has {len(rows)} services")
    sent = {operation: counts.get(operation, 0) for operation in ONCE}
    wrong += [f"{operation}: {number} requests" for operation, number in sent.items() if number != services]
    wrong += [f"wait {each} was answered {number} times" for each, number in fired.items() if number != 1]
    return Moved(executor, triggerers, services, wall, sum(counts.values()), fired.total(), wrong, samples)


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
        return airflow.call("GET", path)["state"] in {"success", "failed"}
    except httpx.TransportError:
        return False


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
    parser.add_argument("--services", default="50,150,500", help="how many (default: %(default)s)")
    parser.add_argument(
        "--executors", default="local:1,celery:2", help="which, with how many triggerers each (default: %(default)s)"
    )
    options = parser.parse_args()
    # Ended from outside, it cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table: list[tuple[str, ...]] = [HEADINGS]
    notes, wrong = [], 0
    for each in options.executors.split(","):
        executor, _, triggerers = each.partition(":")
        runs = []
        for size in options.services.split(","):
            try:
                runs.append(moved := move(executor, int(triggerers or 1), int(size)))
            except DemoError as error:
                print(error)
                return 1
            print("\n".join([" | ".join(moved.row()), *moved.wrong]), flush=True)
            table.append(moved.row())
            wrong += len(moved.wrong)
        if len(runs) > 2:
            notes.append(f"{each}: {'; '.join(growth(runs))}")
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print()
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("\n".join(["", *notes]))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
