"""Everything the API knows, as documents, and back from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from airflow_dbaas.emulator.accounts import STOP, DatabaseService
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.external_endpoints import ENDPOINT_TYPES, ExternalEndpoint, ExternalIntegration
from airflow_dbaas.emulator.handlers import State
from airflow_dbaas.emulator.handlers.migrations import check_of
from airflow_dbaas.emulator.integration_types import INTEGRATION_TYPES
from airflow_dbaas.emulator.integrations import Integration
from airflow_dbaas.emulator.mysql_service import MysqlService
from airflow_dbaas.emulator.operations import Operation, Work
from airflow_dbaas.emulator.order import Order
from airflow_dbaas.emulator.pg_service import PgService
from airflow_dbaas.emulator.record_service import RecordService
from airflow_dbaas.emulator.services import REMOVE, Service
from airflow_dbaas.emulator.store import Document, Key, Store
from airflow_dbaas.emulator.tasks import Check, Task

_INTERRUPTED = "The check was interrupted and cannot be repeated"


class _Recorded(Protocol):
    def record(self) -> Document: ...


class CannotRead(Exception):
    """The recorded state needs something that is not available here; the text says what."""


def documents(state: State) -> dict[Key, Document]:
    """Everything the API knows now."""
    kinds: dict[str, Iterable[_Recorded]] = {
        "service": state.services.all(),
        "leaving": state.services.leaving(),
        "operation": state.operations.all(),
        "task": state.tasks.all(),
        "integration": state.integrations.all(),
        "endpoint": state.endpoints.all(),
        "attachment": state.endpoints.all_attached(),
    }
    recorded = ((kind, each.record()) for kind, things in kinds.items() for each in things)
    return {(kind, document["id"]): document for kind, document in recorded}


def recall(state: State, store: Store) -> Callable[[], Awaitable[None]]:
    """Know all that was recorded. Raises ``CannotRead``.

    Returns a coroutine that starts the servers of all services and continues what was under way. Everything is loaded
    before that, so that a change is recorded together with everything else.
    """
    try:
        services = {each["id"]: _service(state, each) for each in store.documents("service")}
        leaving = {each["id"]: _service(state, each) for each in store.documents("leaving")}
        operations = {each["id"]: Operation.of_record(each) for each in store.documents("operation")}
        tasks = [Task.of_record(each) for each in store.documents("task")]
        _recall_links(state, store, services, operations)
    except (KeyError, TypeError, ValueError) as error:
        raise CannotRead(f"a document is invalid: {error!r}") from error
    store.remove_folders_but({*services, *leaving})
    up = asyncio.Event()
    for service in services.values():
        state.services.take(service)
    removals = {each.id: state.services.finish(each, _remove(each, up)) for each in leaving.values()}
    for operation in operations.values():
        state.operations.take(operation, _work(operation, services, removals, up))
    for task in tasks:
        state.tasks.take(task, _check(state, task, up))
    return partial(_wake, [*services.values(), *_with_server(leaving)], up)


async def _wake(services: list[Service], up: asyncio.Event) -> None:
    try:
        await asyncio.gather(*(each.revive() for each in services))
        # One may be the source of another's migration.
        await asyncio.gather(*(each.resume() for each in services))
    finally:
        up.set()


async def _remove(service: Service, up: asyncio.Event) -> None:
    await up.wait()
    await service.remove()


def _with_server(services: dict[str, Service]) -> list[Service]:
    """Of services that are being removed, those that may have left something at the source of a migration."""
    return [each for each in services.values() if isinstance(each, DatabaseService) and each.ready]


def _recall_links(state: State, store: Store, services: dict[str, Service], operations: dict[str, Operation]) -> None:
    for each in store.documents("integration"):
        state.integrations.take(
            Integration(
                INTEGRATION_TYPES[each["type"]],
                services[each["source"]],
                services[each["dest"]],
                each["settings"],
                each["id"],
                operations.get(each["made_by"]),
            )
        )
    for each in store.documents("endpoint"):
        state.endpoints.take(ExternalEndpoint(ENDPOINT_TYPES[each["type"]], each["name"], each["settings"], each["id"]))
    for each in store.documents("attachment"):
        endpoint = state.endpoints.get(each["endpoint"])
        made_by = operations.get(each["made_by"])
        state.endpoints.take_attached(
            ExternalIntegration(services[each["service"]], endpoint, each["settings"], each["id"], made_by)
        )


def _work(
    operation: Operation, services: dict[str, Service], removals: dict[str, Work], up: asyncio.Event
) -> Work | None:
    if operation.state != "pending":
        return None
    subject = operation.reference.id
    if operation.kind == REMOVE:
        return removals.get(subject)
    service = services.get(subject)
    if operation.kind != STOP or not isinstance(service, DatabaseService):
        return None
    service.stopping = True
    return partial(_end_migration, service, up)


async def _end_migration(service: DatabaseService[Any], up: asyncio.Event) -> None:
    await up.wait()
    await service.end_migration()


def _check(state: State, task: Task, up: asyncio.Event) -> Check:
    async def check() -> tuple[bool, str]:
        await up.wait()
        try:
            again = check_of(state.services.get(task.service), task.request)
        except ApiError:
            # The service is gone, or does not run.
            return False, _INTERRUPTED
        return await again()

    return check


def _service(state: State, record: dict[str, Any]) -> Service:
    kind = state.types[record["type"]]
    try:
        plan = kind.plans[record["plan"]]
        if record["type"] == "pg":
            service: Service = _database_service(state, record, _pg)
        elif record["type"] == "mysql":
            service = _database_service(state, record, _mysql)
        else:
            service = RecordService.of_record(record, kind)
    except KeyError as error:
        raise CannotRead(f"service '{record['name']}' needs {error}, which is not available here") from error
    service.plan, service.settings = plan, record["settings"]
    service.created_at, service.updated_at = (
        datetime.fromisoformat(record[name]) for name in ("created_at", "updated_at")
    )
    return service


def _database_service(
    state: State, record: dict[str, Any], make: Callable[[State, Order[Any], dict[str, Any]], DatabaseService[Any]]
) -> DatabaseService[Any]:
    kind = state.types[record["type"]]
    reader = PgService if record["type"] == "pg" else MysqlService
    order: Order[Any] = Order(
        name=record["name"],
        type=kind,
        plan=kind.plans[record["plan"]],
        settings=record["settings"],
        admin=record["admin"],
        password=record["password"],
        source=reader.source_of_record(record["source"]) if record["source"] else None,
        directory=state.services.directory,
        startup_seconds=state.services.startup_seconds,
        authority=state.authority,
        durable=state.services.durable,
        changed=state.services.changed,
        id=record["id"],
        superuser_password=record["superuser_password"],
        port=record["port"],
    )
    service = make(state, order, record)
    service.ready, service.failed = record["ready"], record["failed"]
    service.passwords |= record["passwords"]
    service.interrupted = record["migration"]
    return service


def _pg(state: State, order: Order[Any], record: dict[str, Any]) -> PgService:
    if record["major"] not in state.binaries:
        raise CannotRead(f"service '{record['name']}' is of PostgreSQL {record['major']}, which is not installed here")
    return PgService.of(order, state.binaries[record["major"]])


def _mysql(state: State, order: Order[Any], record: dict[str, Any]) -> MysqlService:
    if state.mysql is None:
        raise CannotRead(f"service '{record['name']}' is of MySQL: no MariaDB is installed here")
    service = MysqlService.of(order, state.mysql)
    service.authentication |= record["authentication"]
    return service
