"""Services of any type: list, deletion, and helpers for requests."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, Handler, State, serves
from airflow_dbaas.emulator.service_types import TYPE_NAMES
from airflow_dbaas.emulator.services import REMOVE, Service

# Fields that would ask for something the emulator does not do; better refused than ignored.
_NOT_EMULATED = ("fork-from-service", "recovery-backup-time", "recovery-backup-name", "integrations")


@serves("list-dbaas-services")
async def list_services(state: State, call: Call) -> dict[str, Any]:
    """All services, in short."""
    return {
        "dbaas-services": [
            views.common(service, state.zone, state.integrations.of(service)) for service in state.services.all()
        ]
    }


@serves("delete-dbaas-service")
async def delete_service(state: State, call: Call) -> dict[str, Any]:
    """Delete a service of any type."""
    return _delete(state, state.services.get(call.parameters["name"]))


def _delete_of(type_name: str) -> Handler:
    async def delete(state: State, call: Call) -> dict[str, Any]:
        return _delete(state, state.services.get_typed(call.parameters["name"], type_name))

    return delete


for _name in TYPE_NAMES:
    serves(f"delete-dbaas-service-{_name}")(_delete_of(_name))


def _delete(state: State, service: Service) -> dict[str, Any]:
    """Take a service out of the API at once; the operation ends when nothing of it is left."""
    removal = state.services.remove(service)
    state.integrations.forget_service(service)
    state.endpoints.forget_service(service)
    return state.operations.begin(service.reference(), removal, REMOVE).view()


def refuse_what_is_not_emulated(body: dict[str, Any]) -> None:
    """Raise 400 if the request to create a service asks for something that the emulator cannot do."""
    unsupported = [name for name in _NOT_EMULATED if name in body]
    if unsupported:
        raise ApiError(400, f"{', '.join(unsupported)}: not supported by the emulator")
