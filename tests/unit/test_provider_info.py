"""What Airflow discovers."""

import importlib
import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import airflow
import jsonschema

from airflow_dbaas.provider_info import get_provider_info


def test_entry_point() -> None:
    """Airflow finds the provider by its entry point, under the name of its distribution."""
    (point,) = [p for p in entry_points(group="apache_airflow_provider") if p.dist and p.dist.name == "airflow-dbaas"]
    assert point.load()()["package-name"] == "airflow-dbaas"


def test_provider_info_keeps_airflows_schema() -> None:
    """Airflow's own schema accepts it."""
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_everything_named_exists() -> None:
    """Every module and class that is declared can be imported, and every operator and sensor module is declared."""
    info = get_provider_info()
    declared = set()
    for section in ("operators", "sensors", "hooks", "triggers"):
        for entry in info[section]:
            for module in entry["python-modules"]:
                importlib.import_module(module)
                declared.add(module)
    package = Path(importlib.import_module("airflow_dbaas").__file__ or "").parent
    for folder in ("operators", "sensors", "triggers", "hooks"):
        for file in (package / folder).glob("*.py"):
            if not file.stem.startswith("_") and file.stem != "base":
                assert f"airflow_dbaas.{folder}.{file.stem}" in declared
    module, name = info["connection-types"][0]["hook-class-name"].rsplit(".", 1)
    assert getattr(importlib.import_module(module), name).conn_type == "exoscale"


def test_discovery_imports_nothing() -> None:
    """Loading provider info, which every Airflow process does, imports no other module of ours or anyone's."""
    code = (
        "import sys; before = set(sys.modules); from airflow_dbaas.provider_info import get_provider_info; "
        "get_provider_info(); print(sorted(set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "['airflow_dbaas', 'airflow_dbaas.provider_info']"
