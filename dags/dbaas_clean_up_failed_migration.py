"""Remove a failed migration, so that the source can be migrated again and the service deleted.

Trigger it manually and fill in the form. A migration that has not failed is refused: stop it with
`DbaasStopMigrationOperator`. A replication that is shown as failed first has three minutes to recover.

The service and the copied data remain. Delete the service with `dbaas_decommission`, or drop the copied databases
before you migrate again.

*Clean the source* also drops the replication slots and publications that migrations left at a PostgreSQL source, named
`aiven_db_migrate_…`. Use it if the service is gone or could no longer reach the source. A slot in use is never dropped:
the task then fails and names the session that uses it.
"""

from __future__ import annotations

from datetime import timedelta

from airflow_dbaas.dag_params import dbaas_params
from airflow_dbaas.operators.migrations import DbaasCleanUpMigrationOperator

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models.param import Param

with DAG(
    "dbaas_clean_up_failed_migration",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "migration"],
    params={
        **dbaas_params(
            "service",
            "source_conn_id",
            "zone",
            service="DBaaS service into which the migration failed",
            source_conn_id="Id of the Airflow connection to the source server",
        ),
        "drop_at_source": Param(
            False,
            type="boolean",
            title="Clean the source",
            description="Drop replication slots and publications that migrations left there",
        ),
    },
):
    DbaasCleanUpMigrationOperator(
        task_id="clean_up",
        service_name="{{ params.service }}",
        source_conn_id="{{ params.source_conn_id }}",
        drop_at_source="{{ params.drop_at_source }}",
        zone="{{ params.zone or '' }}",
        deferrable=True,
    )
