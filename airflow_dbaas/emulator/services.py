"""Services of type ``pg``: each a real server with an admin user, a default database and a plan."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.migration_state import Target
from airflow_dbaas.emulator.migrations import Migration
from airflow_dbaas.emulator.operations import Reference
from airflow_dbaas.emulator.plans import Plan
from airflow_dbaas.emulator.postgres import PostgresServer, ServerError, roles
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.endpoint import Endpoint

logger = logging.getLogger(__name__)

MIN_FREE_BYTES = 256 * 1024 * 1024
"""Free disk below which no server is made: a fresh one takes 40 MB and its log of changes as much again."""

DEFAULT_DATABASE = "defaultdb"
_SUPERUSER = "postgres"
_SELF_GRANT_SINCE = 16


def require_free_space(directory: Path, minimum: int = MIN_FREE_BYTES) -> None:
    """Raise ``OSError`` with a clear text unless the disk of ``directory`` has ``minimum`` bytes left."""
    free = shutil.disk_usage(directory).free
    if free < minimum:
        raise OSError(
            f"{directory} has {free >> 20} MiB of free disk space, a PostgreSQL server needs {minimum >> 20} MiB"
        )


@dataclass
class Service:
    """One service, from the request that made it until the one that deletes it."""

    name: str
    plan: Plan
    server: PostgresServer
    admin: str
    passwords: dict[str, str] = field(repr=False)
    """Passwords by user, for reveal. A user is here once it exists in the server."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What requests set that is stored and shown: maintenance, ip-filter and the like."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ready: bool = False
    migration: Migration | None = None
    stopping: bool = False
    """Whether the migration is being stopped."""
    starting: asyncio.Task[None] | None = None
    superuser: Endpoint | None = None

    @property
    def state(self) -> str:
        """State as the API names it."""
        if not self.ready:
            failed = self.starting is not None and self.starting.done()
            return "poweroff" if failed else "rebuilding"
        return "running" if self.server.running else "poweroff"

    @property
    def termination_protection(self) -> bool:
        """Whether deletion is refused."""
        return bool(self.settings.get("termination-protection", False))

    def reference(self) -> Reference:
        """The service as what an operation is about."""
        return Reference(self.id, f"/v2/dbaas-postgres/{self.name}", "get-dbaas-service-pg")

    def target(self) -> Target:
        """The service as what a migration moves into; refused while it is not running."""
        if self.state != "running" or self.superuser is None:
            raise ApiError(409, f"Service {self.name} is not running (state: {self.state})")
        admin = Endpoint(
            host=self.server.host,
            port=self.server.port,
            user=self.admin,
            password=self.passwords[self.admin],
            dbname=_SUPERUSER,
        )
        return Target(admin=admin, superuser=self.superuser, binaries=self.server.binaries, log=self.server.log)

    async def databases_and_users(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Databases and users that the server has now, without those that are the service's own."""
        if self.state != "running" or self.superuser is None:
            return [], []
        try:
            return await self._ask(self.superuser)
        except psycopg.OperationalError as error:
            # It went away since, or has no connection to spare: no reason not to answer.
            logger.warning("Service %s cannot be asked: %s", self.name, self.superuser.words(error))
            return [], []

    async def _ask(self, superuser: Endpoint) -> tuple[list[str], list[dict[str, Any]]]:
        async with await superuser.connect() as connection:
            cursor = await connection.execute(
                "SELECT datname FROM pg_database WHERE NOT datistemplate AND datdba <> 10 ORDER BY datname"
            )
            names = [str(row[0]) for row in await cursor.fetchall()]
            cursor = await connection.execute(
                "SELECT rolname, rolreplication FROM pg_roles WHERE rolcanlogin AND oid <> 10 ORDER BY oid"
            )
            users = [
                {
                    "username": name,
                    "type": "primary" if name == self.admin else "normal",
                    "allow-replication": replication,
                }
                for name, replication in await cursor.fetchall()
            ]
        return names, users


class Services:
    """All services, by name."""

    def __init__(self, directory: Path, startup_seconds: float) -> None:
        self._directory = directory
        self._startup_seconds = startup_seconds
        self._known: dict[str, Service] = {}

    def all(self) -> list[Service]:
        """All services, oldest first."""
        return list(self._known.values())

    def get(self, name: str) -> Service:
        """The service of this name; 404 without it."""
        service = self._known.get(name)
        if service is None:
            raise ApiError(404, f"Service {name} does not exist")
        return service

    def create(
        self,
        name: str,
        plan: Plan,
        binaries: PostgresBinaries,
        *,
        admin: str,
        password: str,
        settings: dict[str, Any],
        source: tuple[Endpoint, str | None, frozenset[str]] | None,
    ) -> Service:
        """Begin to make a service; a migration from ``source`` starts when it runs."""
        if name in self._known:
            raise ApiError(409, "Service name is already taken")
        try:
            require_free_space(self._directory)
        except OSError as error:
            raise ApiError(503, str(error)) from error
        identifier = str(uuid.uuid4())
        superuser_password = secrets.token_urlsafe(24)
        server = PostgresServer(
            binaries=binaries,
            directory=self._directory / identifier,
            superuser=_SUPERUSER,
            password=superuser_password,
            # The admin user becomes a member of the roles it makes, so that it may act for them.
            settings={"createrole_self_grant": "set, inherit"} if binaries.major >= _SELF_GRANT_SINCE else {},
        )
        service = Service(
            name=name, plan=plan, server=server, admin=admin, passwords={}, settings=settings, id=identifier
        )
        service.starting = asyncio.create_task(self._start(service, superuser_password, password, source))
        self._known[name] = service
        return service

    async def _start(
        self,
        service: Service,
        superuser_password: str,
        password: str,
        source: tuple[Endpoint, str | None, frozenset[str]] | None,
    ) -> None:
        begun = time.monotonic()
        try:
            await asyncio.to_thread(service.server.start)
            superuser = Endpoint(
                host=service.server.host, port=service.server.port, user=_SUPERUSER, password=superuser_password
            )
            await roles.create_admin(superuser, service.admin, password, [DEFAULT_DATABASE])
            await asyncio.sleep(max(0.0, begun + self._startup_seconds - time.monotonic()))
        except (ServerError, psycopg.Error, OSError) as error:
            logger.error("Service %s did not start: %s", service.name, error)  # noqa: TRY400  (the text says it all)
            return
        service.superuser = superuser
        service.passwords[service.admin] = password
        service.ready = True
        service.updated_at = datetime.now(UTC)
        if source is not None:
            start_migration(service, *source)

    async def delete(self, service: Service) -> None:
        """Stop the service's server and remove its data; the API has forgotten the service already."""
        if service.starting is not None:
            # A start that broke off would leave a server that nobody stops.
            await asyncio.wait([service.starting])
        if service.migration is not None:
            await service.migration.abandon()
        await asyncio.to_thread(service.server.stop)
        await asyncio.to_thread(shutil.rmtree, service.server.directory, ignore_errors=True)

    def forget(self, service: Service) -> None:
        """Take the service out of the API; refused while it is protected."""
        if service.termination_protection:
            raise ApiError(
                409, f"Service {service.name} is protected against termination; switch termination-protection off first"
            )
        del self._known[service.name]

    async def close(self) -> None:
        """Remove all services."""
        remaining, self._known = self.all(), {}
        await asyncio.gather(*(self.delete(service) for service in remaining))


def start_migration(service: Service, source: Endpoint, method: str | None, ignored: frozenset[str]) -> None:
    """Start a migration into a running service; refused while one is going on."""
    target = service.target()
    if service.migration is not None and (service.migration.active or service.stopping):
        raise ApiError(409, f"A migration of service {service.name} is already running; stop it first")
    service.migration = Migration(
        source=source, target=target, method=method, ignored=ignored, learn_passwords=service.passwords.update
    )
    service.migration.start()
