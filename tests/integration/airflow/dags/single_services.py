"""DAGs of one task each: services of every type, their logs and metrics, and the certificate to trust."""

from airflow_dbaas.operators.observability import DbaasServiceLogsOperator, DbaasServiceMetricsOperator
from airflow_dbaas.operators.services import (
    DbaasCaCertificateOperator,
    DbaasCreateServiceOperator,
    DbaasDeleteServiceOperator,
    DbaasEnableMysqlWritesOperator,
    DbaasUpdateServiceOperator,
)
from tests.integration.airflow.single import single_task_dags

SERVICE = {"service_name": "{{ params.service }}"}
FILE = {"path": "{{ params.path }}", "object_storage_conn_id": "{{ params.store }}"}
TYPED = {**SERVICE, "service_type": "{{ params.type }}", "settings": "{{ params.settings }}"}
NEW = {**TYPED, "plan": "{{ params.plan }}"}

TASKS = {
    "service_create": (DbaasCreateServiceOperator, NEW),
    "service_create_new": (DbaasCreateServiceOperator, {**NEW, "if_exists": "fail"}),
    "service_create_only": (DbaasCreateServiceOperator, {**NEW, "wait_for_completion": False}),
    "service_update": (DbaasUpdateServiceOperator, TYPED),
    "service_update_only": (DbaasUpdateServiceOperator, {**TYPED, "wait_for_completion": False}),
    "service_delete_only": (DbaasDeleteServiceOperator, {**SERVICE, "wait_for_completion": False}),
    "service_delete_by_force": (DbaasDeleteServiceOperator, {**SERVICE, "force": True}),
    "service_delete_known": (DbaasDeleteServiceOperator, {**SERVICE, "if_missing": "fail"}),
    "service_logs": (DbaasServiceLogsOperator, {**SERVICE, **FILE, "limit_entries": "{{ params.limit }}"}),
    "service_metrics": (
        DbaasServiceMetricsOperator,
        {**SERVICE, **FILE, "period": "{{ params.period }}", "format": "{{ params.format }}"},
    ),
    "ca_certificate": (DbaasCaCertificateOperator, FILE),
    "service_enable_writes": (DbaasEnableMysqlWritesOperator, SERVICE),
}

PARAMS = {
    "service": "",
    "plan": "startup-4",
    "type": "",
    "settings": {},
    "path": "",
    "store": "",
    "limit": "",
    "period": "hour",
    "format": "",
}

globals().update(single_task_dags(TASKS, PARAMS))
