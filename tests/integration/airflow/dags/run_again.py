"""A DAG as a user would write it, to be run more than once."""

from datetime import timedelta

from airflow.sdk import DAG

from airflow_dbaas.operators.migrations import (
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor

for dag_id in ("my_move", "anothers_move"):
    with DAG(
        dag_id,
        schedule=None,
        params={"service": "", "source": "", "method": "auto", "ignore_dbs": "", "if_migrated": "skip"},
        default_args={"retries": 1, "retry_delay": timedelta(seconds=1)},
    ) as dag:
        service = {"service_name": "{{ params.service }}"}
        migration = {**service, "source_conn_id": "{{ params.source }}", "ignore_dbs": "{{ params.ignore_dbs }}"}
        method = {"method": "{{ params.method }}", "if_migrated": "{{ params.if_migrated }}"}
        (
            DbaasMigrationCheckOperator(task_id="check", **method, **migration)
            >> DbaasStartMigrationOperator(task_id="start", **method, **migration)
            >> DbaasMigrationSensor(task_id="wait", poke_interval=0.2, timeout=60, **service)
            >> DbaasStopMigrationOperator(task_id="stop", **migration)
            >> DbaasVerifyMigrationOperator(task_id="verify", **migration)
        )
    globals()[dag_id] = dag
