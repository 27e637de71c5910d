"""What is executed: each operator and sensor on something of its own, and how to see whether it did its work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator

from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.operators import endpoints, integrations, migrations, services
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from tests.soak.world import World

RSYSLOG = {"server": "logs.example.com", "port": 514, "tls": False, "format": "rfc3164"}


@dataclass
class Case:
    """One task.

    :param make: makes it; takes what all have in common.
    :param done: whether its work is done, by the emulator's truth, and its result says so.
    """

    make: Callable[..., BaseOperator]
    done: Callable[[dict[str, Any]], bool]


Prepare = Callable[[World], AbstractContextManager[Case]]


def _sensor(kind: Callable[..., BaseOperator], **arguments: Any) -> Callable[..., BaseOperator]:
    return partial(kind, poke_interval=0.05, timeout=40, **arguments)


def _create(kind: str) -> Prepare:
    @contextmanager
    def create_service(world: World) -> Iterator[Case]:
        name = world.name()

        def done(result: dict[str, Any]) -> bool:
            found = world.service(name)
            return found is not None and (found.type, found.plan, found.state) == (kind, "startup-4", "running")

        try:
            yield Case(
                partial(services.DbaasCreateServiceOperator, service_name=name, plan="startup-4", service_type=kind),
                done,
            )
        finally:
            world.drop(name)

    return create_service


@contextmanager
def update_service(world: World) -> Iterator[Case]:
    """Another plan."""
    name = world.new("valkey")

    def done(result: dict[str, Any]) -> bool:
        found = world.service(name)
        return found is not None and (found.plan, found.state) == ("startup-8", "running")

    try:
        yield Case(
            partial(services.DbaasUpdateServiceOperator, service_name=name, settings={"plan": "startup-8"}), done
        )
    finally:
        world.drop(name)


@contextmanager
def delete_service(world: World) -> Iterator[Case]:
    """A service that is there."""
    name = world.new("valkey")
    yield Case(
        partial(services.DbaasDeleteServiceOperator, service_name=name),
        lambda result: world.service(name) is None and result["state"] == "absent",
    )
    world.drop(name)


@contextmanager
def create_integration(world: World) -> Iterator[Case]:
    """Between two services that have none."""
    name = world.new("valkey")
    try:
        yield Case(
            partial(
                integrations.DbaasCreateIntegrationOperator,
                integration_type="logs",
                source_service=name,
                dest_service=world.search,
            ),
            lambda result: [each.id for each in world.integrations(name)] == [result["integration_id"]],
        )
    finally:
        world.drop(name)


@contextmanager
def update_integration(world: World) -> Iterator[Case]:
    """Other settings."""
    name = world.new("valkey")
    integration_id = world.integrate(name, world.search)
    settings = {"elasticsearch_index_days_max": 7}
    try:
        yield Case(
            partial(integrations.DbaasUpdateIntegrationOperator, integration_id=integration_id, settings=settings),
            lambda result: [each.settings for each in world.integrations(name)] == [settings],
        )
    finally:
        world.drop(name)


@contextmanager
def delete_integration(world: World) -> Iterator[Case]:
    """By the services and the type."""
    name = world.new("valkey")
    world.integrate(name, world.search)
    try:
        yield Case(
            partial(
                integrations.DbaasDeleteIntegrationOperator,
                integration_type="logs",
                source_service=name,
                dest_service=world.search,
            ),
            lambda result: world.integrations(name) == [] and result["status"] == "absent",
        )
    finally:
        world.drop(name)


@contextmanager
def reconcile(world: World) -> Iterator[Case]:
    """One integration to be made, one to be deleted, one attachment to be made."""
    name = world.new("valkey")
    world.integrate(name, world.elsewhere)

    def done(result: dict[str, Any]) -> bool:
        links = [(each.type, each.source, each.dest) for each in world.integrations(name)]
        attached = [each.dest_endpoint_id for each in world.attachments(name)]
        return links == [("logs", name, world.search)] and attached == [world.endpoint_id] and result["applied"]

    try:
        yield Case(
            partial(
                integrations.DbaasReconcileIntegrationsOperator,
                service_name=name,
                integrations=[{"integration_type": "logs", "dest_service": world.search}],
                endpoints=[{"endpoint_id": world.endpoint_id}],
                prune=True,
            ),
            done,
        )
    finally:
        world.drop(name)


@contextmanager
def _endpoint(world: World, name: str) -> Iterator[None]:
    try:
        yield
    finally:
        for each in world.endpoints(name):
            world.client.delete_dbaas_external_endpoint_rsyslog(str(each.id))


@contextmanager
def create_endpoint(world: World) -> Iterator[Case]:
    """A name that no endpoint has."""
    name = world.name()
    make = partial(
        endpoints.DbaasCreateExternalEndpointOperator, endpoint_type="rsyslog", endpoint_name=name, settings=RSYSLOG
    )
    with _endpoint(world, name):
        yield Case(make, lambda result: [each.id for each in world.endpoints(name)] == [result["endpoint_id"]])


@contextmanager
def update_endpoint(world: World) -> Iterator[Case]:
    """Another port."""
    name = world.name()
    endpoint_id = world.new_endpoint(name)

    def done(result: dict[str, Any]) -> bool:
        settings = world.client.get_dbaas_external_endpoint_rsyslog(endpoint_id).settings
        return settings is not None and settings.port == 515

    with _endpoint(world, name):
        yield Case(
            partial(
                endpoints.DbaasUpdateExternalEndpointOperator,
                endpoint_name=name,
                settings={**RSYSLOG, "port": 515},
            ),
            done,
        )


@contextmanager
def delete_endpoint(world: World) -> Iterator[Case]:
    """An endpoint that nothing is attached to."""
    name = world.name()
    world.new_endpoint(name)
    with _endpoint(world, name):
        yield Case(
            partial(endpoints.DbaasDeleteExternalEndpointOperator, endpoint_name=name),
            lambda result: world.endpoints(name) == [],
        )


@contextmanager
def attach(world: World) -> Iterator[Case]:
    """A service that is not attached."""
    name = world.new("valkey")
    try:
        yield Case(
            partial(endpoints.DbaasAttachEndpointOperator, service_name=name, endpoint_id=world.endpoint_id),
            lambda result: [each.integration_id for each in world.attachments(name)] == [result["integration_id"]],
        )
    finally:
        world.drop(name)


@contextmanager
def detach(world: World) -> Iterator[Case]:
    """A service that is attached."""
    name = world.new("valkey")
    world.attach(name)
    try:
        yield Case(
            partial(endpoints.DbaasDetachEndpointOperator, service_name=name, endpoint_id=world.endpoint_id),
            lambda result: world.attachments(name) == [] and result["status"] == "absent",
        )
    finally:
        world.drop(name)


@contextmanager
def check_migration(world: World) -> Iterator[Case]:
    """Into a service without one."""

    def done(result: dict[str, Any]) -> bool:
        return bool(world.client.get_dbaas_task(service=world.pg, id=result["task_id"]).success)

    yield Case(partial(migrations.DbaasMigrationCheckOperator, service_name=world.pg, source_conn_id="source"), done)


@contextmanager
def start_migration(world: World) -> Iterator[Case]:
    """Until the data is there."""
    name = world.new("pg")
    try:
        yield Case(
            partial(
                migrations.DbaasStartMigrationOperator,
                service_name=name,
                source_conn_id="source",
                method="dump",
                until="synced",
            ),
            lambda result: world.migration(name) == "done" and result["status"] == "done",
        )
    finally:
        world.drop(name)


@contextmanager
def stop_migration(world: World) -> Iterator[Case]:
    """One that is complete."""
    name = world.new("pg")
    world.migrate(name)
    try:
        yield Case(
            partial(migrations.DbaasStopMigrationOperator, service_name=name, source_conn_id="source"),
            lambda result: world.migration(name) is None,
        )
    finally:
        world.drop(name)


@contextmanager
def logs(world: World) -> Iterator[Case]:
    """All of a service's log, each entry once."""
    path = Path(world.folder) / f"{world.name()}.jsonl"

    def done(result: dict[str, Any]) -> bool:
        written = [(entry["time"], entry["message"]) for entry in map(json.loads, path.read_text().splitlines())]
        shown = [(entry.time, entry.message) for entry in world.client.iter_dbaas_service_logs(world.pg)]
        return len(written) > 0 and written == shown[: len(written)]

    yield Case(partial(services.DbaasServiceLogsOperator, service_name=world.pg, path=str(path)), done)
    path.unlink(missing_ok=True)


@contextmanager
def metrics(world: World) -> Iterator[Case]:
    """The last hour."""
    path = Path(world.folder) / f"{world.name()}.csv"

    def done(result: dict[str, Any]) -> bool:
        return len(path.read_text().splitlines()) == 1 + result["rows"] > 1

    yield Case(partial(services.DbaasServiceMetricsOperator, service_name=world.pg, path=str(path)), done)
    path.unlink(missing_ok=True)


@contextmanager
def certificate(world: World) -> Iterator[Case]:
    """The certificate of the authority."""
    shown = world.client.get_dbaas_ca_certificate().certificate
    yield Case(services.DbaasCaCertificateOperator, lambda result: result["certificate"] == shown)


@contextmanager
def operation_sensor(world: World) -> Iterator[Case]:
    """The operation that creates a service."""
    name = world.name()
    operation = world.client.create_dbaas_service_valkey(name=name, plan="startup-4")
    try:
        yield Case(
            _sensor(DbaasOperationSensor, operation_id=operation.id),
            lambda result: world.client.get_operation(str(operation.id)).state == "success",
        )
    finally:
        world.drop(name)


@contextmanager
def service_sensor(world: World) -> Iterator[Case]:
    """A service that is about to run."""
    name = world.name()
    world.client.create_dbaas_service_valkey(name=name, plan="startup-4")

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
    world.client.delete_dbaas_service(name)
    yield Case(
        _sensor(DbaasServiceSensor, service_name=name, state="absent"), lambda result: world.service(name) is None
    )


@contextmanager
def task_sensor(world: World) -> Iterator[Case]:
    """A migration check."""
    from airflow_dbaas.sources import MigrationSource

    operation = world.client.create_dbaas_task_migration_check(
        service=world.pg, source_service_uri=MigrationSource.from_conn_id("source").uri()
    )
    assert operation.reference
    task_id = str(operation.reference.id)
    yield Case(
        _sensor(DbaasTaskSensor, service_name=world.pg, dbaas_task_id=task_id),
        lambda result: bool(world.client.get_dbaas_task(service=world.pg, id=task_id).success),
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
    world.client.detach_dbaas_service_from_endpoint(source_service_name=name, integration_id=integration_id)

    def done(result: dict[str, Any]) -> bool:
        try:
            world.client.get_dbaas_external_integration(integration_id)
        except DbaasNotFoundError:
            return result["status"] == "absent"
        return False

    try:
        yield Case(_sensor(DbaasExternalIntegrationSensor, integration_id=integration_id, state="absent"), done)
    finally:
        world.drop(name)


#: What is executed, and how often: those that start servers seldom.
CASES: dict[str, tuple[Prepare, int]] = {
    "create a Valkey service": (_create("valkey"), 8),
    "create a Grafana service": (_create("grafana"), 4),
    "create a PostgreSQL service": (_create("pg"), 1),
    "update a service": (update_service, 6),
    "delete a service": (delete_service, 6),
    "create an integration": (create_integration, 8),
    "update an integration": (update_integration, 4),
    "delete an integration": (delete_integration, 6),
    "reconcile integrations": (reconcile, 6),
    "create an endpoint": (create_endpoint, 8),
    "update an endpoint": (update_endpoint, 4),
    "delete an endpoint": (delete_endpoint, 4),
    "attach an endpoint": (attach, 8),
    "detach an endpoint": (detach, 4),
    "check a migration": (check_migration, 2),
    "start a migration": (start_migration, 1),
    "stop a migration": (stop_migration, 1),
    "logs": (logs, 4),
    "metrics": (metrics, 4),
    "CA certificate": (certificate, 2),
    "sensor of an operation": (operation_sensor, 6),
    "sensor of a service": (service_sensor, 4),
    "sensor of a deleted service": (absent_service_sensor, 4),
    "sensor of a task": (task_sensor, 2),
    "sensor of a migration": (migration_sensor, 4),
    "sensor of an integration": (integration_sensor, 4),
    "sensor of a detachment": (external_integration_sensor, 4),
}
