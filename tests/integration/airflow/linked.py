"""Services that can be linked: of types that start quickly in the emulator."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasNotFoundError
from tests.conftest import mariadb

#: Type of each service by its role in the tests.
TYPES = {"db": "mysql", "db2": "valkey", "search": "opensearch", "grafana": "grafana", "thanos": "thanos"}


@contextmanager
def linked_services(client: Client) -> Iterator[dict[str, str]]:
    """The names of running services of a test's own, by role."""
    mariadb()
    suffix = secrets.token_hex(4)
    names = {role: f"{role}-{suffix}" for role in TYPES}
    for role, kind in TYPES.items():
        client.operation(f"create-dbaas-service-{kind}")(name=names[role], plan="startup-4")
    try:
        while not all(service.state == "running" for service in of(client, *names.values())):
            time.sleep(0.05)
        yield names
    finally:
        for name in names.values():
            with suppress(DbaasNotFoundError):
                client.services.delete(name)


def of(client: Client, *names: str) -> list[Any]:
    """The services of these names, as listed."""
    return [service for service in client.services.list().dbaas_services if service.name in names]


def links(client: Client, name: str) -> list[tuple[str | None, str | None, str | None]]:
    """Type, source and destination of the integrations of a service."""
    (service,) = of(client, name)
    return [(each.type, each.source, each.dest) for each in service.integrations]
