"""Services of type ``pg``: each has a real server."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.migrations import source_of
from airflow_dbaas.emulator.handlers.orders import order_of
from airflow_dbaas.emulator.handlers.registry import Call, State, serves
from airflow_dbaas.emulator.handlers.services import refuse_what_is_not_emulated
from airflow_dbaas.emulator.pg_service import PgService

_VARIANT = "aiven"
"""PostgreSQL without the Timescale extension."""


@serves("create-dbaas-service-pg")
async def create_pg(state: State, call: Call) -> dict[str, Any]:
    """Begin to make a service."""
    refuse_what_is_not_emulated(call.body)
    _refuse_variant(call.body)
    order = order_of(state, call, "pg", source_of)
    version = order.type.version(call.body.get("version"))
    assert version is not None  # noqa: S101  (this type has versions)
    service = state.services.add(order.name, lambda: PgService.of(order, state.binaries[int(version)]))
    service.launch()
    return state.operations.begin(service.reference()).view()


@serves("get-dbaas-service-pg")
async def get_pg(state: State, call: Call) -> dict[str, Any]:
    """A service in full."""
    service = state.services.get_as(call.parameters["name"], "pg", PgService)
    shown = views.full(service, state.zone, state.integrations.of(service))
    return shown | views.pg(service, *await service.databases_and_users())


@serves("update-dbaas-service-pg")
async def update_pg(state: State, call: Call) -> dict[str, Any]:
    """Change a service, or start a migration into it."""
    body, service = call.body, state.services.get_as(call.parameters["name"], "pg", PgService)
    _refuse_variant(body)
    if "plan" in body:
        service.type.plan(body["plan"])
    version = body.get("version", "").split(".")[0]
    if version and version != str(service.server.binaries.major):
        raise ApiError(400, "version: changing the version is not supported by the emulator")
    if "migration" in body:
        service.start_migration(*source_of(body["migration"]))
    service.update(body)
    return state.operations.begin(service.reference()).view()


def _refuse_variant(body: dict[str, Any]) -> None:
    if body.get("variant", _VARIANT) != _VARIANT:
        raise ApiError(400, f"variant: not supported by the emulator except '{_VARIANT}'")
