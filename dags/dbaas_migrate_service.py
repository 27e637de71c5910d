"""Move the databases of a PostgreSQL server into an Exoscale DBaaS service.

Trigger it by hand and fill in the form. The source's address and login come from an Airflow connection of type
`postgres`, the API key from the connection `exoscale_default`.

The service is created if it is missing. The migration is checked first: if the check is refused, nothing is
started. At the end source and target are compared, table by table.
"""

from __future__ import annotations

from datetime import timedelta

from airflow_dbaas.operators.migrations import (
    DbaasMigrationCheckOperator,
    DbaasStartMigrationOperator,
    DbaasStopMigrationOperator,
    DbaasVerifyMigrationOperator,
)
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor

try:
    from airflow.sdk import DAG, Param, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models.param import Param

ZONES = ["at-vie-1", "at-vie-2", "bg-sof-1", "ch-dk-2", "ch-gva-2", "de-fra-1", "de-muc-1", "hr-zag-1"]

with DAG(
    "dbaas_migrate_service",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "migration"],
    params={
        "service": Param(
            type="string", minLength=1, maxLength=63, title="Service", description="DBaaS service to migrate into"
        ),
        "source_conn_id": Param(
            type="string", minLength=1, title="Source", description="Airflow connection of the server to migrate from"
        ),
        "zone": Param(
            None,
            type=["null", "string"],
            enum=[None, *ZONES],
            values_display={"null": "the connection's"},
            title="Zone",
            description="Zone of the service",
        ),
        "plan": Param(
            "startup-4",
            type="string",
            pattern="^(hobbyist|startup|business|premium)-[0-9]+$",
            title="Plan",
            description="For a new service, e.g. startup-4, business-8",
        ),
        "method": Param(
            "auto",
            type="string",
            enum=["auto", "dump", "replication"],
            title="Method",
            description="auto: replication if the source allows it, else dump",
        ),
        "ignore_dbs": Param(
            None,
            type=["null", "string"],
            maxLength=2048,
            title="Databases to leave out",
            description="Names in the source, separated by commas",
        ),
        "stop_replication": Param(
            True,
            type="boolean",
            title="Stop replication at the end",
            description="Off: the target keeps following the source until the migration is stopped",
        ),
    },
):
    target = {"service_name": "{{ params.service }}", "zone": "{{ params.zone or '' }}", "deferrable": True}
    migration = {
        **target,
        "source_conn_id": "{{ params.source_conn_id }}",
        "ignore_dbs": "{{ params.ignore_dbs or '' }}",
    }

    create = DbaasCreateServiceOperator(task_id="create_service", plan="{{ params.plan }}", **target)
    check = DbaasMigrationCheckOperator(task_id="check_migration", method="{{ params.method }}", **migration)
    start = DbaasStartMigrationOperator(task_id="start_migration", method="{{ params.method }}", **migration)
    wait = DbaasMigrationSensor(task_id="wait_for_migration", timeout=24 * 60 * 60, **target)

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def stop_wanted(params: dict | None = None) -> bool:
        """Whether the form asks to stop replication."""
        return bool(params and params["stop_replication"])

    stop = DbaasStopMigrationOperator(task_id="stop_migration", **migration)
    verify = DbaasVerifyMigrationOperator(task_id="verify_migration", trigger_rule="none_failed", **migration)

    create >> check >> start >> wait >> stop_wanted() >> stop >> verify
