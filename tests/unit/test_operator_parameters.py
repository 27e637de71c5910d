"""Parameters of operators and sensors: which there must be, which can be templates, and where defaults come from."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import pytest
from airflow.sdk import DAG

from tests.unit.bad_input.kinds import GOOD

MODULES = [
    importlib.import_module(f"airflow_dbaas.{name}")
    for name in (
        "operators.external_endpoints",
        "operators.integrations",
        "operators.migrations",
        "operators.observability",
        "operators.reconcile",
        "operators.services",
        "sensors.integrations",
        "sensors.migrations",
        "sensors.operations",
        "sensors.services",
        "sensors.tasks",
    )
]


@pytest.mark.parametrize(("kind", "arguments"), GOOD.items())
def test_good_parameters(kind: Any, arguments: dict[str, Any]) -> None:
    """Every operator and sensor can be made with what it needs and no more."""
    assert kind(task_id="t", **arguments).exoscale_conn_id == "exoscale_default"


def test_every_operator_is_in_the_list() -> None:
    """None is left out of these tests."""
    public = {
        kind
        for module in MODULES
        for name, kind in vars(module).items()
        if name.startswith("Dbaas")
        and name.endswith(("Operator", "Sensor"))
        and name not in {"DbaasOperator", "DbaasSensor"}
    }
    assert set(GOOD) == public


@pytest.mark.parametrize(("kind", "arguments"), GOOD.items())
def test_what_users_vary_is_templated(kind: Any, arguments: dict[str, Any]) -> None:
    """Names, ids, connections and zone can all come from parameters or other tasks."""
    assert set(arguments) | {"zone", "exoscale_conn_id"} <= set(kind.template_fields)


@pytest.mark.parametrize(("kind", "arguments"), GOOD.items())
def test_default_args_reach_every_parameter(kind: Any, arguments: dict[str, Any]) -> None:
    """What a DAG sets for all of its tasks holds for ours, also for parameters that base classes declare."""
    given = {"exoscale_conn_id": "other", "zone": "at-vie-1", "deferrable": True, "retries": 7, **arguments}
    with DAG("d", schedule=None, default_args=given):
        task = kind(task_id="t")
    assert {name: getattr(task, name) for name in given} == given


def test_deferrable_follows_airflows_setting() -> None:
    """Without a word from the author, [operators] default_deferrable decides."""
    code = (
        "from airflow_dbaas.sensors.services import DbaasServiceSensor as S; "
        "from airflow_dbaas.operators.services import DbaasDeleteServiceOperator as O; "
        "print(S(task_id='t', service_name='x').deferrable, O(task_id='t', service_name='x').deferrable)"
    )
    for setting in ("True", "False"):
        env = {**os.environ, "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": setting}
        out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
        assert out.stdout.split()[-2:] == [setting, setting]
