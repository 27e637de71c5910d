"""DAGs of one task each: every operator and sensor, poking and deferred, its arguments from the run's parameters."""

from airflow_dbaas.operators.migrations import (
    DbaasCleanUpMigrationOperator,
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.operators.services import DbaasCreateServiceOperator, DbaasDeleteServiceOperator
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from tests.integration.airflow.single import single_task_dags

SERVICE = {"service_name": "{{ params.service }}"}
MIGRATION = {**SERVICE, "source_conn_id": "{{ params.source }}", "ignore_dbs": "{{ params.ignore_dbs }}"}
METHOD = {**MIGRATION, "method": "{{ params.method }}"}
POKED = {"poke_interval": 0.2, "timeout": 60}

TASKS = {
    "create": (DbaasCreateServiceOperator, {**SERVICE, "plan": "{{ params.plan }}"}),
    "create_new": (DbaasCreateServiceOperator, {**SERVICE, "plan": "{{ params.plan }}", "if_exists": "fail"}),
    "delete": (DbaasDeleteServiceOperator, SERVICE),
    "check": (DbaasMigrationCheckOperator, METHOD),
    "start": (DbaasStartMigrationOperator, METHOD),
    "stop": (DbaasStopMigrationOperator, MIGRATION),
    "clean_up": (DbaasCleanUpMigrationOperator, MIGRATION),
    "clean_up_source": (DbaasCleanUpMigrationOperator, {**MIGRATION, "drop_at_source": True}),
    "stop_anyway": (DbaasStopMigrationOperator, {**MIGRATION, "force": True}),
    "verify": (DbaasVerifyMigrationOperator, MIGRATION),
    "verify_tables": (
        DbaasVerifyMigrationOperator,
        {**MIGRATION, "tables": "public.item", "show_values": True, "content": "all", "report_path": "{{ params.id }}"},
    ),
    "migration": (DbaasMigrationSensor, {**SERVICE, **POKED}),
    "operation": (DbaasOperationSensor, {"operation_id": "{{ params.id }}", **POKED}),
    "service": (DbaasServiceSensor, {**SERVICE, **POKED}),
    "service_briefly": (DbaasServiceSensor, {**SERVICE, **POKED, "timeout": 2}),
    "task": (DbaasTaskSensor, {**SERVICE, "dbaas_task_id": "{{ params.id }}", **POKED}),
}

PARAMS = {"service": "", "source": "", "plan": "startup-4", "method": "auto", "ignore_dbs": "", "id": ""}

globals().update(single_task_dags(TASKS, PARAMS))
