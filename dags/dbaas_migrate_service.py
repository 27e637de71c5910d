"""Move the databases of a PostgreSQL or MySQL server into an Exoscale DBaaS service.

Trigger it manually and fill in the form. The source's address and login come from an Airflow connection of type
`postgres` or `mysql`, the API key from the connection `exoscale_default`.

If the service does not exist, it is created with the type of the source. The migration is checked first: if the check
is refused, nothing is started. At the end, source and target are compared, table by table, and the service is linked to
other services if the form says so.

With *Ask before the cut-over*, someone must approve before replication is stopped. After a rejection, replication
continues and the run fails; clear the task `approve_cut_over` to be asked again.
"""

from __future__ import annotations

from datetime import timedelta

from airflow_dbaas.dag_params import dbaas_params
from airflow_dbaas.task_groups.migrations import has_approval, migrate_service

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

with DAG(
    "dbaas_migrate_service",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "migration"],
    params=dbaas_params(
        "service",
        "source_conn_id",
        "zone",
        "plan",
        "method",
        "if_migrated",
        "ignore_dbs",
        "stop_replication",
        "failure_grace_period",
        "outage_grace_period",
        "integrations",
        "endpoints",
        "approve_cut_over",
        service="DBaaS service to migrate into; created if it does not exist",
    ),
) as dag:
    migrate_service(
        prefix_group_id=False,
        service_name="{{ params.service }}",
        source_conn_id="{{ params.source_conn_id }}",
        zone="{{ params.zone or '' }}",
        plan="{{ params.plan }}",
        method="{{ params.method }}",
        if_migrated="{{ params.if_migrated }}",
        ignore_dbs="{{ params.ignore_dbs or '' }}",
        stop="{{ params.stop_replication }}",
        failure_grace_period="{{ params.failure_grace_period }}",
        outage_grace_period="{{ params.outage_grace_period or '' }}",
        approve_cut_over="{{ params.approve_cut_over }}" if has_approval() else False,
        # With their defaults once more: Airflow 3.0 to 3.2 cannot store a DAG with a reference that has none.
        integrations=dag.param("integrations", []),
        endpoints=dag.param("endpoints", []),
    )
