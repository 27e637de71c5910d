"""Tasks about one service: its life, its migration, what it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from airflow_dbaas.operators import migrations, services
from airflow_dbaas.operators.observability import DbaasServiceLogsOperator, DbaasServiceMetricsOperator
from tests.soak.case import Case, Prepare
from tests.soak.world import World, source_of


def create_service(kind: str) -> Prepare:
    @contextmanager
    def create(world: World) -> Iterator[Case]:
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

    return create


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


def check_migration(kind: str) -> Prepare:
    """Into a service without one."""

    @contextmanager
    def check(world: World) -> Iterator[Case]:
        name = world.empty[kind]

        def done(result: dict[str, Any]) -> bool:
            return bool(world.client.operations.get_task(service=name, id=result["task_id"]).success)

        make = partial(migrations.DbaasMigrationCheckOperator, service_name=name, source_conn_id=source_of(kind))
        yield Case(make, done)

    return check


def start_migration(kind: str) -> Prepare:
    """Until the data is there."""

    @contextmanager
    def start(world: World) -> Iterator[Case]:
        name = world.new(kind)
        try:
            yield Case(
                partial(
                    migrations.DbaasStartMigrationOperator,
                    service_name=name,
                    source_conn_id=source_of(kind),
                    method="dump",
                    until="synced",
                ),
                lambda result: world.migration(name) == "done" and result["status"] == "done",
            )
        finally:
            world.drop(name)

    return start


def stop_migration(kind: str) -> Prepare:
    """One that is complete."""

    @contextmanager
    def stop(world: World) -> Iterator[Case]:
        name = world.new(kind)
        world.migrate(name, kind)
        try:
            yield Case(
                partial(migrations.DbaasStopMigrationOperator, service_name=name, source_conn_id=source_of(kind)),
                lambda result: world.migration(name) is None,
            )
        finally:
            world.drop(name)

    return stop


@contextmanager
def logs(world: World) -> Iterator[Case]:
    """All of a service's log, each entry once."""
    path = Path(world.folder) / f"{world.name()}.jsonl"

    def done(result: dict[str, Any]) -> bool:
        written = [(entry["time"], entry["message"]) for entry in map(json.loads, path.read_text().splitlines())]
        shown = [(entry.time, entry.message) for entry in world.client.iter_service_logs(world.pg)]
        return len(written) > 0 and written == shown[: len(written)]

    yield Case(partial(DbaasServiceLogsOperator, service_name=world.pg, path=str(path)), done)
    path.unlink(missing_ok=True)


@contextmanager
def metrics(world: World) -> Iterator[Case]:
    """The last hour."""
    path = Path(world.folder) / f"{world.name()}.csv"

    def done(result: dict[str, Any]) -> bool:
        return len(path.read_text().splitlines()) == 1 + result["rows"] > 1

    yield Case(partial(DbaasServiceMetricsOperator, service_name=world.pg, path=str(path)), done)
    path.unlink(missing_ok=True)


@contextmanager
def certificate(world: World) -> Iterator[Case]:
    """The certificate of the authority."""
    shown = world.client.services.ca_certificate().certificate
    yield Case(services.DbaasCaCertificateOperator, lambda result: result["certificate"] == shown)
