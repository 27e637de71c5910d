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

from airflow_dbaas.task_groups.migrations import has_approval, migrate_service

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models.param import Param

ZONES = ["at-vie-1", "at-vie-2", "bg-sof-1", "ch-dk-2", "ch-gva-2", "de-fra-1", "de-muc-1", "hr-zag-1"]

INTEGRATION = {
    "type": "object",
    "required": ["integration_type"],
    "properties": {
        "integration_type": {"enum": ["datasource", "logs", "metrics"]},
        "source_service": {"type": "string", "minLength": 1},
        "dest_service": {"type": "string", "minLength": 1},
        "settings": {"type": "object"},
    },
    "oneOf": [{"required": ["source_service"]}, {"required": ["dest_service"]}],
    "additionalProperties": False,
}
ENDPOINT = {
    "type": "object",
    "properties": {
        "endpoint_id": {"type": "string", "minLength": 1},
        "endpoint_name": {"type": "string", "minLength": 1},
        "endpoint_type": {"enum": ["datadog", "elasticsearch", "opensearch", "prometheus", "rsyslog"]},
    },
    "oneOf": [{"required": ["endpoint_id"]}, {"required": ["endpoint_name", "endpoint_type"]}],
    "additionalProperties": False,
}

params = {
    "service": Param(
        type="string",
        minLength=1,
        maxLength=63,
        title="Service",
        description="DBaaS service to migrate into; created if it does not exist",
    ),
    "source_conn_id": Param(
        type="string",
        minLength=1,
        title="Source connection",
        description="Id of the Airflow connection to the source server, of type postgres or mysql",
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
        pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)+$",
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
    "if_migrated": Param(
        "skip",
        type="string",
        enum=["skip", "again"],
        title="If it was migrated before",
        description="skip: do nothing; again: migrate again; the service must be empty",
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
        description="Off: the target continues to follow the source until the migration is stopped",
    ),
    "failure_grace_period": Param(
        180,
        type="number",
        minimum=0,
        title="Grace period of a failed replication",
        description="Seconds that a failed replication has to recover",
    ),
    "outage_grace_period": Param(
        None,
        type=["null", "number"],
        minimum=1,
        title="Grace period of an API outage",
        description="Seconds; by default a quarter of the maximum wait, between 5 minutes and 6 hours",
    ),
    "integrations": Param(
        [],
        type="array",
        items=INTEGRATION,
        title="Integrations afterwards",
        description='Links to other services, e.g. [{"integration_type": "metrics", "dest_service": "my-thanos"}]',
    ),
    "endpoints": Param(
        [],
        type="array",
        items=ENDPOINT,
        title="External endpoints afterwards",
        description='Endpoints to attach, e.g. [{"endpoint_type": "rsyslog", "endpoint_name": "central-logs"}]',
    ),
}
if has_approval():
    params["approve_cut_over"] = Param(
        False,
        type="boolean",
        title="Ask before the cut-over",
        description="Require approval before replication is stopped; see Required Actions of the run",
    )

with DAG(
    "dbaas_migrate_service",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "migration"],
    params=params,
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
