"""The matrix: builds the wheel, tries it in one environment after the other, prints a table."""

from __future__ import annotations

import argparse
import json
import signal
import sys

import psycopg

from demo.emulator import start_emulator
from demo.processes import House
from demo.workload import start_source
from tests.matrix import report
from tests.matrix.cell import Outcome, World, run
from tests.matrix.cells import choose
from tests.matrix.environments import build_wheel

ZONE = "ch-gva-2"
ROWS = 500


def main() -> int:
    """Run it; 0 if every cell is well, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="Try the wheel in each Airflow.")
    parser.add_argument("--only", help="one version of Airflow, e.g. 3.0.6, or with its Python: 3.3.2/3.13")
    parser.add_argument(
        "--update",
        action="store_true",
        help="write the tables into tests/matrix/RESULTS.md and docs/airflow-versions.md",
    )
    options = parser.parse_args()
    try:
        cells = choose(options.only)
    except LookupError as error:
        parser.error(str(error))
    # Ended from outside, it cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    outcomes: list[Outcome] = []
    house = House()
    try:
        world = _world(house)
        for number, cell in enumerate(cells, 1):
            print(f"{cell} ({number} of {len(cells)}) ", end="", flush=True)
            outcomes.append(outcome := run(cell, world, f"matrix-{number}"))
            print(f"failed at {outcome.problem[0]}\n{outcome.problem[1]}" if outcome.problem else "ok", flush=True)
    finally:
        house.end_processes()
        house.sweep()
    print(f"\n{report.text(report.rows(outcomes))}")
    failed = [outcome for outcome in outcomes if outcome.problem]
    if failed:
        print(f"\n{len(failed)} of {len(outcomes)} failed")
        return 1
    if options.update:
        try:
            report.update(outcomes)
        except LookupError as error:
            print(f"\n{error}")
            return 1
    return 0


def _world(house: House) -> World:
    """The wheel, an emulator and a small source for all cells."""
    wheel = build_wheel(house.folder / "dist")
    emulator = start_emulator(house)
    source = start_source(house)
    with psycopg.connect(source.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop")
    with psycopg.connect(source.conninfo("shop"), autocommit=True) as connection:
        connection.execute("CREATE TABLE item (id serial PRIMARY KEY, name text)")
        connection.execute(f"INSERT INTO item (name) SELECT md5(i::text) FROM generate_series(1, {ROWS}) i")
    connections = {
        "exoscale_default": {
            "conn_type": "exoscale",
            "login": emulator.key,
            "password": emulator.secret,
            "host": emulator.url,
            "extra": {"zone": ZONE},
        },
        "legacy_postgres": {
            "conn_type": "postgres",
            "host": source.host,
            "port": source.port,
            "login": source.user,
            "password": source.password,
            "schema": "shop",
            "extra": {"sslmode": "disable"},
        },
    }
    return World(wheel, {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()})


if __name__ == "__main__":
    sys.exit(main())
