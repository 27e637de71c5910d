"""Migrations and the tasks that check them beforehand."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from airflow_dbaas.emulator.accounts import STOP, DatabaseService
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, Handler, State, serves
from airflow_dbaas.emulator.mysql import checks as mysql_checks
from airflow_dbaas.emulator.mysql_service import MysqlService
from airflow_dbaas.emulator.operations import Reference
from airflow_dbaas.emulator.order import Source
from airflow_dbaas.emulator.pg_service import PgService
from airflow_dbaas.emulator.postgres import checks
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.postgres.target import Target
from airflow_dbaas.emulator.services import Service
from airflow_dbaas.emulator.sources import names
from airflow_dbaas.emulator.tasks import Check, Task


@serves("create-dbaas-task-migration-check")
async def check_migration(state: State, call: Call) -> dict[str, Any]:
    """Begin a check; the operation's reference names the task."""
    service = state.services.get(call.parameters["service"])
    check = check_of(service, call.body)
    task = Task(service=service.name, kind=f"{service.type.name}_migration_check", request=call.body)
    state.tasks.take(task, check)
    reference = Reference(task.id, f"/v2/dbaas-task/{quote(service.name, safe='')}/{task.id}", "get-dbaas-task")
    return state.operations.begin(reference).view()


def check_of(service: Service, request: dict[str, Any]) -> Check:
    """The check that a request asks for; refused for a service that does not run, or has no server."""
    uri, method = request["source-service-uri"], request.get("method")
    ignored = names(request.get("ignore-dbs", ""))
    if isinstance(service, PgService):
        return partial(_check_pg, service.target(), uri, method, ignored, service.plan.disk)
    if isinstance(service, MysqlService):
        return partial(mysql_checks.verdict, uri, service.target(), method, ignored)
    raise ApiError(400, f"The emulator has no {service.type.name} server to migrate into")


@serves("get-dbaas-task")
async def get_task(state: State, call: Call) -> dict[str, Any]:
    """One task."""
    task = state.tasks.get(call.parameters["service"], call.parameters["id"])
    if task is None:
        raise ApiError(404, f"Task {call.parameters['id']} does not exist for service {call.parameters['service']}")
    return task.view()


@serves("get-dbaas-migration-status")
async def get_migration_status(state: State, call: Call) -> dict[str, Any]:
    """The status of a service's migration; 404 if there is none."""
    service = state.services.get(call.parameters["name"])
    if not isinstance(service, DatabaseService) or service.migration is None:
        raise _no_migration(service)
    return service.migration.view()


def _stop(type_name: str) -> Handler:
    async def stop_migration(state: State, call: Call) -> dict[str, Any]:
        """Stop a migration; the operation ends when the target has everything and both sides are clean."""
        service = state.services.get_typed(call.parameters["name"], type_name)
        # Without a server nothing is ever migrated.
        if not isinstance(service, DatabaseService) or service.migration is None:
            raise _no_migration(service)
        if service.stopping:
            raise ApiError(409, f"The migration of service {service.name} is already being stopped")
        service.stopping = True
        return state.operations.begin(service.reference(), service.end_migration, STOP).view()

    return stop_migration


for _name in ("pg", "mysql", "valkey"):
    serves(f"stop-dbaas-{_name}-migration")(_stop(_name))


async def _check_pg(
    target: Target, uri: str, method: str | None, ignored: frozenset[str], disk: int
) -> tuple[bool, str]:
    source = Endpoint.from_uri(uri)
    return (await checks.check(source, target.admin, ignored, disk, binaries=target.binaries)).verdict(method)


def _no_migration(service: Service) -> ApiError:
    return ApiError(404, f"Service {service.name} has no migration")


def source_of(migration: dict[str, Any]) -> Source[Endpoint]:
    """Source, method and ignored databases of a request's ``migration``; 400 for values that the drivers would
    misread."""
    for name in ("host", "username", "password", "dbname"):
        if "\0" in migration.get(name, ""):
            raise ApiError(400, f"migration.{name}: must not contain a NUL character")
    if migration["host"].startswith("/"):
        raise ApiError(400, "migration.host: must be a host name or an address, not the path of a socket")
    source = Endpoint(
        host=migration["host"],
        port=migration["port"],
        user=migration.get("username", "postgres"),
        password=migration.get("password", ""),
        dbname=migration.get("dbname", "postgres"),
        sslmode="require" if migration.get("ssl") else "prefer",
    )
    return source, migration.get("method"), names(migration.get("ignore-dbs", ""))
