"""Where a PostgreSQL server is and how to log in to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from airflow_dbaas.emulator.sources import UnusableUri, without_password

_SCHEMES = ("postgres://", "postgresql://")
_CONNECT_SECONDS = 10
# Options of a source URI that are carried over; anything else (a service file, a client
# certificate) would make the emulator read files named by a request.
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_HOST = re.compile(r"[\w.:%-]+")
_OPTIONS = {"host", "port", "user", "password", "dbname", "sslmode"}


@dataclass(frozen=True)
class Endpoint:
    """Address and login of one server."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    dbname: str = "postgres"
    sslmode: str = "prefer"

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        """The endpoint a ``postgres://`` or ``postgresql://`` URI names."""
        if not uri.startswith(_SCHEMES):
            raise UnusableUri("Invalid source connection string: it must begin with postgres:// or postgresql://")
        try:
            options = conninfo_to_dict(uri)
        except psycopg.ProgrammingError:
            # The driver's text would quote a part of the URI, which may be a part of the password.
            raise UnusableUri(
                "Invalid source connection string: expected postgresql://user:password@host:port/database "
                "with special characters percent-encoded"
            ) from None
        unknown = sorted(options.keys() - _OPTIONS)
        if unknown:
            raise UnusableUri(
                f"Invalid source connection string: option {', '.join(unknown)} is not supported, only sslmode is"
            )
        missing = [name for name in ("host", "user", "password") if not options.get(name)]
        if missing:
            raise UnusableUri(f"Invalid source connection string: it has no {', '.join(missing)}")
        host, port = str(options["host"]), str(options.get("port") or 5432)
        # None of these is quoted: where a password is not percent-encoded, a part of it ends up there.
        if not _HOST.fullmatch(host) or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise UnusableUri(
                "Invalid source connection string: it must name one host and a port from 1 to 65535, "
                "and special characters of user and password must be percent-encoded"
            )
        sslmode = str(options.get("sslmode") or "prefer")
        if sslmode not in _SSLMODES:
            raise UnusableUri(f"Invalid source connection string: sslmode must be one of {', '.join(_SSLMODES)}")
        return cls(
            host=host,
            port=int(port),
            user=str(options["user"]),
            password=str(options["password"]),
            dbname=str(options.get("dbname") or "postgres"),
            sslmode=sslmode,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for telling whether two endpoints are one server."""
        host = self.host.lower().rstrip(".")
        return ("127.0.0.1" if host in {"localhost", "::1"} else host, self.port)

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """All of it but the password, for people."""
        return f"{self.place} (database '{self.dbname}', user '{self.user}', sslmode '{self.sslmode}')"

    def command_line(self, dbname: str) -> str:
        """Connection string without the password: anyone on the machine can read command lines."""
        return make_conninfo(
            host=self.host,
            port=self.port,
            user=self.user,
            dbname=dbname,
            sslmode=self.sslmode,
            connect_timeout=_CONNECT_SECONDS,
        )

    def conninfo(self, dbname: str) -> str:
        """Connection string with the password."""
        return make_conninfo(self.command_line(dbname), password=self.password)

    async def connect(self, dbname: str | None = None, seconds: int = _CONNECT_SECONDS) -> psycopg.AsyncConnection:
        """A connection in autocommit mode."""
        conninfo = make_conninfo(self.conninfo(dbname or self.dbname), connect_timeout=seconds)
        try:
            return await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
        except UnicodeError as error:
            # How Python's resolver says that no host can have such a name.
            raise psycopg.OperationalError(f"failed to resolve host '{self.host}': {error}") from error

    def words(self, error: BaseException | str) -> str:
        """The text of ``error`` on one line and without the password, whatever form it was written in."""
        return without_password(str(error), self.password)
