"""A deferred task, a deferred sensor, a task that looks at what it is given, and a second run of the same."""

import os
from datetime import UTC, datetime, timedelta

from airflow_dbaas._compat import task_state
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor

try:
    from airflow.sdk import DAG, task
except ImportError:  # 2.11
    from airflow import DAG
    from airflow.decorators import task

SERVICE = os.environ["MATRIX_SERVICE"]

with DAG(
    "matrix_wait",
    schedule="@once",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=2)},
):

    @task
    def look(state, service, created, **context):
        assert (state, service, created) == ("running", SERVICE, True)
        return {"task_state": task_state(context) is not None}

    create = DbaasCreateServiceOperator(task_id="create", service_name=SERVICE, plan="startup-4", deferrable=True)
    wait = DbaasServiceSensor(task_id="wait", service_name=SERVICE, deferrable=True)
    again = DbaasCreateServiceOperator(
        task_id="again", service_name=wait.output["service"], plan="startup-4", wait_for_completion=False
    )
    nothing = DbaasOperationSensor(task_id="nothing", operation_id=again.output["operation_id"])
    outputs = DbaasServiceSensor(
        task_id="outputs", service_name=again.output["service"], deferrable=True, multiple_outputs=True
    )
    create >> wait >> look(wait.output["state"], wait.output["service"], create.output["created"])
