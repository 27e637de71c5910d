"""Migrations to be killed while they are waited for."""

from airflow.sdk import DAG

from airflow_dbaas.operators.migrations import DbaasStartMigrationOperator
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor

MIGRATION = {"service_name": "{{ params.service }}", "source_conn_id": "kills_source", "method": "replication"}

for cancel in (True, False):
    for deferrable in (True, False):
        with DAG(
            f"kill_{'cancels' if cancel else 'leaves'}_{'deferred' if deferrable else 'running'}",
            schedule=None,
            params={"service": ""},
        ) as dag:
            DbaasStartMigrationOperator(
                task_id="start", until="done", cancel_on_kill=cancel, deferrable=deferrable, **MIGRATION
            )
        globals()[dag.dag_id] = dag

with DAG("kill_sensor", schedule=None, params={"service": ""}):
    DbaasMigrationSensor(task_id="wait", service_name="{{ params.service }}", until="done", deferrable=True)
