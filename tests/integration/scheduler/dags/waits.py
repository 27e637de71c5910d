"""Sensors as a real scheduler runs them."""

from datetime import timedelta

from airflow.sdk import DAG, Param, task

from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor

with DAG("waits", schedule=None, params={"service": Param("waits-pg"), "zone": Param(None, type=["null", "string"])}):
    create = DbaasCreateServiceOperator(
        task_id="create", service_name="{{ params.service }}", plan="startup-4", wait_for_completion=False
    )

    @task
    def operation_of(result: dict) -> str:
        """The id of the operation."""
        return result["operation_id"]

    operation = DbaasOperationSensor(task_id="operation", operation_id=operation_of(create.output), deferrable=True)
    running = DbaasServiceSensor(
        task_id="running", service_name="{{ params.service }}", zone="{{ params.zone or '' }}", deferrable=True
    )
    operation >> running

with DAG("waits_fail", schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
    DbaasServiceSensor(task_id="late", service_name="nowhere", timeout=3, deferrable=True)
    DbaasServiceSensor(task_id="skipped", service_name="nowhere", timeout=3, soft_fail=True, deferrable=True)
    DbaasOperationSensor(task_id="template", operation_id="{{ 'x' * 3 }}", deferrable=True)
