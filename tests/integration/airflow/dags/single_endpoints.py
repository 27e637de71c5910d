"""DAGs of one task each for external endpoints."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.operators.external_endpoints import (
    DbaasAttachEndpointOperator,
    DbaasCreateExternalEndpointOperator,
    DbaasDeleteExternalEndpointOperator,
    DbaasDetachEndpointOperator,
    DbaasUpdateExternalEndpointOperator,
)
from tests.integration.airflow.single import single_task_dags

NAMED = {
    "endpoint_id": "{{ params.id }}",
    "endpoint_name": "{{ params.name }}",
    "endpoint_type": "{{ params.type }}",
}
CREATED = {"endpoint_type": "{{ params.type }}", "endpoint_name": "{{ params.name }}"}
SETTINGS = {"settings": "{{ params.settings }}", "secrets_conn_id": "{{ params.secrets }}"}
ATTACHED = {**NAMED, "service_name": "{{ params.service }}"}
DETACHED = {**ATTACHED, "integration_id": "{{ params.integration }}"}

TASKS: dict[str, tuple[type, dict[str, Any]]] = {
    "create_endpoint": (DbaasCreateExternalEndpointOperator, {**CREATED, **SETTINGS}),
    "set_endpoint": (DbaasCreateExternalEndpointOperator, {**CREATED, **SETTINGS, "if_exists": "update"}),
    "new_endpoint": (DbaasCreateExternalEndpointOperator, {**CREATED, **SETTINGS, "if_exists": "fail"}),
    "update_endpoint": (DbaasUpdateExternalEndpointOperator, {**NAMED, **SETTINGS}),
    "delete_endpoint": (DbaasDeleteExternalEndpointOperator, NAMED),
    "delete_known_endpoint": (DbaasDeleteExternalEndpointOperator, {**NAMED, "if_missing": "fail"}),
    "attach": (DbaasAttachEndpointOperator, ATTACHED),
    "attach_new": (DbaasAttachEndpointOperator, {**ATTACHED, "if_exists": "fail"}),
    "detach": (DbaasDetachEndpointOperator, DETACHED),
    "detach_known": (DbaasDetachEndpointOperator, {**DETACHED, "if_missing": "fail"}),
}
PARAMS: dict[str, Any] = {
    "id": "",
    "name": "",
    "type": "",
    "settings": {},
    "secrets": "",
    "service": "",
    "integration": "",
}
globals().update(single_task_dags(TASKS, PARAMS))
