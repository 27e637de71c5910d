"""Ten waits of the Amazon provider for AWS DMS, which cannot defer.

Not more often than that: what Airflow 3.3.2 reschedules within five seconds, it fails now and then.
"""

from airflow.providers.amazon.aws.sensors.dms import DmsTaskCompletedSensor
from airflow.sdk import DAG, task

with DAG("dms", schedule=None):

    @task
    def after() -> None:
        """What follows a wait."""

    for number in range(10):
        wait = DmsTaskCompletedSensor(
            task_id=f"wait{number}",
            replication_task_arn=f"arn:{number}",
            aws_conn_id="bench_aws",
            mode="reschedule",
            poke_interval=10,
        )
        wait >> after.override(task_id=f"after{number}")()
