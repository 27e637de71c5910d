"""Ten waits of ours."""

from airflow.sdk import DAG, task

from airflow_dbaas.sensors.operations import DbaasOperationSensor

with DAG("ours", schedule=None):

    @task
    def after() -> None:
        """What follows a wait."""

    for number in range(10):
        operation = f"00000000-0000-4000-8000-{number:012}"
        wait = DbaasOperationSensor(task_id=f"wait{number}", operation_id=operation, deferrable=True)
        wait >> after.override(task_id=f"after{number}")()
