"""An Airflow database connection becomes the source of a migration."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from airflow_dbaas import credentials
from airflow_dbaas._compat import Connection
from airflow_dbaas.api import bodies
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.logins import DatabaseLogin

URI_LENGTH = 512

_DEFAULT_PORT = 5432


@dataclass(frozen=True, kw_only=True)
class MigrationSource(DatabaseLogin):
    """A PostgreSQL server to migrate from.

    :param conn_id: the Airflow connection it was read from.
    """

    conn_id: str

    @classmethod
    def from_conn_id(cls, conn_id: str, *, parameter: str = "source_conn_id") -> MigrationSource:
        """Read an Airflow connection of type ``postgres``; its password is masked in logs from then on.

        TLS is demanded unless the connection's extra says ``"sslmode": "disable"``.

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
        if connection.conn_type not in {"postgres", "postgresql"}:
            raise DbaasConfigurationError(f"{where} must be of type postgres, is {connection.conn_type!r}")
        missing = [name for name in ("host", "login", "password") if not getattr(connection, name)]
        if missing:
            raise DbaasConfigurationError(f"{where} lacks {', '.join(missing)}")
        port = connection.port or _DEFAULT_PORT
        if not 1 <= port <= 65535:
            raise DbaasConfigurationError(f"{where}: port must be 1 to 65535, is {port}")
        for name, longest in (("host", 255), ("login", 255), ("password", 255), ("schema", 63)):
            if len(getattr(connection, name) or "") > longest:
                raise DbaasConfigurationError(f"{where}: {name} must have at most {longest} characters")
        credentials.mask(connection.password)
        source = cls(
            conn_id=connection.conn_id,
            host=str(connection.host),
            port=port,
            username=str(connection.login),
            password=str(connection.password),
            dbname=connection.schema or "postgres",
            sslmode=connection.extra_dejson.get("sslmode") or "require",
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
        return self.sslmode != "disable"

    def uri(self) -> str:
        """The source as the migration check takes it. Holds the password."""
        user, password = quote(self.username, safe=""), quote(self.password, safe="")
        sslmode = "require" if self.ssl else "disable"
        return f"postgres://{user}:{password}@{self.address}/{quote(self.dbname, safe='')}?sslmode={sslmode}"

    def settings(self, *, method: bodies.MigrationMethod | None, ignore_dbs: str | None) -> bodies.MigrationSettings:
        """The source as the ``migration`` property of a service. Holds the password."""
        settings: bodies.MigrationSettings = {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "dbname": self.dbname,
            "ssl": self.ssl,
        }
        if method:
            settings["method"] = method
        if ignore_dbs:
            settings["ignore_dbs"] = ignore_dbs
        return settings
