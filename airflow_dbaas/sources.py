"""An Airflow database connection becomes the source of a migration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_dbaas import credentials
from airflow_dbaas._compat import Connection
from airflow_dbaas.api.calls import shown
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.engines import ENGINES, Engine
from airflow_dbaas.logins import DatabaseLogin

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationMethod, MigrationSettings

URI_LENGTH = 512


@dataclass(frozen=True, kw_only=True)
class MigrationSource(DatabaseLogin):
    """A PostgreSQL or MySQL server to migrate from.

    :param conn_id: the Airflow connection it was read from.
    """

    conn_id: str

    @classmethod
    def from_conn_id(cls, conn_id: str, *, parameter: str = "source_conn_id") -> MigrationSource:
        """Read an Airflow connection of type ``postgres`` or ``mysql``; its password is masked in logs from then on.

        TLS is demanded unless the connection's extra says ``"sslmode": "disable"`` (PostgreSQL) or
        ``"ssl_mode": "DISABLED"`` (MySQL).

        :param conn_id: id of the connection.
        :param parameter: the operator's parameter, for error texts.
        :raises DbaasConfigurationError: if the connection is missing, of another type, lacks host, login or
            password, or does not fit into the API's limits.
        """
        connection = credentials.get_connection(conn_id, parameter=parameter)
        return cls.from_connection(connection, parameter=parameter)

    @classmethod
    def from_connection(cls, connection: Connection, *, parameter: str = "source_conn_id") -> MigrationSource:
        """Like ``from_conn_id``, from a connection at hand."""
        where = f"{parameter}: connection {connection.conn_id!r}"
        engine = _engine(connection, where)
        missing = [name for name in ("host", "login", "password") if not getattr(connection, name)]
        if missing:
            raise DbaasConfigurationError(f"{where} lacks {', '.join(missing)}")
        port = connection.port or engine.port
        if not 1 <= port <= 65535:
            raise DbaasConfigurationError(f"{where}: port must be 1 to 65535, is {port}")
        for name, longest in (("host", 255), ("login", 255), ("password", 255), ("schema", 63)):
            length = len(getattr(connection, name) or "")
            if length > longest:
                raise DbaasConfigurationError(f"{where}: {name} must have at most {longest} characters, has {length}")
        if engine.password_bytes and len(str(connection.password).encode()) > engine.password_bytes:
            raise DbaasConfigurationError(
                f"{where}: for a migration from {engine.name} the password must have at most "
                f"{engine.password_bytes} bytes, has {len(str(connection.password).encode())}"
            )
        if re.search(r"[\s/\\@,?#]", str(connection.host)):
            # A list of hosts, a socket or a URL: the service takes one name or address.
            raise DbaasConfigurationError(
                f"{where}: host must be a name or an address, e.g. db.example.com, is {shown(connection.host)}"
            )
        credentials.mask(connection.password)
        source = cls(
            engine=engine,
            conn_id=connection.conn_id,
            host=str(connection.host),
            port=port,
            username=str(connection.login),
            password=str(connection.password),
            dbname=connection.schema or engine.dbname,
            sslmode=_tls_mode(connection, engine, where),
        )
        if len(source.uri()) > URI_LENGTH:
            raise DbaasConfigurationError(
                f"{where}: written as a URI it must have at most {URI_LENGTH} characters, has {len(source.uri())}"
            )
        credentials.mask(source.uri())
        return source

    @property
    def ssl(self) -> bool:
        """Whether TLS is demanded of the source."""
        return self.sslmode != self.engine.tls_modes[0]

    def uri(self) -> str:
        """The source as the migration check takes it. Holds the password."""
        user, password = quote(self.username, safe=""), quote(self.password, safe="")
        tls = self.engine.tls_demanded if self.ssl else self.engine.tls_modes[0]
        dbname = quote(self.dbname, safe="")
        return f"{self.engine.scheme}://{user}:{password}@{self.address}/{dbname}?{self.engine.tls_option}={tls}"

    def settings(self, *, method: MigrationMethod | None, ignore_dbs: str | None) -> MigrationSettings:
        """The source as the ``migration`` property of a service. Holds the password."""
        settings: MigrationSettings = {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "ssl": self.ssl,
        }
        if self.dbname:
            settings["dbname"] = self.dbname
        if method:
            settings["method"] = method
        if ignore_dbs:
            settings["ignore_dbs"] = ignore_dbs
        return settings


def _engine(connection: Connection, where: str) -> Engine:
    """What kind of server a connection leads to."""
    for engine in ENGINES:
        if connection.conn_type in engine.conn_types:
            return engine
    usual = " or ".join(engine.conn_types[0] for engine in ENGINES)
    raise DbaasConfigurationError(f"{where} must be of type {usual}, is {connection.conn_type!r}")


def _tls_mode(connection: Connection, engine: Engine, where: str) -> str:
    given = credentials.extra_of(connection, where).get(engine.tls_extra) or engine.tls_demanded
    for mode in engine.tls_modes:
        if str(given).lower() == mode.lower():
            return mode
    raise DbaasConfigurationError(
        f"{where}: {engine.tls_extra} in its extra must be one of {', '.join(engine.tls_modes)}, is {shown(given)}"
    )
