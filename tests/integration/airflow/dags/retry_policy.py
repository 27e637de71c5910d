"""Tasks that fail in one way or another, all under the package's retry policy."""

from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_dbaas.api import errors
from airflow_dbaas.retry_policy import dbaas_retry_policy

POLICY = dbaas_retry_policy(busy_delay=timedelta(seconds=1), rate_limit_delay=timedelta(seconds=2))

with DAG("retry_policy", schedule=None, default_args={"retries": 2, "retry_delay": 0, "retry_policy": POLICY}) as dag:

    @task
    def fail(kind: str) -> None:
        """Fail with an error of the package."""
        raise getattr(errors, kind)("said so")

    fail.override(task_id="auth")("DbaasAuthError")
    fail.override(task_id="server")("DbaasServerError")
    fail.override(task_id="mapped").expand(kind=["DbaasNotFoundError"])
