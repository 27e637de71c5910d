"""None of the operators and sensors is left out of what is run here."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

from airflow_dbaas import operators, sensors

PUBLIC = {
    name
    for package in (operators, sensors)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    if not module.name.rpartition(".")[2].startswith("_") and not module.name.endswith(".base")
    for name in vars(importlib.import_module(module.name))
    if name.startswith("Dbaas") and name.endswith(("Operator", "Sensor"))
} - {"DbaasOperator", "DbaasSensor"}


@pytest.mark.parametrize("mode", ["poking", "deferred"])
def test_each_has_a_dag_of_its_own(dags: dict[str, Any], mode: str) -> None:
    """Every operator and sensor is run alone, poking and deferred: by the tests beside this one."""
    alone = {task.task_type for dag_id, dag in dags.items() if dag_id.endswith(f"_{mode}") for task in dag.tasks}
    assert PUBLIC - alone == set()
    assert len(PUBLIC) > 20
