"""DAGs of one task each for integrations between services, and one that maps over several."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from airflow_dbaas.operators.integrations import (
    DbaasCreateIntegrationOperator,
    DbaasDeleteIntegrationOperator,
    DbaasUpdateIntegrationOperator,
)
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from tests.integration.airflow.single import single_task_dags

LINK = {
    "integration_type": "{{ params.type }}",
    "source_service": "{{ params.source }}",
    "dest_service": "{{ params.dest }}",
}
NAMED = {**LINK, "integration_id": "{{ params.id }}"}
SETTINGS = {"settings": "{{ params.settings }}"}
POKED = {"integration_id": "{{ params.id }}", "poke_interval": 0.2, "timeout": 60}

TASKS: dict[str, tuple[type, dict[str, Any]]] = {
    "create_integration": (DbaasCreateIntegrationOperator, {**LINK, **SETTINGS}),
    "set_integration": (DbaasCreateIntegrationOperator, {**LINK, **SETTINGS, "if_exists": "update"}),
    "new_integration": (DbaasCreateIntegrationOperator, {**LINK, **SETTINGS, "if_exists": "fail"}),
    "begin_integration": (DbaasCreateIntegrationOperator, {**LINK, **SETTINGS, "wait_for_completion": False}),
    "update_integration": (DbaasUpdateIntegrationOperator, {**NAMED, **SETTINGS}),
    "delete_integration": (DbaasDeleteIntegrationOperator, NAMED),
    "delete_known_integration": (DbaasDeleteIntegrationOperator, {**NAMED, "if_missing": "fail"}),
    "begin_deletion": (DbaasDeleteIntegrationOperator, {**NAMED, "wait_for_completion": False}),
    "integration_active": (DbaasIntegrationSensor, POKED),
    "integration_absent": (DbaasIntegrationSensor, {**POKED, "state": "absent"}),
    "external_integration_active": (DbaasExternalIntegrationSensor, POKED),
    "external_integration_absent": (DbaasExternalIntegrationSensor, {**POKED, "state": "absent"}),
}
PARAMS: dict[str, Any] = {"type": "", "source": "", "dest": "", "id": "", "settings": {}}
globals().update(single_task_dags(TASKS, PARAMS))

RECONCILE = {
    "service_name": "{{ params.service }}",
    "integrations": "{{ params.integrations }}",
    "endpoints": "{{ params.endpoints }}",
    "dry_run": "{{ params.dry_run }}",
    "prune": "{{ params.prune }}",
}
LISTS = {"service": "", "integrations": [], "endpoints": [], "dry_run": False, "prune": False}
globals().update(single_task_dags({"reconcile": (DbaasReconcileIntegrationsOperator, RECONCILE)}, LISTS))

with DAG("map_integrations", schedule=None, params={"source": "", "links": []}, render_template_as_native_obj=True):

    @task
    def wanted(params: dict[str, Any]) -> list[dict[str, Any]]:
        """The integrations to be made, as a task may find them at run time."""
        return list(params["links"])

    DbaasCreateIntegrationOperator.partial(task_id="create", source_service="{{ params.source }}").expand_kwargs(
        wanted(params="{{ params }}")
    )
