"""Tasks about integrations and external external_endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from airflow_dbaas.operators import external_endpoints, integrations
from airflow_dbaas.operators.reconcile import DbaasReconcileIntegrationsOperator
from tests.soak.case import Case
from tests.soak.world import World

RSYSLOG = {"server": "logs.example.com", "port": 514, "tls": False, "format": "rfc3164"}


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
                DbaasReconcileIntegrationsOperator,
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
            world.client.external_endpoints.rsyslog.delete(str(each.id))


@contextmanager
def create_endpoint(world: World) -> Iterator[Case]:
    """A name that no endpoint has."""
    name = world.name()
    make = partial(
        external_endpoints.DbaasCreateExternalEndpointOperator,
        endpoint_type="rsyslog",
        endpoint_name=name,
        settings=RSYSLOG,
    )
    with _endpoint(world, name):
        yield Case(make, lambda result: [each.id for each in world.endpoints(name)] == [result["endpoint_id"]])


@contextmanager
def update_endpoint(world: World) -> Iterator[Case]:
    """Another port."""
    name = world.name()
    endpoint_id = world.new_endpoint(name)

    def done(result: dict[str, Any]) -> bool:
        settings = world.client.external_endpoints.rsyslog.get(endpoint_id).settings
        return settings is not None and settings.port == 515

    with _endpoint(world, name):
        yield Case(
            partial(
                external_endpoints.DbaasUpdateExternalEndpointOperator,
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
            partial(external_endpoints.DbaasDeleteExternalEndpointOperator, endpoint_name=name),
            lambda result: world.endpoints(name) == [],
        )


@contextmanager
def attach(world: World) -> Iterator[Case]:
    """A service that is not attached."""
    name = world.new("valkey")
    try:
        yield Case(
            partial(external_endpoints.DbaasAttachEndpointOperator, service_name=name, endpoint_id=world.endpoint_id),
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
            partial(external_endpoints.DbaasDetachEndpointOperator, service_name=name, endpoint_id=world.endpoint_id),
            lambda result: world.attachments(name) == [] and result["status"] == "absent",
        )
    finally:
        world.drop(name)
