"""Importing: what all operators and sensors add to ``import airflow.sdk``, and what parsing an example DAG takes."""

from __future__ import annotations

import importlib
import pkgutil
import runpy
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.frame import Case, Quantity, Role, Subject, Values

_DAGS = sorted((Path(__file__).parent.parent / "dags").glob("*.py"))

_AIRFLOW = "airflow.providers"

#: By case: the packages or modules that the operators and sensors are in.
_ROOMS = {
    "ours": ("airflow_dbaas.operators", "airflow_dbaas.sensors"),
    "dms": (f"{_AIRFLOW}.amazon.aws.operators.dms", f"{_AIRFLOW}.amazon.aws.sensors.dms"),
    "dbt-cloud": (f"{_AIRFLOW}.dbt.cloud.operators", f"{_AIRFLOW}.dbt.cloud.sensors"),
    "databricks": (f"{_AIRFLOW}.databricks.operators", f"{_AIRFLOW}.databricks.sensors"),
    "airbyte": (f"{_AIRFLOW}.airbyte.operators", f"{_AIRFLOW}.airbyte.sensors"),
    "http": (f"{_AIRFLOW}.http.operators", f"{_AIRFLOW}.http.sensors"),
    "fivetran": ("fivetran_provider_async.operators", "fivetran_provider_async.sensors"),
}

SUBJECT = Subject(
    title="Import",
    quantities=(
        Quantity("ms", "operators and sensors after airflow.sdk, ms of CPU", digits=1, most=30),
        Quantity("modules", "modules that this adds"),
        Quantity("foreign", "of them neither Python's, Airflow's nor its own", most=0),
        Quantity("parse", "parsing an example DAG after airflow.sdk, ms of CPU", digits=1),
    ),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS),
        Case("dms", "Amazon provider, DMS alone", Role.PEER),
        Case("dbt-cloud", "dbt Cloud provider", Role.PEER),
        Case("databricks", "Databricks provider", Role.PEER),
        Case("airbyte", "Airbyte provider", Role.PEER),
        Case("http", "HTTP provider", Role.PEER),
        Case("fivetran", "Fivetran provider", Role.PEER),
        *(Case(path.name, f"dags/{path.name}", Role.OURS) for path in _DAGS),
    ),
    fresh=True,
)


def prepare(case: str, url: str) -> Callable[[], Values]:  # noqa: ARG001 - nothing is sent
    """Get a case ready."""
    # What was not compiled before is, in the first round; as it is when packages are installed.
    sys.dont_write_bytecode = False
    sdk = importlib.import_module("airflow.sdk")
    # What every DAG file has, and is not imported before it is asked for.
    for name in ("DAG", "BaseOperator", "BaseSensorOperator"):
        getattr(sdk, name)
    if case in _ROOMS:
        return lambda: _imported(_ROOMS[case])
    return lambda: _parsed(next(path for path in _DAGS if path.name == case))


def _imported(rooms: tuple[str, ...]) -> Values:
    before, cpu = set(sys.modules), time.process_time()
    for room in rooms:
        for name in _modules(room):
            importlib.import_module(name)
    cpu = time.process_time() - cpu
    new = set(sys.modules) - before
    known = {*sys.stdlib_module_names, "airflow", rooms[0].partition(".")[0]}
    foreign = {name for name in new if name.partition(".")[0] not in known}
    return {"ms": cpu * 1e3, "modules": len(new), "foreign": len(foreign)}


def _modules(room: str) -> Iterator[str]:
    """A package's modules, or a module itself."""
    yield room
    for found in pkgutil.iter_modules(getattr(sys.modules[room], "__path__", ())):
        if not found.name.startswith("_"):
            yield f"{room}.{found.name}"


def _parsed(path: Path) -> Values:
    cpu = time.process_time()
    runpy.run_path(str(path))
    return {"parse": (time.process_time() - cpu) * 1e3}
