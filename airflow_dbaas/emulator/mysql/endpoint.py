"""Where a MySQL or MariaDB server is and how to log in to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Self, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql
from pymysql.constants import CR
from pymysql.cursors import DictCursor

from airflow_dbaas.emulator.sources import UnusableUri, without_password

_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_PASSWORD_BYTES = 32
_SSL_MODES = {"DISABLED": False, "REQUIRED": True}
_EXPECTED = "expected mysql://user:password@host:port/?ssl-mode=REQUIRED with special characters percent-encoded"
P = ParamSpec("P")
T = TypeVar("T")
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class MysqlEndpoint:
    """Address and login of one server. A database is never part of it: a migration carries them all."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool | None = None
    """True: only with TLS; False: without; None: with TLS where the server has it."""

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """The endpoint a ``mysql://`` URI names. Its database is left aside, as the service does.

        Raises ``UnusableUri``, whose text never quotes the URI: a part of it may be a part of the password.
        """
        if not uri.startswith("mysql://"):
            raise UnusableUri("Invalid source connection string: it must begin with mysql://")
        try:
            parts = urlsplit(uri)
            port = parts.port
            options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            user, password = (unquote(each or "", errors="strict") for each in (parts.username, parts.password))
        except ValueError:
            raise UnusableUri(f"Invalid source connection string: {_EXPECTED}") from None
        unknown = sorted({name for name, _ in options} - {"ssl-mode"})
        if unknown:
            raise UnusableUri(
                f"Invalid source connection string: option {', '.join(unknown)} is not supported, only ssl-mode is"
            )
        modes = {value for _, value in options}
        if len(modes) > 1 or not modes <= _SSL_MODES.keys():
            raise UnusableUri("Invalid source connection string: ssl-mode must be DISABLED or REQUIRED")
        found = {"host": parts.hostname, "port": port, "user": user, "password": password}
        missing = [name for name, value in found.items() if not value]
        if missing or parts.hostname is None or port is None:
            raise UnusableUri(f"Invalid source connection string: it has no {', '.join(missing)}; {_EXPECTED}")
        tls = _SSL_MODES[modes.pop()] if modes else None
        return cls(host=parts.hostname, port=port, user=user, password=password, tls=tls)

    @classmethod
    def from_settings(cls, migration: Mapping[str, Any]) -> Self:
        """The endpoint that a request's ``migration`` names."""
        return cls(
            host=migration["host"],
            port=migration["port"],
            user=migration.get("username", "root"),
            password=migration.get("password", ""),
            tls=True if migration.get("ssl") else None,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for telling whether two endpoints are one server."""
        return ("127.0.0.1" if self.host in {"localhost", "::1"} else self.host.lower(), self.port)

    @property
    def password_obstacle(self) -> str | None:
        """Why no migration can log in with this password; None if one can."""
        size = len(self.password.encode())
        if size <= _PASSWORD_BYTES:
            return None
        return (
            f"Password of user '{self.user}' of the source is too long: it has {size} bytes, "
            f"a replica can log in with at most {_PASSWORD_BYTES}"
        )

    def connect(self, dbname: str | None = None) -> pymysql.Connection[Any]:
        """A connection in autocommit mode; blocking."""
        context = None
        if self.tls:
            # The API has no field for the certificate of an authority, so there is nothing to verify with.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            return self._connect(dbname, context)
        except UnicodeError as error:
            # How Python's resolver says that no host can have such a name.
            raise pymysql.OperationalError(CR.CR_CONN_HOST_ERROR, f"failed to resolve '{self.host}'") from error

    def _connect(self, dbname: str | None, context: ssl.SSLContext | None) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            # The driver would encode text as Latin-1.
            password=self.password.encode(),
            database=dbname,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            ssl=context,
            ssl_disabled=self.tls is False,
        )

    async def query(self, statement: str, arguments: tuple[Any, ...] = (), dbname: str | None = None) -> Rows:
        """Rows of one statement, over a separate connection.

        :param arguments: values for each ``%s``; without arguments, ``%`` has no special meaning.
        """
        return await _to_the_end(self._query, statement, arguments, dbname)

    async def execute(self, *statements: str) -> None:
        """Run statements one after the other over one connection."""
        await _to_the_end(self._execute, statements)

    async def record(self, statement: str) -> dict[str, Any]:
        """The first row of a statement that names its columns itself; empty if there is none."""
        return await _to_the_end(self._record, statement)

    def words(self, error: BaseException | str) -> str:
        """The text of ``error`` on one line and without the password, whatever form it was written in."""
        if isinstance(error, pymysql.Error) and len(error.args) > 1:
            number, text = error.args[:2]
            return without_password(f"{text} ({number})", self.password)
        return without_password(str(error), self.password)

    def _query(self, statement: str, arguments: tuple[Any, ...], dbname: str | None) -> Rows:
        with self.connect(dbname) as connection, connection.cursor() as cursor:
            cursor.execute(statement, arguments or None)
            return list(cursor.fetchall())

    def _record(self, statement: str) -> dict[str, Any]:
        with self.connect() as connection, connection.cursor(DictCursor) as cursor:
            cursor.execute(statement)
            return cursor.fetchone() or {}

    def _execute(self, statements: tuple[str, ...]) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


async def _to_the_end(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """The result of ``work`` in a thread. If cancelled, this waits for the thread, so that no statement is still
    running."""
    working = asyncio.create_task(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        # Retrieved, or asyncio would report an exception that was never retrieved.
        working.exception()
        raise


def identifier(name: str) -> str:
    """``name`` quoted for a statement."""
    return f"`{name.replace('`', '``')}`"


def unreachable(error: pymysql.Error) -> bool:
    """Whether ``error`` means that the server is not there, or went away."""
    return bool(error.args) and error.args[0] in {
        CR.CR_CONN_HOST_ERROR,
        CR.CR_CONNECTION_ERROR,
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_SERVER_LOST,
    }
