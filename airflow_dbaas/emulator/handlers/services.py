"""Services of any type: the list of all, and deletion."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("list-dbaas-services")
async def list_services(state: State, call: Call) -> dict[str, Any]:  # noqa: ARG001
    """All services, in short."""
    return {"dbaas-services": [views.common(service, state.zone) for service in state.services.all()]}


@serves("delete-dbaas-service-pg")
@serves("delete-dbaas-service")
async def delete_service(state: State, call: Call) -> dict[str, Any]:
    """Take a service out of the API at once; the operation ends when nothing of it is left."""
    service = state.services.get(call.parameters["name"])
    state.services.forget(service)
    return state.operations.begin(service.reference(), lambda: state.services.delete(service)).view()
