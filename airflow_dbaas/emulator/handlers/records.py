"""Services of the types that have no server here: created, shown and changed as records."""

from __future__ import annotations

import time
from typing import Any

from airflow_dbaas.emulator import views
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.handlers.registry import Call, State, serves
from airflow_dbaas.emulator.handlers.services import refuse_what_is_not_emulated
from airflow_dbaas.emulator.record_service import RecordService
from airflow_dbaas.emulator.service_types import RECORD_NAMES


def _serve(type_name: str) -> None:
    @serves(f"create-dbaas-service-{type_name}")
    async def create(state: State, call: Call) -> dict[str, Any]:
        body = call.body
        refuse_what_is_not_emulated(body)
        _refuse_migration(type_name, body)
        service = state.services.add(call.parameters["name"], lambda: _record(state, type_name, call))
        return state.operations.begin(service.reference()).view()

    @serves(f"get-dbaas-service-{type_name}")
    async def get(state: State, call: Call) -> dict[str, Any]:
        service = state.services.get_as(call.parameters["name"], type_name, RecordService)
        return views.full(service, state.zone, state.integrations.of(service))

    @serves(f"update-dbaas-service-{type_name}")
    async def update(state: State, call: Call) -> dict[str, Any]:
        body, service = call.body, state.services.get_as(call.parameters["name"], type_name, RecordService)
        _refuse_migration(type_name, body)
        if body.get("version") not in {None, service.asked_version, service.version}:
            raise ApiError(400, "version: changing the version is not supported by the emulator")
        service.update(body)
        return state.operations.begin(service.reference()).view()


for _name in RECORD_NAMES:
    _serve(_name)


def _record(state: State, type_name: str, call: Call) -> RecordService:
    body, kind = call.body, state.types[type_name]
    return RecordService(
        name=call.parameters["name"],
        type=kind,
        plan=kind.plan(body["plan"]),
        settings=kind.settings(body),
        runs_from=time.monotonic() + state.services.startup_seconds,
        asked_version=kind.version(body.get("version")),
    )


def _refuse_migration(type_name: str, body: dict[str, Any]) -> None:
    if "migration" in body:
        raise ApiError(400, f"migration: the emulator has no {type_name} server to migrate into")
