"""Keep the integrations and endpoints of DBaaS services in line with a file: `dbaas_reconcile_integrations.yaml`.

List your services in the file next to this DAG; workers read it in every run, once an hour. With `dry_run: true`, the
log of each `reconcile` task shows the plan, and nothing is changed. Otherwise, a run creates missing links and changes
settings that differ. It deletes links that the file does not list only for services with `prune: true`, or for all if
the form says so.

The API key comes from the connection `exoscale_default`. An error in the file fails the run before anything is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_dbaas.config.desired_services import read_desired
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator

try:
    from airflow.sdk import DAG, Param, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models.param import Param

FILE = Path(__file__).with_suffix(".yaml")

with DAG(
    "dbaas_reconcile_integrations",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "integrations"],
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Only show the plan, like dry_run in the file"
        ),
        "prune": Param(
            False,
            type="boolean",
            title="Prune",
            description="Delete what the file does not list, also for services without prune: true",
        ),
    },
):

    @task(retries=0)
    def read_file(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """What each service shall have, by the file of this moment."""
        given = params or {}
        return read_desired(FILE, dry_run=given["dry_run"], prune=given["prune"])

    DbaasReconcileIntegrationsOperator.partial(
        task_id="reconcile",
        map_index_template="{{ task.service_name }}",
        # One service after the other, for an integration may be wanted at both of its ends. Older Airflows would not
        # count tasks that are deferred.
        max_active_tis_per_dagrun=1,
        deferrable=False,
    ).expand_kwargs(read_file())
