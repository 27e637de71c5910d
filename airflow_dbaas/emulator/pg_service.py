"""Services of type ``pg``: each a real server with an admin user, a default database and a plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg

from airflow_dbaas.emulator import pg_accounts
from airflow_dbaas.emulator.accounts import DEFAULT_DATABASE, DatabaseService
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.order import Order, Source, new_password
from airflow_dbaas.emulator.postgres import PostgresServer, ServerError, roles
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.postgres.migration import Migration
from airflow_dbaas.emulator.postgres.serverlog import ServerLog
from airflow_dbaas.emulator.postgres.target import Target

logger = logging.getLogger(__name__)

_SUPERUSER = "postgres"
_SELF_GRANT_SINCE = 16


@dataclass(kw_only=True, eq=False)
class PgService(DatabaseService[Endpoint]):
    """One service and its server."""

    server: PostgresServer
    _log: ServerLog = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._log = ServerLog(
            self.server.log, f"postgresql-{self.server.binaries.major}.service", self.passwords.values
        )

    @classmethod
    def of(cls, order: Order[Endpoint], binaries: PostgresBinaries) -> Self:
        """A service of this version that is not there yet."""
        return cls.build(
            order,
            lambda order: PostgresServer(
                binaries=binaries,
                directory=order.folder,
                superuser=_SUPERUSER,
                password=order.superuser_password,
                # The admin user becomes a member of the roles it makes, so that it may act for them.
                settings={"createrole_self_grant": "set, inherit"} if binaries.major >= _SELF_GRANT_SINCE else {},
                identity=order.authority.issue(["localhost", PostgresServer.host, "::1"]) if binaries.tls else None,
                port=order.port,
                durable=order.durable,
            ),
        )

    def record(self) -> dict[str, Any]:
        """As for any service with a server, with the version."""
        return super().record() | {"major": self.server.binaries.major}

    @classmethod
    def source_of_record(cls, record: dict[str, Any]) -> Source[Endpoint]:
        """The source that was recorded."""
        return Endpoint(**record["source"]), record["method"], frozenset(record["ignored"])

    @property
    def version(self) -> str:
        """Full version of the server."""
        return self.server.binaries.version

    @property
    def log(self) -> ServerLog:
        """The server's own log."""
        return self._log

    def target(self) -> Target:
        """The service as the target of a migration; refused while it is not running."""
        return Target(
            admin=self._admin(), superuser=self._superuser(), binaries=self.server.binaries, log=self.server.log
        )

    async def databases_and_users(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Databases and users that the server has now, without those that are the service's own."""
        if self.state != "running":
            return [], []
        superuser = self._superuser()
        try:
            return await pg_accounts.databases_and_users(superuser, self.admin)
        except psycopg.OperationalError as error:
            # It went away since, or has no connection to spare: no reason not to answer.
            logger.warning("Service %s cannot be queried: %s", self.name, superuser.words(error))
            return [], []

    def make_migration(self, source: Endpoint, method: str | None, ignored: frozenset[str]) -> Migration:
        """A migration into the service."""
        return Migration(
            source=source,
            target=self.target(),
            method=method,
            ignored=ignored,
            disk=self.plan.disk,
            learn_passwords=self.passwords.update,
            changed=self.order.changed,
        )

    async def prepare(self, password: str) -> None:
        """Make the admin role and the default database."""
        superuser = self._login(_SUPERUSER, self.superuser_password)
        try:
            await roles.create_admin(superuser, self.admin, password, [DEFAULT_DATABASE])
        except psycopg.Error as error:
            raise ServerError(superuser.words(error)) from error

    async def mend(self) -> None:
        """Give the admin user the password that is known here."""
        superuser = self._superuser()
        try:
            await pg_accounts.set_password(superuser, self.admin, self.passwords[self.admin])
        except psycopg.Error as error:
            raise ServerError(superuser.words(error)) from error

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
        self.refuse_while_migrating(username)
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

    def _superuser(self) -> Endpoint:
        self.require_running()
        return self._login(_SUPERUSER, self.superuser_password)

    def _admin(self) -> Endpoint:
        self.require_running()
        return self._login(self.admin, self.passwords[self.admin])

    def _login(self, user: str, password: str) -> Endpoint:
        return Endpoint(
            host=self.server.host,
            port=self.server.port,
            user=user,
            password=password,
            sslmode=self.server.sslmode,
        )
