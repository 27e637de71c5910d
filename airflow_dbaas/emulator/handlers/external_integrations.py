"""Services attached to external endpoints."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.external_endpoints import ExternalIntegration
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("attach-dbaas-service-to-endpoint")
async def attach(state: State, call: Call) -> dict[str, Any]:
    """Attach a service to an endpoint; the operation's reference is the external integration."""
    service = state.services.get(call.parameters["source-service-name"])
    endpoint = state.endpoints.get(call.body["dest-endpoint-id"])
    integration = state.endpoints.attach(service, endpoint, call.body["type"])
    integration.made_by = state.operations.begin(integration.reference())
    return integration.made_by.view()


@serves("detach-dbaas-service-from-endpoint")
async def detach(state: State, call: Call) -> dict[str, Any]:
    """Detach a service from an endpoint."""
    service = state.services.get(call.parameters["source-service-name"])
    integration = state.endpoints.detach(service, call.body["integration-id"])
    return state.operations.begin(integration.reference()).view()


@serves("list-dbaas-external-integrations")
async def list_integrations(state: State, call: Call) -> dict[str, Any]:
    """The attachments of a service."""
    service = state.services.get(call.parameters["service-name"])
    return {"external-integrations": [each.view() for each in state.endpoints.attached(service)]}


@serves("get-dbaas-external-integration")
async def get_integration(state: State, call: Call) -> dict[str, Any]:
    """One attachment of a service."""
    return state.endpoints.integration(call.parameters["integration-id"]).view()


@serves("get-dbaas-external-integration-settings-datadog")
async def get_datadog_settings(state: State, call: Call) -> dict[str, Any]:
    """The settings of a service attached to Datadog."""
    return {"settings": _datadog(state, call).settings}


@serves("update-dbaas-external-integration-settings-datadog")
async def update_datadog_settings(state: State, call: Call) -> dict[str, Any]:
    """Change the settings of a service attached to Datadog; others are not changed."""
    integration = _datadog(state, call)
    integration.settings |= call.body.get("settings", {})
    return state.operations.begin(integration.reference()).view()


def _datadog(state: State, call: Call) -> ExternalIntegration:
    integration = state.endpoints.integration(call.parameters["integration-id"])
    kind = integration.endpoint.type.name
    if kind != "datadog":
        raise ApiError(400, f"External integration {integration.id} is of type {kind}, not datadog")
    return integration
