"""Ten waits of the HTTP provider, which defer."""

from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import DAG, task

with DAG("http", schedule=None):

    @task
    def after() -> None:
        """What follows a wait."""

    for number in range(10):
        wait = HttpSensor(
            task_id=f"wait{number}",
            http_conn_id="bench_http",
            endpoint=f"not-yet/{number}",
            deferrable=True,
            poke_interval=5,
        )
        wait >> after.override(task_id=f"after{number}")()
