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
from typing import Any, Self

import psycopg

from airflow_dbaas.emulator import pg_accounts
from airflow_dbaas.emulator.accounts import DEFAULT_DATABASE, DatabaseService, new_password
from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.migration_state import Target
from airflow_dbaas.emulator.migrations import Migration
from airflow_dbaas.emulator.plans import Plan
from airflow_dbaas.emulator.postgres import PostgresServer, ServerError, roles
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.postgres.serverlog import ServerLog
from airflow_dbaas.emulator.service_types import ServiceType
from airflow_dbaas.emulator.services import require_free_space

logger = logging.getLogger(__name__)

_SUPERUSER = "postgres"
_SELF_GRANT_SINCE = 16

Source = tuple[Endpoint, str | None, frozenset[str]]
"""Where a migration comes from, its method, and databases it leaves out."""


@dataclass(kw_only=True, eq=False)
class PgService(DatabaseService):
    """One service and its server."""

    server: PostgresServer
    ready: bool = False
    migration: Migration | None = None
    stopping: bool = False
    """Whether the migration is being stopped."""
    starting: asyncio.Task[None] | None = None
    superuser: Endpoint | None = None
    _log: ServerLog = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._log = ServerLog(
            self.server.log, f"postgresql-{self.server.binaries.major}.service", self.passwords.values
        )

    @classmethod
    def launch(
        cls,
        *,
        name: str,
        kind: ServiceType,
        plan: Plan,
        settings: dict[str, Any],
        binaries: PostgresBinaries,
        directory: Path,
        startup_seconds: float,
        authority: Authority,
        admin: str,
        password: str,
        source: Source | None,
    ) -> Self:
        """Begin to make a service in a folder below ``directory``; a migration from ``source`` starts when it runs."""
        try:
            require_free_space(directory)
        except OSError as error:
            raise ApiError(503, str(error)) from error
        identifier = str(uuid.uuid4())
        superuser_password = secrets.token_urlsafe(24)
        server = PostgresServer(
            binaries=binaries,
            directory=directory / identifier,
            superuser=_SUPERUSER,
            password=superuser_password,
            # The admin user becomes a member of the roles it makes, so that it may act for them.
            settings={"createrole_self_grant": "set, inherit"} if binaries.major >= _SELF_GRANT_SINCE else {},
            identity=authority.issue(["localhost", PostgresServer.host, "::1"]) if binaries.tls else None,
        )
        service = cls(
            name=name, type=kind, plan=plan, settings=settings, id=identifier, server=server, admin=admin, passwords={}
        )
        service.starting = asyncio.create_task(service._start(startup_seconds, superuser_password, password, source))
        return service

    @property
    def state(self) -> str:
        """State as the API names it."""
        if not self.ready:
            failed = self.starting is not None and self.starting.done()
            return "poweroff" if failed else "rebuilding"
        return "running" if self.server.running else "poweroff"

    @property
    def version(self) -> str:
        """Full version of the server."""
        return self.server.binaries.version

    @property
    def log(self) -> ServerLog:
        """The server's own log."""
        return self._log

    def target(self) -> Target:
        """The service as what a migration moves into; refused while it is not running."""
        return Target(
            admin=self._admin(), superuser=self._superuser(), binaries=self.server.binaries, log=self.server.log
        )

    async def databases_and_users(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Databases and users that the server has now, without those that are the service's own."""
        if self.state != "running" or self.superuser is None:
            return [], []
        try:
            return await pg_accounts.databases_and_users(self.superuser, self.admin)
        except psycopg.OperationalError as error:
            # It went away since, or has no connection to spare: no reason not to answer.
            logger.warning("Service %s cannot be asked: %s", self.name, self.superuser.words(error))
            return [], []

    def start_migration(self, source: Endpoint, method: str | None, ignored: frozenset[str]) -> None:
        """Start a migration into the running service; refused while one is going on."""
        target = self.target()
        if self.migration is not None and (self.migration.active or self.stopping):
            raise ApiError(409, f"A migration of service {self.name} is already running; stop it first")
        self.migration = Migration(
            source=source,
            target=target,
            method=method,
            ignored=ignored,
            disk=self.plan.disk,
            learn_passwords=self.passwords.update,
        )
        self.migration.start()

    async def add_user(self, username: str, options: dict[str, Any]) -> None:
        """Make a role that logs in; the admin user is a member of it."""
        password = new_password()
        with pg_accounts.refusals(self._superuser(), self.name):
            await pg_accounts.create_user(
                self._admin(), username, password, replication=options.get("allow-replication", False)
            )
        self.passwords[username] = password

    async def drop_user(self, username: str) -> None:
        """Remove a role; 400 while it owns something."""
        self.refuse_admin(username)
        with pg_accounts.refusals(self._superuser(), self.name):
            if not await pg_accounts.drop_user(self._superuser(), username):
                raise self.no_user(username)
        self.passwords.pop(username, None)

    async def set_password(self, username: str, options: dict[str, Any]) -> None:
        """Change a role's password; the admin user's not while a migration logs in with it."""
        if username == self.admin and self.migration is not None and self.migration.active:
            raise ApiError(409, f"The migration of service {self.name} uses the password of {username}; stop it first")
        password = options.get("password") or new_password()
        with pg_accounts.refusals(self._superuser(), self.name):
            if not await pg_accounts.set_password(self._superuser(), username, password):
                raise self.no_user(username)
        self.passwords[username] = password

    async def add_database(self, dbname: str, options: dict[str, Any]) -> None:
        """Make a database; its locale is the server's own unless the request names one."""
        with pg_accounts.refusals(self._superuser(), self.name):
            await pg_accounts.create_database(self._admin(), dbname, options.get("lc-collate"), options.get("lc-ctype"))

    async def drop_database(self, dbname: str) -> None:
        """Remove a database; 409 while something of the server's own, a replication say, uses it."""
        self.refuse_default(dbname)
        with pg_accounts.refusals(self._superuser(), self.name):
            if not await pg_accounts.drop_database(self._superuser(), dbname):
                raise ApiError(404, f"Database {dbname} does not exist for service {self.name}")

    async def remove(self) -> None:
        """Stop the server and remove its data."""
        if self.starting is not None:
            # A start that broke off would leave a server that nobody stops.
            await asyncio.wait([self.starting])
        if self.migration is not None:
            await self.migration.abandon()
        await asyncio.to_thread(self.server.stop)
        await asyncio.to_thread(shutil.rmtree, self.server.directory, ignore_errors=True)

    def _superuser(self) -> Endpoint:
        self.require_running()
        assert self.superuser is not None  # noqa: S101  (a service that runs has one)
        return self.superuser

    def _admin(self) -> Endpoint:
        self.require_running()
        return Endpoint(
            host=self.server.host,
            port=self.server.port,
            user=self.admin,
            password=self.passwords[self.admin],
            dbname=_SUPERUSER,
            sslmode=self.server.sslmode,
        )

    async def _start(
        self, startup_seconds: float, superuser_password: str, password: str, source: Source | None
    ) -> None:
        begun = time.monotonic()
        try:
            await asyncio.to_thread(self.server.start)
            superuser = Endpoint(
                host=self.server.host,
                port=self.server.port,
                user=_SUPERUSER,
                password=superuser_password,
                sslmode=self.server.sslmode,
            )
            await roles.create_admin(superuser, self.admin, password, [DEFAULT_DATABASE])
            await asyncio.sleep(max(0.0, begun + startup_seconds - time.monotonic()))
        except (ServerError, psycopg.Error, OSError) as error:
            logger.error("Service %r did not start: %s", self.name, error)  # noqa: TRY400  (the text says it all)
            return
        self.superuser = superuser
        self.passwords[self.admin] = password
        self.ready = True
        self.updated_at = datetime.now(UTC)
        logger.info("Service %r runs", self.name)
        if source is not None:
            self.start_migration(*source)
