"""Which function serves which operation, and what such a function gets to work on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.external_endpoints import Endpoints
from airflow_dbaas.emulator.integrations import Integrations
from airflow_dbaas.emulator.metrics import Metrics
from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.openapi_validator import Law
from airflow_dbaas.emulator.operations import Operations
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.service_types import ServiceType
from airflow_dbaas.emulator.services import Services
from airflow_dbaas.emulator.tasks import Tasks


@dataclass
class State:
    """Everything the handlers work on."""

    zone: str
    law: Law
    types: dict[str, ServiceType]
    binaries: dict[int, PostgresBinaries]
    mysql: MysqlBinaries | None
    """None where no MariaDB is installed."""
    operations: Operations
    services: Services
    tasks: Tasks
    authority: Authority
    metrics: Metrics
    integrations: Integrations = field(default_factory=Integrations)
    endpoints: Endpoints = field(default_factory=Endpoints)
    save: Callable[[], None] = lambda: None
    """Has everything that is known on the disk, if that is where it is kept."""


@dataclass(frozen=True)
class Call:
    """One request that agrees with the document."""

    parameters: dict[str, str]
    body: dict[str, Any] = field(repr=False)
    """Not in any representation: it may hold passwords."""


Handler = Callable[[State, Call], Awaitable[dict[str, Any]]]
HANDLERS: dict[str, Handler] = {}


def serves(operation_id: str) -> Callable[[Handler], Handler]:
    """Decorator: the function serves the operation of this id."""

    def register(handler: Handler) -> Handler:
        HANDLERS[operation_id] = handler
        return handler

    return register
