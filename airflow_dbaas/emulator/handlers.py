"""What each operation does. To serve another one, write a function and name its operation id."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.operations import Operations, Reference
from airflow_dbaas.emulator.plans import PLANS, Plan
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.services import Service, Services, start_migration
from airflow_dbaas.emulator.tasks import Tasks

logger = logging.getLogger(__name__)

DEFAULT_VERSION = 17

# Fields of a request that are only stored and shown.
_STORED = (
    "termination-protection",
    "ip-filter",
    "maintenance",
    "backup-schedule",
    "synchronous-replication",
    "pg-settings",
    "pgbouncer-settings",
    "pglookout-settings",
    "pgaudit-settings",
    "timescaledb-settings",
    "work-mem",
    "shared-buffers-percentage",
)
# Fields that would ask for something the emulator does not do; better refused than ignored.
_NOT_EMULATED = ("fork-from-service", "recovery-backup-time", "integrations")


@dataclass
class State:
    """Everything the handlers work on."""

    zone: str
    binaries: dict[int, PostgresBinaries]
    operations: Operations
    services: Services
    tasks: Tasks


@dataclass(frozen=True)
class Call:
    """One request that agrees with the document."""

    parameters: dict[str, str]
    body: dict[str, Any]


Handler = Callable[[State, Call], Awaitable[dict[str, Any]]]
HANDLERS: dict[str, Handler] = {}


def _serves(operation_id: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[operation_id] = handler
        return handler

    return register


@_serves("list-dbaas-services")
async def _list_services(state: State, call: Call) -> dict[str, Any]:  # noqa: ARG001
    return {"dbaas-services": [views.common(service, state.zone) for service in state.services.all()]}


@_serves("create-dbaas-service-pg")
async def _create_pg(state: State, call: Call) -> dict[str, Any]:
    body = call.body
    unsupported = [name for name in _NOT_EMULATED if name in body]
    if unsupported:
        raise ApiError(400, f"{', '.join(unsupported)}: not supported by the emulator")
    if not call.parameters["name"]:
        raise ApiError(400, "name: must have at least 1 characters")
    service = state.services.create(
        call.parameters["name"],
        _plan(body["plan"]),
        _binaries(state, body.get("version")),
        admin=body.get("admin-username", "avnadmin"),
        password=body.get("admin-password") or secrets.token_urlsafe(18),
        settings={name: body[name] for name in _STORED if name in body},
        source=_source(body["migration"]) if "migration" in body else None,
    )
    return state.operations.begin(_reference(service)).view()


@_serves("get-dbaas-service-pg")
async def _get_pg(state: State, call: Call) -> dict[str, Any]:
    service = state.services.get(call.parameters["name"])
    return views.pg(service, state.zone, *await service.databases_and_users())


@_serves("update-dbaas-service-pg")
async def _update_pg(state: State, call: Call) -> dict[str, Any]:
    body, service = call.body, state.services.get(call.parameters["name"])
    plan = _plan(body["plan"]) if "plan" in body else service.plan
    version = body.get("version", "").split(".")[0]
    if version and version != str(service.server.binaries.major):
        raise ApiError(400, "version: changing the version is not supported by the emulator")
    if "migration" in body:
        start_migration(service, *_source(body["migration"]))
    service.plan = plan
    service.settings |= {name: body[name] for name in _STORED if name in body}
    service.updated_at = datetime.now(UTC)
    return state.operations.begin(_reference(service)).view()


@_serves("delete-dbaas-service-pg")
@_serves("delete-dbaas-service")
async def _delete(state: State, call: Call) -> dict[str, Any]:
    service = state.services.get(call.parameters["name"])
    state.services.forget(service)
    return state.operations.begin(_reference(service), lambda: state.services.delete(service)).view()


@_serves("reveal-dbaas-postgres-user-password")
async def _reveal_password(state: State, call: Call) -> dict[str, Any]:
    service, username = state.services.get(call.parameters["service-name"]), call.parameters["username"]
    if username not in service.passwords:
        raise ApiError(404, f"User {username} does not exist for service {service.name}")
    return {"username": username, "password": service.passwords[username]}


@_serves("get-operation")
async def _get_operation(state: State, call: Call) -> dict[str, Any]:
    operation = state.operations.get(call.parameters["id"])
    if operation is None:
        raise ApiError(404, f"Operation {call.parameters['id']} does not exist")
    return operation.view()


@_serves("create-dbaas-task-migration-check")
async def _check_migration(state: State, call: Call) -> dict[str, Any]:
    service = state.services.get(call.parameters["service"])
    task = state.tasks.check_migration(
        service.name,
        service.target(),
        call.body["source-service-uri"],
        method=call.body.get("method"),
        ignored=_names(call.body.get("ignore-dbs", "")),
        disk=service.plan.disk,
    )
    reference = Reference(task.id, f"/v2/dbaas-task/{service.name}/{task.id}", "get-dbaas-task")
    return state.operations.begin(reference).view()


@_serves("get-dbaas-task")
async def _get_task(state: State, call: Call) -> dict[str, Any]:
    task = state.tasks.get(call.parameters["service"], call.parameters["id"])
    if task is None:
        raise ApiError(404, f"Task {call.parameters['id']} does not exist for service {call.parameters['service']}")
    return task.view()


@_serves("get-dbaas-migration-status")
async def _get_migration_status(state: State, call: Call) -> dict[str, Any]:
    service = state.services.get(call.parameters["name"])
    if service.migration is None:
        raise ApiError(404, f"Service {service.name} has no migration")
    return service.migration.view()


@_serves("stop-dbaas-pg-migration")
async def _stop_migration(state: State, call: Call) -> dict[str, Any]:
    service = state.services.get(call.parameters["name"])
    migration = service.migration
    if migration is None:
        raise ApiError(404, f"Service {service.name} has no migration")
    if service.stopping:
        raise ApiError(409, f"The migration of service {service.name} is being stopped already")
    service.stopping = True

    async def stop() -> None:
        try:
            await migration.stop()
        finally:
            service.stopping = False
            if not migration.active:
                service.migration = None

    return state.operations.begin(_reference(service), stop).view()


def _reference(service: Service) -> Reference:
    return Reference(service.id, f"/v2/dbaas-postgres/{service.name}", "get-dbaas-service-pg")


def _plan(name: str) -> Plan:
    if name not in PLANS:
        raise ApiError(400, f"plan: unknown plan '{name}', known are {', '.join(PLANS)}")
    return PLANS[name]


def _binaries(state: State, version: str | None) -> PostgresBinaries:
    wanted = int(version) if version else DEFAULT_VERSION if DEFAULT_VERSION in state.binaries else max(state.binaries)
    if wanted not in state.binaries:
        available = ", ".join(str(major) for major in state.binaries)
        raise ApiError(
            400, f"version: PostgreSQL {wanted} is not available in this emulator, available are {available}"
        )
    return state.binaries[wanted]


def _source(migration: dict[str, Any]) -> tuple[Endpoint, str | None, frozenset[str]]:
    """Source, method and ignored databases of a request's ``migration``."""
    source = Endpoint(
        host=migration["host"],
        port=migration["port"],
        user=migration.get("username", "postgres"),
        password=migration.get("password", ""),
        dbname=migration.get("dbname", "postgres"),
        sslmode="require" if migration.get("ssl") else "prefer",
    )
    return source, migration.get("method"), _names(migration.get("ignore-dbs", ""))


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(",") if name.strip())
