"""Logs and metrics of services."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow_dbaas.emulator import logs
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, State, serves

_MOST_DIGITS = 19


@serves("get-dbaas-service-logs")
async def get_logs(state: State, call: Call) -> dict[str, Any]:
    """One page of a service's log: that of its server, or the emulator's actions if there is no server."""
    service = state.services.get(call.parameters["service-name"])
    try:
        return await asyncio.to_thread(
            logs.page,
            service.log,
            f"{service.name}-1",
            limit=call.body.get("limit", 100),
            newest_first=call.body.get("sort-order", "desc") == "desc",
            offset=_offset(call.body.get("offset", "")),
        )
    except FileNotFoundError:
        # Deleted while it was read; if it was not, something else is wrong with the emulator.
        state.services.get(service.name)
        raise


@serves("get-dbaas-service-metrics")
async def get_metrics(state: State, call: Call) -> dict[str, Any]:
    """The metrics of a service; empty if it has no server."""
    service = state.services.get(call.parameters["service-name"])
    return {"metrics": state.metrics.view(service.id, service.name, call.body.get("period", "hour"))}


def _offset(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise ApiError(400, "offset: must be an offset that an earlier answer gave")
    return int(text)
