"""Verifications that emit assets, and DAGs that are scheduled on them."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset

from airflow_dbaas.migration.assets import MIGRATED_DATABASES, database_asset
from airflow_dbaas.operators.migrations import DbaasVerifyMigrationOperator

SERVICE = "assets-target"
COMPARISON = {"service_name": SERVICE, "source_conn_id": "legacy"}

with DAG("verify_plain", schedule=None):
    DbaasVerifyMigrationOperator(task_id="task", outlets=[Asset("report")], **COMPARISON)

with DAG("verify_silently", schedule=None):
    DbaasVerifyMigrationOperator(task_id="task", outlets=[Asset("report")], emit_assets=False, **COMPARISON)

with DAG("verify_mapped", schedule=None):
    DbaasVerifyMigrationOperator.partial(task_id="task", source_conn_id="legacy", outlets=[Asset("report")]).expand(
        service_name=[SERVICE]
    )

for dag_id, schedule in {
    "on_shop": [database_asset("ch-gva-2", SERVICE, "shop")],
    "on_other": [database_asset("ch-gva-2", SERVICE, "other")],
    "on_any": [MIGRATED_DATABASES],
}.items():
    with DAG(dag_id, schedule=schedule, is_paused_upon_creation=False) as dag:
        EmptyOperator(task_id="task")
    globals()[dag_id] = dag
