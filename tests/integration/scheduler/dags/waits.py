"""Sensors as a real scheduler runs them."""

from datetime import timedelta

from airflow.sdk import DAG, Param, task

from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor

with DAG("waits", schedule=None, params={"service": "waits-pg", "zone": Param("", title="Zone")}):
    create = DbaasCreateServiceOperator(
        task_id="create", service_name="{{ params.service }}", plan="startup-4", wait_for_completion=False
    )

    @task
    def operation_of(result: dict) -> str:
        """The id of the operation."""
        return result["operation_id"]

    operation = DbaasOperationSensor(task_id="operation", operation_id=operation_of(create.output), deferrable=True)
    running = DbaasServiceSensor(
        task_id="running", service_name="{{ params.service }}", zone="{{ params.zone }}", deferrable=True
    )
    operation >> running

    @task
    def seen(result: dict) -> str:
        """What a task on a worker is given of a result that was pushed in the triggerer."""
        return result["state"]

    seen(running.output)

with DAG("waits_fail", schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
    DbaasServiceSensor(task_id="late", service_name="nowhere", timeout=3, deferrable=True)
    DbaasServiceSensor(task_id="skipped", service_name="nowhere", timeout=3, soft_fail=True, deferrable=True)
    DbaasOperationSensor(task_id="template", operation_id="{{ 'x' * 3 }}", deferrable=True)

MODES = {
    "poked": {"mode": "poke"},
    "rescheduled": {"mode": "reschedule"},
    "deferred": {"deferrable": True},
    "deferred_on_a_worker": {"deferrable": True, "start_from_trigger": False},
}
# Longer than the 5 seconds that a worker may take to notice that its task has deferred or was rescheduled.
LIMITS = {
    "timeout": {"timeout": 12},
    "execution_timeout": {"timeout": 600, "execution_timeout": timedelta(seconds=12)},
}

with DAG("waits_limits", schedule=None, default_args={"retries": 1, "retry_delay": timedelta(seconds=1)}):
    for mode, how in MODES.items():
        for limit, seconds in LIMITS.items():
            for soft_fail in (True, False):
                DbaasServiceSensor(
                    task_id=f"{limit}-{'soft' if soft_fail else 'hard'}-{mode}",
                    service_name="waits-off",
                    state="absent",
                    poke_interval=8,
                    soft_fail=soft_fail,
                    **how,
                    **seconds,
                )
