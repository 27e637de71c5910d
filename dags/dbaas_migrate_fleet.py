"""Move many PostgreSQL and MySQL servers, each into its own Exoscale DBaaS service.

List the services in the form, or name a file with them (YAML or JSON, like `dbaas_migrate_fleet.example.yaml` next to
this DAG) that workers can read. Fields that an entry omits are taken from the form.

A few migrations run at the same time, each from the creation of the service to the comparison. A failed one does not
stop the others. At the end, `report` shows a table of all and fails if one failed: correct what it names, then clear
the failed tasks with all tasks after them.

A run moves fifty services, then starts the next run with the remaining ones, because Airflow needs more time for each
task the more tasks a run has. To stop the fleet, mark its run as failed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_dbaas.config.fleet import SERVICES_SCHEMA, read_services
from airflow_dbaas.dag_params import dbaas_params
from airflow_dbaas.task_groups.fleet import (
    DbaasMigrationTurnSensor,
    form_of_the_rest,
    keep_error,
    migration_outcome,
    report_migrations,
)
from airflow_dbaas.task_groups.migrations import migrate_service

try:
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sdk import DAG, Param, task, task_group
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task, task_group
    from airflow.models.param import Param
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator

with DAG(
    "dbaas_migrate_fleet",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "migration"],
    params={
        "services": Param(
            [],
            **SERVICES_SCHEMA,
            title="Services",
            description='E.g. [{"service": "orders", "source_conn_id": "legacy_orders", "plan": "business-8"}]',
        ),
        "file": Param(
            None, type=["null", "string"], title="File", description="Path of a file with the services instead"
        ),
        **dbaas_params(
            "plan",
            "method",
            "zone",
            "stop_replication",
            "failure_grace_period",
            "outage_grace_period",
            plan="For new services",
            zone="Zone of the services",
        ),
        "at_once": Param(4, type="integer", minimum=1, maximum=100, title="Migrations at once"),
        "per_run": Param(
            50, type="integer", minimum=1, maximum=1000, title="Services per run", description="The rest follows"
        ),
    },
) as dag:

    @task(retries=0)
    def list_services(params: dict[str, Any] | None = None, ti: Any = None) -> list[dict[str, Any]]:
        """The services of the form or of the file, each with all it needs: those of this run. The rest is kept."""
        given = params or {}
        defaults = {name: given[name] for name in ("plan", "method", "zone")}
        services = read_services(given["services"], given["file"], defaults)
        ti.xcom_push(key="rest", value=services[given["per_run"] :])
        return services[: given["per_run"]]

    @task(trigger_rule="all_done", multiple_outputs=False)
    def note_outcome(service_name: str, **context: Any) -> dict[str, Any]:
        """What became of one service."""
        return migration_outcome(context, service_name=service_name)

    @task(trigger_rule="all_done", retries=0)
    def report(services: list[dict[str, Any]] | None, **context: Any) -> list[dict[str, Any]]:
        """What became of all."""
        return report_migrations(context, services=services, outcome_task_id="note_outcome")

    @task(trigger_rule="all_done", multiple_outputs=False)
    def fill_in_the_rest(**context: Any) -> dict[str, Any]:
        """The form of the next run; skipped if none is left."""
        return form_of_the_rest(context, services_task_id="list_services")

    @task_group(prefix_group_id=False, default_args={"on_failure_callback": keep_error})
    def migrate(service_name: str, source_conn_id: str, plan: str, method: str, ignore_dbs: str, zone: str) -> None:
        """One service, from its turn to its outcome."""
        turn = DbaasMigrationTurnSensor(
            task_id="wait_for_turn", at_once="{{ params.at_once }}", until_task_id="note_outcome"
        )
        moved = migrate_service(
            prefix_group_id=False,
            service_name=service_name,
            source_conn_id=source_conn_id,
            plan=plan,
            method=method,
            ignore_dbs=ignore_dbs,
            zone=zone,
            stop="{{ params.stop_replication }}",
            failure_grace_period="{{ params.failure_grace_period }}",
            outage_grace_period="{{ params.outage_grace_period or '' }}",
        )
        turn >> moved >> note_outcome(service_name)

    services, rest = list_services(), fill_in_the_rest()
    # The run's id says how many are left: to trigger it again, after an outage or by hand, starts no second one.
    migrate_the_rest = TriggerDagRunOperator(
        task_id="migrate_the_rest",
        trigger_dag_id=dag.dag_id,
        trigger_run_id="{{ run_id.split('__left')[0] }}__left{{ ti.xcom_pull('fill_in_the_rest').services | count }}",
        conf=rest,
        skip_when_already_exists=True,
    )
    migrate.expand_kwargs(services) >> [report(services), rest]
