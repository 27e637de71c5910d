"""What Airflow's OpenLineage provider is told of a migration."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from airflow_dbaas.migration import lineage
from airflow_dbaas.operators.migrations import DbaasStartMigrationOperator, DbaasVerifyMigrationOperator

# OpenLineage's and Airflow's own warnings are their own affair.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

ARGUMENTS: dict[str, Any] = {"task_id": "task", "service_name": "db", "source_conn_id": "legacy"}


@pytest.mark.parametrize("scheme", ["postgres", "mysql"])
def test_databases_go_in_and_come_out(scheme: str) -> None:
    """Each database is an input at the source and an output at the service, named as OpenLineage names them."""
    from openlineage.client.event_v2 import InputDataset, OutputDataset

    told = lineage.of_migration(
        scheme=scheme,
        source="old.example.com:5432",
        target="db.example.net:21699",
        databases=[{"name": "shop", "rows": 1000, "tables": 3}, {"name": "crm"}],
    )
    assert [(type(one), one.namespace, one.name) for one in told.inputs] == [
        (InputDataset, f"{scheme}://old.example.com:5432", "shop"),
        (InputDataset, f"{scheme}://old.example.com:5432", "crm"),
    ]
    assert [(type(one), one.namespace, one.name) for one in told.outputs] == [
        (OutputDataset, f"{scheme}://db.example.net:21699", "shop"),
        (OutputDataset, f"{scheme}://db.example.net:21699", "crm"),
    ]
    counted, uncounted = told.inputs
    assert counted.inputFacets["dataQualityMetrics"].rowCount == 1000
    assert uncounted.inputFacets == {}


@pytest.mark.parametrize("kind", [DbaasStartMigrationOperator, DbaasVerifyMigrationOperator])
def test_nothing_is_told_of_what_was_not_done(kind: type[Any]) -> None:
    """A task that failed before there was anything to tell says nothing, and asks nobody."""
    told = kind(**ARGUMENTS).get_openlineage_facets_on_complete(None)
    assert (told.inputs, told.outputs) == ([], [])


def test_openlineage_is_not_imported_by_who_does_not_use_it() -> None:
    """Importing all that a DAG may import leaves OpenLineage alone, although it is installed."""
    assert importlib.util.find_spec("openlineage") is not None
    code = """
import importlib, pkgutil, sys
import airflow.sdk
before = set(sys.modules)
import airflow_dbaas.migration.assets, airflow_dbaas.migration.lineage, airflow_dbaas.operators
import airflow_dbaas.retry_policy
import airflow_dbaas.sensors
for package in (airflow_dbaas.operators, airflow_dbaas.sensors):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
assert "airflow_dbaas.operators.migrations" in sys.modules
new = set(sys.modules) - before
print([name for name in new if name.startswith(("openlineage", "airflow.providers.openlineage"))])
"""
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "[]"
