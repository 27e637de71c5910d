"""Take a DBaaS service out of use: unlink it from other services, then delete it with all its data.

Trigger it manually and type the name of the service twice. These steps run before anything is changed:

1. The service must exist, without termination protection, active read replicas or a running migration.
2. The logs show the integrations and endpoints that are deleted with it.
3. On Airflow 3.1 and later, someone must approve (*Required Actions*). A rejection fails the run.
4. If a folder is given, the service's log and its metrics of the last year are copied there.
5. The checks of step 1 are repeated, because the approval may have taken long.

The API key comes from the connection `exoscale_default`. A run that failed half-way can be cleared and continues.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.exceptions import AirflowException

from airflow_dbaas.dag_params import dbaas_params
from airflow_dbaas.operators.observability import DbaasServiceLogsOperator, DbaasServiceMetricsOperator
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.operators.services import DbaasDeleteServiceOperator

try:
    from airflow.sdk import DAG, Param, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models.param import Param
try:
    from airflow.providers.standard.operators.hitl import ApprovalOperator
except (ImportError, AirflowException):  # before Airflow 3.1
    ApprovalOperator = None

QUESTION = """
{% set found = ti.xcom_pull(task_ids='check') %}
{% set links = ti.xcom_pull(task_ids='show_links')['plan']['delete'] %}
Service **{{ params.service }}** ({{ found.state }}) will be deleted with all its data and backups.
{% if not links %}
It has no integrations, and is attached to no endpoint.
{% endif %}
{% for it in links %}
{% if 'endpoint_id' in it %}
- attachment to the {{ it.endpoint_type }} endpoint {{ it.endpoint_name }}
{% else %}
- {{ it.integration_type }} integration {{ it.source_service }} → {{ it.dest_service }}
{% endif %}
{% endfor %}

*Reject*: nothing is changed.
"""

with DAG(
    "dbaas_decommission",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas"],
    params={
        **dbaas_params("service", service="DBaaS service to delete"),
        "confirm": Param(
            type="string",
            minLength=1,
            title="Service, again",
            description="The same name again: all its data will be deleted",
        ),
        "archive": Param(
            None,
            type=["null", "string"],
            pattern="^[a-z0-9]+://.+[^/]$",
            title="Folder for a last copy",
            description="For log and metrics, e.g. s3://my_conn@bucket/archive; empty: no copy",
        ),
        **dbaas_params("zone"),
    },
):
    target = {"service_name": "{{ params.service }}", "zone": "{{ params.zone or '' }}"}
    nothing = {"integrations": [], "endpoints": [], "prune": True}
    copy = "{{ params.archive }}/{{ params.service }}"

    @task(retries=0)
    def compare_names(params: dict[str, Any] | None = None) -> None:
        """The form has the same name twice."""
        given = params or {}
        if given["service"] != given["confirm"]:
            raise ValueError(f"the names differ: {given['service']!r} and {given['confirm']!r}; nothing was changed")

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def copy_wanted(params: dict[str, Any] | None = None) -> bool:
        """Whether the form names a folder."""
        return bool((params or {})["archive"])

    check = DbaasDeleteServiceOperator(task_id="check", dry_run=True, if_missing="fail", **target)
    show_links = DbaasReconcileIntegrationsOperator(task_id="show_links", dry_run=True, **nothing, **target)
    wanted = copy_wanted()
    copies = [
        DbaasServiceLogsOperator(task_id="copy_log", path=f"{copy}.jsonl", **target),
        DbaasServiceMetricsOperator(task_id="copy_metrics", path=f"{copy}.csv", period="year", **target),
    ]
    check_again = DbaasDeleteServiceOperator(task_id="check_again", dry_run=True, trigger_rule="none_failed", **target)
    unlink = DbaasReconcileIntegrationsOperator(task_id="unlink", deferrable=True, **nothing, **target)
    delete = DbaasDeleteServiceOperator(task_id="delete", deferrable=True, **target)

    compare_names() >> check >> show_links
    if ApprovalOperator:
        approve = ApprovalOperator(
            task_id="approve", subject="Delete {{ params.service }}?", body=QUESTION, fail_on_reject=True, retries=0
        )
        show_links >> approve >> wanted
    else:
        show_links >> wanted
    wanted >> copies >> check_again >> unlink >> delete
