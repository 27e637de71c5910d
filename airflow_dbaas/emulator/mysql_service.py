"""Services of type ``mysql``: each a real MariaDB server with an admin user, a default database and a plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Self

import pymysql

from airflow_dbaas.emulator.accounts import DEFAULT_DATABASE, DatabaseService
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.mysql import accounts
from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint
from airflow_dbaas.emulator.mysql.migration import MysqlMigration
from airflow_dbaas.emulator.mysql.server import MysqlServer
from airflow_dbaas.emulator.mysql.serverlog import UNIT, ServerLog
from airflow_dbaas.emulator.mysql.target import MysqlTarget
from airflow_dbaas.emulator.order import Order, Source, new_password
from airflow_dbaas.emulator.servers.server import ServerError

logger = logging.getLogger(__name__)

_DEFAULT_AUTHENTICATION = "caching_sha2_password"
# As MySQL 8 has it. Not among the server's settings: a replica that is started again must not run events.
_SCHEDULE = "SET GLOBAL event_scheduler = ON"


@dataclass(kw_only=True, eq=False)
class MysqlService(DatabaseService[MysqlEndpoint]):
    """One service and its server."""

    server: MysqlServer
    authentication: dict[str, str] = field(default_factory=dict, init=False)
    """Authentication plugin that requests named, by user. It is only shown: MariaDB has but one of the API's two."""
    _log: ServerLog = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._log = ServerLog(self.server.log, UNIT, self.passwords.values)

    @classmethod
    def of(cls, order: Order[MysqlEndpoint], binaries: MysqlBinaries) -> Self:
        """A service that is not there yet; 400 for an admin user that would be the server's own."""
        if order.admin in accounts.OWN_USERS:
            raise ApiError(400, f"admin-username: '{order.admin}' is one of the server's own users")
        return cls.build(
            order,
            lambda order: MysqlServer(
                binaries=binaries,
                directory=order.folder,
                superuser=accounts.SUPERUSER,
                password=order.superuser_password,
                identity=order.authority.issue(["localhost", MysqlServer.host, "::1"]),
                port=order.port,
                durable=order.durable,
            ),
        )

    def record(self) -> dict[str, Any]:
        """Like any service with a server, with properties that are only shown."""
        return super().record() | {"authentication": self.authentication}

    @classmethod
    def source_of_record(cls, record: dict[str, Any]) -> Source[MysqlEndpoint]:
        """The source that was recorded."""
        return MysqlEndpoint(**record["source"]), record["method"], frozenset(record["ignored"])

    @property
    def version(self) -> str:
        """Full version of the server, which says that it is MariaDB."""
        return self.server.binaries.version

    @property
    def log(self) -> ServerLog:
        """The server's own log."""
        return self._log

    def target(self) -> MysqlTarget:
        """The service as the target of a migration; refused while it is not running."""
        self.require_running()
        return MysqlTarget(
            admin=self._login(self.admin, self.passwords[self.admin]),
            superuser=self._superuser(),
            binaries=self.server.binaries,
            disk=self.plan.disk,
        )

    async def databases_and_users(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Databases and users that the server has now, without those that are the server's own."""
        if self.state != "running":
            return [], []
        superuser = self._superuser()
        try:
            databases, users = await accounts.databases(superuser), await accounts.users(superuser)
        except pymysql.Error as error:
            # It went away since, or has no connection to spare: no reason not to answer.
            logger.warning("Service %s cannot be queried: %s", self.name, superuser.words(error))
            return [], []
        return databases, [
            {
                "username": username,
                "type": "primary" if username == self.admin else "normal",
                "authentication": self.authentication.get(username, _DEFAULT_AUTHENTICATION),
            }
            for username in users
        ]

    def make_migration(self, source: MysqlEndpoint, method: str | None, ignored: frozenset[str]) -> MysqlMigration:
        """A migration into the service."""
        return MysqlMigration(
            source=source, target=self.target(), method=method, ignored=ignored, changed=self.order.changed
        )

    async def prepare(self, password: str) -> None:
        """Make the admin user and the default database."""
        superuser = self._login(accounts.SUPERUSER, self.superuser_password)
        try:
            await accounts.create_user(superuser, self.admin, password, admin=True)
            await accounts.create_database(superuser, DEFAULT_DATABASE)
            await superuser.execute(_SCHEDULE)
        except pymysql.Error as error:
            raise ServerError(superuser.words(error)) from error

    async def mend(self) -> None:
        """Give the admin user the password that is known here, and run events, unless they rest for a replication."""
        superuser = self._superuser()
        try:
            await accounts.set_password(superuser, self.admin, self.passwords[self.admin])
            if not (self.interrupted and self.interrupted["replication"]):
                await superuser.execute(_SCHEDULE)
        except pymysql.Error as error:
            raise ServerError(superuser.words(error)) from error

    async def add_user(self, username: str, options: dict[str, Any]) -> None:
        """Create a user with all privileges in the databases."""
        password = new_password()
        superuser = self._superuser()
        with accounts.refusals(superuser, self.name):
            if username in await accounts.users(superuser):
                raise ApiError(409, f"User {username} already exists for service {self.name}")
            await accounts.create_user(superuser, username, password)
        self._note(username, password, options)

    async def drop_user(self, username: str) -> None:
        """Remove a user."""
        self.refuse_admin(username)
        superuser = self._superuser()
        with accounts.refusals(superuser, self.name):
            if not await accounts.drop_user(superuser, username):
                raise self.no_user(username)
        self.passwords.pop(username, None)
        self.authentication.pop(username, None)

    async def set_password(self, username: str, options: dict[str, Any]) -> None:
        """Change a user's password; the admin user's not while a migration logs in with it."""
        self.refuse_while_migrating(username)
        password = options.get("password") or new_password()
        superuser = self._superuser()
        with accounts.refusals(superuser, self.name):
            if not await accounts.set_password(superuser, username, password):
                raise self.no_user(username)
        self._note(username, password, options)

    async def add_database(self, dbname: str, options: dict[str, Any]) -> None:  # noqa: ARG002
        """Make a database."""
        superuser = self._superuser()
        with accounts.refusals(superuser, self.name):
            if dbname in accounts.OWN_DATABASES.union(await accounts.databases(superuser)):
                raise ApiError(409, f"Database {dbname} already exists for service {self.name}")
            await accounts.create_database(superuser, dbname)

    async def drop_database(self, dbname: str) -> None:
        """Remove a database; 409 while a statement in another database uses it."""
        self.refuse_default(dbname)
        superuser = self._superuser()
        with accounts.refusals(superuser, self.name):
            if not await accounts.drop_database(superuser, dbname):
                raise ApiError(404, f"Database {dbname} does not exist for service {self.name}")

    def _note(self, username: str, password: str, options: dict[str, Any]) -> None:
        self.passwords[username] = password
        if "authentication" in options:
            self.authentication[username] = options["authentication"]

    def _superuser(self) -> MysqlEndpoint:
        self.require_running()
        return self._login(accounts.SUPERUSER, self.superuser_password)

    def _login(self, user: str, password: str) -> MysqlEndpoint:
        return MysqlEndpoint(host=self.server.host, port=self.server.port, user=user, password=password, tls=True)
