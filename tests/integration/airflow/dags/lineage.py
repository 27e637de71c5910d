"""A migration as a whole, for those who follow where data goes."""

from airflow.sdk import DAG

from airflow_dbaas.operators.migrations import (
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
)

MIGRATION = {"service_name": "{{ params.service }}", "source_conn_id": "legacy"}

with DAG("lineage", schedule=None, params={"service": ""}):
    (
        DbaasStartMigrationOperator(task_id="start", method="dump", until="synced", deferrable=True, **MIGRATION)
        >> DbaasStartMigrationOperator(task_id="join", method="dump", **MIGRATION)
        >> DbaasStopMigrationOperator(task_id="stop", **MIGRATION)
        >> DbaasVerifyMigrationOperator(task_id="verify", **MIGRATION)
    )
