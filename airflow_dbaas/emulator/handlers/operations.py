"""Operations: how far a change is."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, State, serves


@serves("get-operation")
async def get_operation(state: State, call: Call) -> dict[str, Any]:
    """One operation."""
    operation = state.operations.get(call.parameters["id"])
    if operation is None:
        raise ApiError(404, f"Operation {call.parameters['id']} does not exist")
    return operation.view()
