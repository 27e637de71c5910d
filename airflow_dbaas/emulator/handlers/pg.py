"""Services of type ``pg``: each has a real server."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.migrations import source_of
from airflow_dbaas.emulator.handlers.registry import Call, State, serves
from airflow_dbaas.emulator.plans import PLANS, Plan
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.services import start_migration

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


@serves("create-dbaas-service-pg")
async def create_pg(state: State, call: Call) -> dict[str, Any]:
    """Begin to make a service."""
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
        source=source_of(body["migration"]) if "migration" in body else None,
    )
    return state.operations.begin(service.reference()).view()


@serves("get-dbaas-service-pg")
async def get_pg(state: State, call: Call) -> dict[str, Any]:
    """A service in full."""
    service = state.services.get(call.parameters["name"])
    return views.pg(service, state.zone, *await service.databases_and_users())


@serves("update-dbaas-service-pg")
async def update_pg(state: State, call: Call) -> dict[str, Any]:
    """Change what a service is like, or start a migration into it."""
    body, service = call.body, state.services.get(call.parameters["name"])
    plan = _plan(body["plan"]) if "plan" in body else service.plan
    version = body.get("version", "").split(".")[0]
    if version and version != str(service.server.binaries.major):
        raise ApiError(400, "version: changing the version is not supported by the emulator")
    if "migration" in body:
        start_migration(service, *source_of(body["migration"]))
    service.plan = plan
    service.settings |= {name: body[name] for name in _STORED if name in body}
    service.updated_at = datetime.now(UTC)
    return state.operations.begin(service.reference()).view()


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
