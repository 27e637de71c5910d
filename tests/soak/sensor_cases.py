"""The sensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from airflow.sdk import BaseOperator

from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from tests.soak.case import Case
from tests.soak.world import World, source_of


def _sensor(kind: Callable[..., BaseOperator], **arguments: Any) -> Callable[..., BaseOperator]:
    return partial(kind, poke_interval=0.05, timeout=40, **arguments)


@contextmanager
def operation_sensor(world: World) -> Iterator[Case]:
    """The operation that creates a service."""
    name = world.name()
    operation = world.client.services.valkey.create(name=name, plan="startup-4")
    try:
        yield Case(
            _sensor(DbaasOperationSensor, operation_id=operation.id),
            lambda result: world.client.operations.get(str(operation.id)).state == "success",
        )
    finally:
        world.drop(name)


@contextmanager
def service_sensor(world: World) -> Iterator[Case]:
    """A service that is about to run."""
    name = world.name()
    world.client.services.valkey.create(name=name, plan="startup-4")

    def done(result: dict[str, Any]) -> bool:
        found = world.service(name)
        return found is not None and found.state == result["state"] == "running"

    try:
        yield Case(_sensor(DbaasServiceSensor, service_name=name), done)
    finally:
        world.drop(name)


@contextmanager
def absent_service_sensor(world: World) -> Iterator[Case]:
    """A service that is about to go."""
    name = world.new("valkey")
    world.client.services.delete(name)
    yield Case(
        _sensor(DbaasServiceSensor, service_name=name, state="absent"), lambda result: world.service(name) is None
    )


@contextmanager
def task_sensor(world: World) -> Iterator[Case]:
    """A migration check."""
    from airflow_dbaas.migration.source import MigrationSource

    operation = world.client.migrations.check(
        service=world.pg, source_service_uri=MigrationSource.from_conn_id(source_of("pg")).uri()
    )
    assert operation.reference
    task_id = str(operation.reference.id)
    yield Case(
        _sensor(DbaasTaskSensor, service_name=world.pg, dbaas_task_id=task_id),
        lambda result: bool(world.client.operations.get_task(service=world.pg, id=task_id).success),
    )


@contextmanager
def migration_sensor(world: World) -> Iterator[Case]:
    """A migration that is complete."""
    yield Case(_sensor(DbaasMigrationSensor, service_name=world.migrated), lambda result: result["status"] == "done")


@contextmanager
def integration_sensor(world: World) -> Iterator[Case]:
    """An integration that was just made."""
    name = world.new("valkey")
    integration_id = world.integrate(name, world.search)
    try:
        yield Case(
            _sensor(DbaasIntegrationSensor, integration_id=integration_id),
            lambda result: [each.is_active for each in world.integrations(name)] == [True],
        )
    finally:
        world.drop(name)


@contextmanager
def external_integration_sensor(world: World) -> Iterator[Case]:
    """An attachment that was just ended."""
    name = world.new("valkey")
    integration_id = world.attach(name)
    world.client.external_endpoints.detach(source_service_name=name, integration_id=integration_id)

    def done(result: dict[str, Any]) -> bool:
        try:
            world.client.external_endpoints.get_integration(integration_id)
        except DbaasNotFoundError:
            return result["status"] == "absent"
        return False

    try:
        yield Case(_sensor(DbaasExternalIntegrationSensor, integration_id=integration_id, state="absent"), done)
    finally:
        world.drop(name)
