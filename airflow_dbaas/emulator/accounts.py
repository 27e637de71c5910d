"""Services with a server, users and databases: the parts that are common to all engines."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, Self

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.order import Order, Source, SourceKind, source_record
from airflow_dbaas.emulator.servers.server import Server, ServerError
from airflow_dbaas.emulator.services import Service, require_free_space

logger = logging.getLogger(__name__)

DEFAULT_DATABASE = "defaultdb"


STOP = "stop"
"""Kind of the operation that stops a migration."""


class Migration(Protocol):
    """A migration into a service of any engine."""

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

    async def suspend(self) -> None:
        """Stop working on it, and leave everything for a later emulator to continue."""

    def record(self) -> dict[str, Any]:
        """All there is to know of it, where it comes from included."""

    def resume(self, record: dict[str, Any]) -> None:
        """Continue from the recorded state, instead of ``start``."""


@dataclass(kw_only=True, eq=False)
class DatabaseService(Service, Generic[SourceKind]):
    """A service with a server, its users and databases. Calls about those are refused (409) unless it runs.

    They raise 409 for what already exists, 404 for what does not exist, 400 for what is invalid. ``SourceKind`` is the
    type of source of a migration.
    """

    order: Order[SourceKind]
    server: Server
    ready: bool = False
    """Whether the server has been prepared for the service's users."""
    failed: bool = False
    """Whether that went wrong."""
    starting: asyncio.Task[None] | None = None
    migration: Migration | None = None
    interrupted: dict[str, Any] | None = field(default=None, repr=False)
    """Record of a migration that has not been taken up again: the server does not run."""
    stopping: bool = False
    """Whether the migration is being stopped."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user, for reveal. A user is here once it exists in the server."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    """Held by each change of users and databases. Otherwise, if two passwords are set at the same time, server and
    ``passwords`` could keep different ones, and the next change logs in with the admin user's password."""

    @property
    def state(self) -> str:
        """State as the API names it."""
        if not self.ready:
            return "poweroff" if self.failed else "rebuilding"
        return "running" if self.server.running else "poweroff"

    @property
    def admin(self) -> str:
        """Name of the admin user."""
        return self.order.admin

    @property
    def superuser_password(self) -> str:
        """Password of the server's own first user."""
        return self.order.superuser_password

    @classmethod
    def build(cls, order: Order[SourceKind], make: Callable[[Order[SourceKind]], Server]) -> Self:
        """A new service; 503 if the machine lacks disk space for its server.

        :param make: makes its server.
        """
        try:
            require_free_space(order.directory)
            server = make(order)
        except (OSError, ServerError) as error:
            raise ApiError(503, str(error)) from error
        return cls(
            name=order.name,
            type=order.type,
            plan=order.plan,
            settings=order.settings,
            id=order.id,
            server=server,
            order=order,
        )

    def launch(self) -> None:
        """Begin to make it."""
        self.starting = asyncio.create_task(self._start())

    def record(self) -> dict[str, Any]:
        """Its complete state, except what its server stores."""
        migration = self.interrupted if self.migration is None else self.migration.record()
        source = None if self.ready or self.order.source is None else source_record(*self.order.source)
        return super().record() | {
            "admin": self.admin,
            "password": self.order.password,
            "superuser_password": self.superuser_password,
            "source": source,
            "port": self.server.port if self.ready else None,
            "ready": self.ready,
            "failed": self.failed,
            "passwords": self.passwords,
            "migration": migration,
        }

    def start_migration(self, source: SourceKind, method: str | None, ignored: frozenset[str]) -> None:
        """Start a migration into the running service; refused while one is going on."""
        self.require_running()
        if self.migration is not None and (self.migration.active or self.stopping):
            raise ApiError(409, f"A migration of service {self.name} is already running; stop it first")
        self.migration = self.make_migration(source, method, ignored)
        self.migration.start()

    async def end_migration(self) -> None:
        """Stop the migration cleanly; no effect if there is none."""
        migration = self.migration
        if migration is None:
            return
        try:
            await migration.stop()
        except asyncio.CancelledError:
            # The emulator ends. Its next start must find this state unchanged.
            raise
        except Exception:
            self._stopped(migration)
            raise
        self._stopped(migration)

    async def remove(self) -> None:
        """Stop the server and remove its data."""
        await self._until_started()
        if self.migration is not None:
            await self.migration.abandon()
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self.server.directory, ignore_errors=True)

    async def revive(self) -> None:
        """Start the server with its data, or make the service if that was not done."""
        if self.failed:
            return
        if not self.ready:
            self.launch()
            return
        try:
            await asyncio.to_thread(self.server.restart)
            await self.mend()
        except (ApiError, ServerError, OSError) as error:
            logger.error("Service %r did not start: %s", self.name, error)  # noqa: TRY400  (the text says it all)

    async def resume(self) -> None:
        """Go on with the migration that was recorded."""
        if self.interrupted is None or self.state != "running":
            return
        record, self.interrupted = self.interrupted, None
        self.migration = self.make_migration(*self.source_of_record(record))
        self.migration.resume(record)

    async def pause(self) -> None:
        """Stop working on the migration, and leave it unchanged."""
        await self._until_started()
        if self.migration is not None:
            await self.migration.suspend()

    async def stop(self) -> None:
        """Stop the server."""
        await asyncio.to_thread(self.server.stop)

    def password(self, username: str) -> str:
        """A user's password."""
        if username not in self.passwords:
            raise self.no_user(username)
        return self.passwords[username]

    def no_user(self, username: str) -> ApiError:
        """The error for a user who does not exist."""
        return ApiError(404, f"User {username} does not exist for service {self.name}")

    def refuse_admin(self, username: str) -> None:
        """Raise 400 for the admin user, which every service needs."""
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

    @classmethod
    @abstractmethod
    def source_of_record(cls, record: dict[str, Any]) -> Source[SourceKind]:
        """The source that ``source_record`` recorded."""

    @abstractmethod
    def make_migration(self, source: SourceKind, method: str | None, ignored: frozenset[str]) -> Migration:
        """A migration into the service, which is running."""

    @abstractmethod
    async def prepare(self, password: str) -> None:
        """Make the admin user and the default database in the server, which has just started."""

    @abstractmethod
    async def mend(self) -> None:
        """Bring the restarted server in line with the state known here.

        Between the two a change may have broken off. Raises ``ServerError``.
        """

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
        """Remove a database, even with open connections."""

    async def _start(self) -> None:
        begun, order = time.monotonic(), self.order
        try:
            # The effects of an interrupted start are unknown.
            await asyncio.to_thread(self.server.start, anew=True)
            await self.prepare(order.password)
            await asyncio.sleep(max(0.0, begun + order.startup_seconds - time.monotonic()))
            self.passwords[self.admin] = order.password
            self.ready = True
            self.updated_at = datetime.now(UTC)
            logger.info("Service %r runs", self.name)
            if order.source is not None:
                self.start_migration(*order.source)
        except (ServerError, OSError) as error:
            logger.error("Service %r did not start: %s", self.name, error)  # noqa: TRY400  (the text says it all)
        finally:
            self.failed = not self.ready
            order.changed()

    async def _until_started(self) -> None:
        if self.starting is not None:
            # An interrupted start would leave a running server.
            await asyncio.wait([self.starting])

    def _stopped(self, migration: Migration) -> None:
        self.stopping = False
        if not migration.active:
            self.migration = None
