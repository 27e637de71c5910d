"""Users of services and their passwords."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("reveal-dbaas-postgres-user-password")
async def reveal_password(state: State, call: Call) -> dict[str, Any]:
    """A user's password, the one way to get at it."""
    service, username = state.services.get(call.parameters["service-name"]), call.parameters["username"]
    if username not in service.passwords:
        raise ApiError(404, f"User {username} does not exist for service {service.name}")
    return {"username": username, "password": service.passwords[username]}
