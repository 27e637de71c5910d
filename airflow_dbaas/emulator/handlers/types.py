"""Types of services, and the settings that some of them have."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("list-dbaas-service-types")
async def list_types(state: State, call: Call) -> dict[str, Any]:
    """All types of services."""
    return {"dbaas-service-types": [kind.view(state.zone) for kind in state.types.values()]}


@serves("get-dbaas-service-type")
async def get_type(state: State, call: Call) -> dict[str, Any]:
    """One type of services."""
    name = call.parameters["service-type-name"]
    if name not in state.types:
        raise ApiError(404, f"Service type {name} does not exist")
    return state.types[name].view(state.zone)


@serves("get-dbaas-settings-pg")
async def get_pg_settings(state: State, call: Call) -> dict[str, Any]:
    """Schemas of the settings of PostgreSQL services."""
    return _settings(state, "pg", "pglookout", "pgbouncer", "timescaledb")


@serves("get-dbaas-settings-mysql")
async def get_mysql_settings(state: State, call: Call) -> dict[str, Any]:
    """Schemas of the settings of MySQL services."""
    return _settings(state, "mysql")


def _settings(state: State, *subjects: str) -> dict[str, Any]:
    return {"settings": {subject: state.law.settings_schema(subject) for subject in subjects}}
