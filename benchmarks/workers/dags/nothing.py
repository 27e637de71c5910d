"""Ten tasks that follow no wait: what starting them takes by itself."""

from airflow.sdk import DAG, task

with DAG("nothing", schedule=None):

    @task
    def after() -> None:
        """What follows a wait."""

    for number in range(10):
        after.override(task_id=f"after{number}")()
