"""Ten waits that only sleep, in the triggerer from beginning to end; a hundred runs are a thousand."""

from airflow.sdk import DAG

from benchmarks.workers.asleep import SleepingSensor

with DAG("asleep", schedule=None, max_active_runs=100):
    for number in range(10):
        SleepingSensor(task_id=f"wait{number}")
