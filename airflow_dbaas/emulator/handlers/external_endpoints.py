"""External endpoints of all types."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.external_endpoints import ENDPOINT_TYPES, EndpointType
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("list-dbaas-external-endpoints")
async def list_endpoints(state: State, call: Call) -> dict[str, Any]:
    """All endpoints, in short."""
    return {"dbaas-endpoints": [endpoint.summary() for endpoint in state.endpoints.all()]}


@serves("list-dbaas-external-endpoint-types")
async def list_types(state: State, call: Call) -> dict[str, Any]:
    """All types of endpoints, with the types of services that can be attached."""
    return {"endpoint-types": [kind.view() for kind in ENDPOINT_TYPES.values()]}


def _serve(kind: EndpointType) -> None:
    subject = f"dbaas-external-endpoint-{kind.name}"

    @serves(f"create-{subject}")
    async def create(state: State, call: Call) -> dict[str, Any]:
        if kind.needs_settings and "settings" not in call.body:
            raise ApiError(400, "missing keys 'settings'")
        endpoint = state.endpoints.create(kind, call.parameters["name"], call.body.get("settings", {}))
        return state.operations.begin(endpoint.reference()).view()

    @serves(f"get-{subject}")
    async def get(state: State, call: Call) -> dict[str, Any]:
        return state.endpoints.get(call.parameters["endpoint-id"], kind).view()

    @serves(f"update-{subject}")
    async def update(state: State, call: Call) -> dict[str, Any]:
        endpoint = state.endpoints.get(call.parameters["endpoint-id"], kind)
        endpoint.settings |= call.body.get("settings", {})
        return state.operations.begin(endpoint.reference()).view()

    @serves(f"delete-{subject}")
    async def delete(state: State, call: Call) -> dict[str, Any]:
        endpoint = state.endpoints.get(call.parameters["endpoint-id"], kind)
        state.endpoints.delete(endpoint)
        return state.operations.begin(endpoint.reference()).view()


for _kind in ENDPOINT_TYPES.values():
    _serve(_kind)
