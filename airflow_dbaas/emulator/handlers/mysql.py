"""Services of type ``mysql``: each has a real server, where MariaDB is installed."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.orders import order_of
from airflow_dbaas.emulator.handlers.registry import Call, State, serves
from airflow_dbaas.emulator.handlers.services import refuse_what_is_not_emulated
from airflow_dbaas.emulator.mysql.binaries import ABSENT
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint
from airflow_dbaas.emulator.mysql_service import MysqlService
from airflow_dbaas.emulator.order import Source
from airflow_dbaas.emulator.sources import names


@serves("create-dbaas-service-mysql")
async def create_mysql(state: State, call: Call) -> dict[str, Any]:
    """Begin to make a service."""
    refuse_what_is_not_emulated(call.body)
    binaries = state.mysql
    if binaries is None:
        raise ApiError(400, ABSENT)
    order = order_of(state, call, "mysql", _source_of)
    order.type.version(call.body.get("version"))
    service = state.services.add(order.name, lambda: MysqlService.of(order, binaries))
    service.launch()
    return state.operations.begin(service.reference()).view()


@serves("get-dbaas-service-mysql")
async def get_mysql(state: State, call: Call) -> dict[str, Any]:
    """A service in full."""
    service = state.services.get_as(call.parameters["name"], "mysql", MysqlService)
    shown = views.full(service, state.zone, state.integrations.of(service))
    return shown | views.mysql(service, *await service.databases_and_users())


@serves("update-dbaas-service-mysql")
async def update_mysql(state: State, call: Call) -> dict[str, Any]:
    """Change a service, or start a migration into it."""
    body, service = call.body, state.services.get_as(call.parameters["name"], "mysql", MysqlService)
    if "plan" in body:
        service.type.plan(body["plan"])
    if body.get("version") not in {None, service.type.default_version, service.version}:
        raise ApiError(400, "version: changing the version is not supported by the emulator")
    if "migration" in body:
        service.start_migration(*_source_of(body["migration"]))
    service.update(body)
    return state.operations.begin(service.reference()).view()


@serves("enable-dbaas-mysql-writes")
async def enable_mysql_writes(state: State, call: Call) -> dict[str, Any]:
    """Accept the request: no disk of the emulator is ever full, so all services take writes."""
    service = state.services.get_as(call.parameters["name"], "mysql", MysqlService)
    return state.operations.begin(service.reference()).view()


def _source_of(migration: dict[str, Any]) -> Source[MysqlEndpoint]:
    """Source, method and ignored databases of a request's ``migration``."""
    return MysqlEndpoint.from_settings(migration), migration.get("method"), names(migration.get("ignore-dbs", ""))
