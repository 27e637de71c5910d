"""The demo's story, from two empty servers to a compared migration."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from demo.airflow import Airflow
from demo.compare import Comparison, Difference, compare
from demo.emulator import Emulator, database_conninfo, start_emulator, target_conninfo
from demo.processes import House
from demo.progress import DAG_ID, Database, Run
from demo.report import DatabaseLine, Report
from demo.workload import DATABASES, SHOP, Source, fill, start_source

DAGS = Path(__file__).resolve().parent.parent / "dags"
SERVICE = "demo-pg"
ZONE = "ch-gva-2"
PLAN = "startup-4"
DBAAS_CONNECTION = "exoscale_default"
SOURCE_CONNECTION = "legacy_postgres"
DIFFERENCES_SHOWN = 20


@dataclass(frozen=True)
class Options:
    """The chosen options."""

    method: str
    keep: bool


def run(house: House, report: Report, options: Options) -> bool:
    """The whole demo; whether everything arrived. Whatever it starts lives in the house."""
    report.line("folder", str(house.folder))
    with ThreadPoolExecutor(thread_name_prefix="demo") as pool, _stopping(house):
        with report.phase("start"):
            emulating = pool.submit(start_emulator, house)
            starting = pool.submit(start_source, house)
            filling = pool.submit(lambda: fill(starting.result(), house, report))
            airflow = Airflow(house, DAGS)
            airflow.migrate()
            airflow.start()
            emulator, source = emulating.result(), starting.result()
            report.line("emulator", emulator.url)
            airflow.add_connections(_connections(emulator, source))
            airflow.wait_until_healthy()
            report.line("airflow", f"{airflow.url} is up: API server, scheduler, DAG processor, triggerer")
            airflow.wait_for_dag(DAG_ID)
            filling.result()
        with emulator.client() as client:
            dag_run = Run(airflow, client, SERVICE, report)
            with report.phase("migration"):
                dag_run.start(_parameters(options))
                succeeded = dag_run.follow(house)
        same = False
        if succeeded:
            report.line("compare", "every row and every definition, source against target")
            with report.phase("comparison"):
                comparisons = _compare(source, emulator)
            same = _show(comparisons, dag_run.databases, report)
        report.times()
        if options.keep:
            _keep(house, report, airflow, emulator, source)
    return same


@contextmanager
def _stopping(house: House) -> Iterator[None]:
    """End all processes when something fails, so that nothing keeps running."""
    try:
        yield
    except BaseException:
        house.end_processes()
        raise


def _connections(emulator: Emulator, source: Source) -> dict[str, dict[str, object]]:
    """The two connections that an operator would add."""
    return {
        DBAAS_CONNECTION: {
            "conn_type": "exoscale",
            "login": emulator.key,
            "password": emulator.secret,
            "host": emulator.url,
            "extra": {"zone": ZONE},
        },
        SOURCE_CONNECTION: {
            "conn_type": "postgres",
            "host": source.host,
            "port": source.port,
            "login": source.user,
            "password": source.password,
            "schema": SHOP,
            "extra": {"sslmode": "disable"},
        },
    }


def _parameters(options: Options) -> dict[str, object]:
    """The run's parameters, as the form of the trigger dialog would send them."""
    return {
        "service": SERVICE,
        "zone": ZONE,
        "plan": PLAN,
        "source_conn_id": SOURCE_CONNECTION,
        "method": options.method,
        "ignore_dbs": "",
        "stop_replication": True,
    }


def _compare(source: Source, emulator: Emulator) -> dict[str, Comparison]:
    """Compare each database as the service's administrator sees it, independent of the DAG run."""
    with emulator.client() as client:
        target = target_conninfo(client, SERVICE)
    outcome = {}
    for name in DATABASES:
        try:
            outcome[name] = compare(source.conninfo(name), database_conninfo(target, name))
        except psycopg.Error as error:
            outcome[name] = Comparison([Difference("database", name, f"cannot be compared: {error}")], 0, 0, 0)
    return outcome


def _show(comparisons: dict[str, Comparison], databases: dict[str, Database], report: Report) -> bool:
    """Print differences and the closing table; whether there are none, and each database was reported moved."""
    lines = []
    for name, comparison in comparisons.items():
        moved = databases.get(name, Database("-", "not reported", 0, 0))
        differences = comparison.differences
        for difference in differences[:DIFFERENCES_SHOWN]:
            report.line("differs", f"{name}: {difference}")
        if (left_out := len(differences) - DIFFERENCES_SHOWN) > 0:
            report.line("differs", f"{name}: and {left_out} more")
        lines.append(
            DatabaseLine(
                name,
                moved.method,
                moved.status,
                comparison.tables,
                comparison.rows,
                comparison.bytes,
                moved.seconds,
                len(differences),
            )
        )
    report.databases(lines)
    return not any(line.differences for line in lines)


def _keep(house: House, report: Report, airflow: Airflow, emulator: Emulator, source: Source) -> None:
    """Leave everything up until it is stopped."""
    report.line("keeping", f"Airflow {airflow.url} (log in as {airflow.user} / {airflow.password})")
    report.line("keeping", f"DBaaS API {emulator.url}, source PostgreSQL {source.host}:{source.port}")
    report.line("keeping", f"logs and secrets are in {house.folder}; Ctrl-C stops everything")
    house.wait()
