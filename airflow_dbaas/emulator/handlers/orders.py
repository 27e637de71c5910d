"""Parses a request for a new service with a server of any engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_dbaas.emulator.handlers.registry import Call, State
from airflow_dbaas.emulator.order import Order, Source, SourceKind, new_password


def order_of(
    state: State, call: Call, type_name: str, source_of: Callable[[dict[str, Any]], Source[SourceKind]]
) -> Order[SourceKind]:
    """The parsed request; 400 for an unknown plan.

    :param source_of: reads a ``migration``.
    """
    body, kind = call.body, state.types[type_name]
    return Order(
        name=call.parameters["name"],
        type=kind,
        plan=kind.plan(body["plan"]),
        settings=kind.settings(body),
        admin=body.get("admin-username", "avnadmin"),
        password=body.get("admin-password") or new_password(),
        source=source_of(body["migration"]) if "migration" in body else None,
        directory=state.services.directory,
        startup_seconds=state.services.startup_seconds,
        authority=state.authority,
        durable=state.services.durable,
        changed=state.services.changed,
    )
