"""Services with a server, users and databases: what is the same whatever the server speaks."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
import uuid
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.plans import Plan
from airflow_dbaas.emulator.servers.server import Server, ServerError
from airflow_dbaas.emulator.service_types import ServiceType
from airflow_dbaas.emulator.services import Service, require_free_space

logger = logging.getLogger(__name__)

DEFAULT_DATABASE = "defaultdb"


def new_password() -> str:
    """A password of letters, digits, ``-`` and ``_``, which every type accepts."""
    return secrets.token_urlsafe(18)


SourceKind = TypeVar("SourceKind")
Source = tuple[SourceKind, str | None, frozenset[str]]
"""Where a migration comes from, its method, and databases it leaves out."""


@dataclass(frozen=True, kw_only=True)
class Order(Generic[SourceKind]):
    """What a request for a new service comes to."""

    name: str
    type: ServiceType
    plan: Plan
    settings: dict[str, Any]
    admin: str
    password: str = field(repr=False)
    source: Source[SourceKind] | None
    """Of a migration that starts when the service runs."""
    directory: Path
    startup_seconds: float
    """Time until the service runs, at least."""
    authority: Authority
    """Signs the server's certificate."""


class Migration(Protocol):
    """A migration into a service, whatever is moved."""

    @property
    def active(self) -> bool:
        """Whether it works on anything."""

    def start(self) -> None:
        """Begin."""

    def view(self) -> dict[str, Any]:
        """How far it is, as the API answers it."""

    async def stop(self) -> None:
        """Stop in order: the target has everything, and both sides are clean."""

    async def abandon(self) -> None:
        """Stop because the target goes away."""


@dataclass(kw_only=True, eq=False)
class DatabaseService(Service, Generic[SourceKind]):
    """A service with a server, its users and databases. Calls about those are refused (409) unless it runs.

    They raise 409 for what is there already, 404 for what is not, 400 for what cannot be. ``SourceKind`` is where
    a migration can come from.
    """

    server: Server
    superuser_password: str = field(repr=False)
    admin: str
    ready: bool = False
    """Whether the server has been prepared for the service's users."""
    starting: asyncio.Task[None] | None = None
    migration: Migration | None = None
    stopping: bool = False
    """Whether the migration is being stopped."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user, for reveal. A user is here once it exists in the server."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    """Held by each change of users and databases: of two passwords set at once, server and ``passwords`` would
    each keep another one, and the admin user's is what the next change logs in with."""

    @property
    def state(self) -> str:
        """State as the API names it."""
        if not self.ready:
            failed = self.starting is not None and self.starting.done()
            return "poweroff" if failed else "rebuilding"
        return "running" if self.server.running else "poweroff"

    @classmethod
    def launch(cls, order: Order[SourceKind], make: Callable[[Path, str], Server]) -> Self:
        """Begin to make a service; 503 where the machine has no room for one.

        :param make: makes its server in a folder, with that password of the superuser.
        """
        identifier, superuser_password = str(uuid.uuid4()), secrets.token_urlsafe(24)
        try:
            require_free_space(order.directory)
            server = make(order.directory / identifier, superuser_password)
        except (OSError, ServerError) as error:
            raise ApiError(503, str(error)) from error
        service = cls(
            name=order.name,
            type=order.type,
            plan=order.plan,
            settings=order.settings,
            id=identifier,
            server=server,
            superuser_password=superuser_password,
            admin=order.admin,
        )
        service.starting = asyncio.create_task(service._start(order))
        return service

    def start_migration(self, source: SourceKind, method: str | None, ignored: frozenset[str]) -> None:
        """Start a migration into the running service; refused while one is going on."""
        self.require_running()
        if self.migration is not None and (self.migration.active or self.stopping):
            raise ApiError(409, f"A migration of service {self.name} is already running; stop it first")
        self.migration = self.make_migration(source, method, ignored)
        self.migration.start()

    async def remove(self) -> None:
        """Stop the server and remove its data."""
        if self.starting is not None:
            # A start that broke off would leave a server that nobody stops.
            await asyncio.wait([self.starting])
        if self.migration is not None:
            await self.migration.abandon()
        await asyncio.to_thread(self.server.stop)
        await asyncio.to_thread(shutil.rmtree, self.server.directory, ignore_errors=True)

    def password(self, username: str) -> str:
        """A user's password."""
        if username not in self.passwords:
            raise self.no_user(username)
        return self.passwords[username]

    def no_user(self, username: str) -> ApiError:
        """What is answered about a user who does not exist."""
        return ApiError(404, f"User {username} does not exist for service {self.name}")

    def refuse_admin(self, username: str) -> None:
        """Raise 400 for the admin user: a service without it is nobody's."""
        if username == self.admin:
            raise ApiError(400, f"User {username} is the admin user of service {self.name} and cannot be deleted")

    def refuse_while_migrating(self, username: str) -> None:
        """Raise 409 for the password of the admin user while a migration logs in with it."""
        if username == self.admin and self.migration is not None and self.migration.active:
            raise ApiError(409, f"The migration of service {self.name} uses the password of {username}; stop it first")

    def refuse_default(self, dbname: str) -> None:
        """Raise 400 for the default database: the service's own addresses name it."""
        if dbname == DEFAULT_DATABASE:
            raise ApiError(400, f"Database {dbname} is the default of service {self.name} and cannot be deleted")

    @abstractmethod
    def make_migration(self, source: SourceKind, method: str | None, ignored: frozenset[str]) -> Migration:
        """A migration into the service, which is running."""

    @abstractmethod
    async def prepare(self, password: str) -> None:
        """Make the admin user and the default database in the server, which has just started."""

    @abstractmethod
    async def databases_and_users(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Databases and users that the server has now, without those that are the server's own.

        None at all while the service does not run, or cannot be asked.
        """

    @abstractmethod
    async def add_user(self, username: str, options: dict[str, Any]) -> None:
        """Make a user with a new password. ``options`` are the other fields of the request."""

    @abstractmethod
    async def drop_user(self, username: str) -> None:
        """Remove a user."""

    @abstractmethod
    async def set_password(self, username: str, options: dict[str, Any]) -> None:
        """Give a user the password of the request, or a new one."""

    @abstractmethod
    async def add_database(self, dbname: str, options: dict[str, Any]) -> None:
        """Make a database that belongs to the admin user."""

    @abstractmethod
    async def drop_database(self, dbname: str) -> None:
        """Remove a database, whoever is connected to it."""

    async def _start(self, order: Order[SourceKind]) -> None:
        begun = time.monotonic()
        try:
            await asyncio.to_thread(self.server.start)
            await self.prepare(order.password)
            await asyncio.sleep(max(0.0, begun + order.startup_seconds - time.monotonic()))
        except (ServerError, OSError) as error:
            logger.error("Service %r did not start: %s", self.name, error)  # noqa: TRY400  (the text says it all)
            return
        self.passwords[self.admin] = order.password
        self.ready = True
        self.updated_at = datetime.now(UTC)
        logger.info("Service %r runs", self.name)
        if order.source is not None:
            self.start_migration(*order.source)
