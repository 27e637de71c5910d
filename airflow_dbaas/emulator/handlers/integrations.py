"""Integrations between services."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.handlers.registry import Call, State, serves
from airflow_dbaas.emulator.integration_types import INTEGRATION_TYPES, integration_type


@serves("create-dbaas-integration")
async def create_integration(state: State, call: Call) -> dict[str, Any]:
    """Join two services; the operation's reference is the integration."""
    body = call.body
    integration = state.integrations.create(
        integration_type(body["integration-type"]),
        state.services.get(body["source-service"]),
        state.services.get(body["dest-service"]),
        body.get("settings", {}),
    )
    integration.made_by = state.operations.begin(integration.reference())
    return integration.made_by.view()


@serves("get-dbaas-integration")
async def get_integration(state: State, call: Call) -> dict[str, Any]:
    """One integration."""
    return state.integrations.get(call.parameters["id"]).view()


@serves("update-dbaas-integration")
async def update_integration(state: State, call: Call) -> dict[str, Any]:
    """Replace an integration's settings."""
    integration, settings = state.integrations.get(call.parameters["id"]), call.body["settings"]
    integration.type.require_settings(integration.source.type.name, settings)
    integration.settings = settings
    return state.operations.begin(integration.reference()).view()


@serves("delete-dbaas-integration")
async def delete_integration(state: State, call: Call) -> dict[str, Any]:
    """Take two services apart again."""
    integration = state.integrations.get(call.parameters["id"])
    state.integrations.forget(integration)
    return state.operations.begin(integration.reference()).view()


@serves("list-dbaas-integration-types")
async def list_types(state: State, call: Call) -> dict[str, Any]:
    """All types of integrations, with the types of services that each can join."""
    return {"dbaas-integration-types": [kind.view() for kind in INTEGRATION_TYPES.values()]}


@serves("list-dbaas-integration-settings")
async def list_settings(state: State, call: Call) -> dict[str, Any]:
    """The settings of an integration between two types of services."""
    kind, source = integration_type(call.parameters["integration-type"]), call.parameters["source-type"]
    kind.require_ends(source, call.parameters["dest-type"])
    return {"settings": kind.schema(source)}
