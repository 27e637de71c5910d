"""DAGs of one task each, for operators and sensors to be run poking and deferred with arguments from the run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG


def single_task_dags(tasks: dict[str, tuple[type, dict[str, Any]]], params: dict[str, Any]) -> dict[str, Any]:
    """``<name>_poking`` and ``<name>_deferred`` for each operator or sensor.

    :param tasks: class and arguments by name; the arguments are templates such as ``{{ params.service }}``.
    :param params: parameters of the DAGs with their defaults; ``zone`` is added.
    """
    dags = {}
    for name, (kind, arguments) in tasks.items():
        for mode in ("poking", "deferred"):
            with DAG(
                f"{name}_{mode}",
                schedule=None,
                params={**params, "zone": ""},
                default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
                render_template_as_native_obj=any(isinstance(default, list | dict) for default in params.values()),
            ) as dag:
                kind(task_id="task", zone="{{ params.zone }}", deferrable=mode == "deferred", **arguments)
            dags[dag.dag_id] = dag
    return dags
