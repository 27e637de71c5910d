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
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.credentials import ConnectionData, Extra
from airflow_dbaas.migration.engines import ENGINES, Engine
from airflow_dbaas.migration.login import DatabaseLogin

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationSettings
    from airflow_dbaas.api.parameters import Method

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

        TLS is required unless the connection's extra says ``"sslmode": "disable"`` (PostgreSQL) or ``"ssl_mode":
        "DISABLED"`` (MySQL). An extra that looks like a TLS setting but has no effect is refused.

        :param conn_id: id of the connection.
        :param parameter: the operator's parameter, for error texts.
        :raises DbaasConfigurationError: if the connection is missing, of another type, lacks host, login or
            password, does not fit into the API's limits, or says how to use TLS in a way that is not understood.
        """
        connection = credentials.get_connection(conn_id, parameter=parameter)
        return cls.from_connection(connection, parameter=parameter)

    @classmethod
    def from_connection(
        cls, connection: Connection | ConnectionData, *, parameter: str = "source_conn_id"
    ) -> MigrationSource:
        """Like ``from_conn_id``, from a given connection."""
        connection = ConnectionData.of(connection)
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
        password = connection.password or Secret("")
        size = len(password.reveal().encode())
        if engine.password_bytes and size > engine.password_bytes:
            raise DbaasConfigurationError(
                f"{where}: for a migration from {engine.name} the password must have at most "
                f"{engine.password_bytes} bytes, has {size}"
            )
        if re.search(r"[\s/\\@,?#]", str(connection.host)):
            # A list of hosts, a socket or a URL: the service takes one name or address.
            raise DbaasConfigurationError(
                f"{where}: host must be a name or an address, e.g. db.example.com, is {shown(connection.host)}"
            )
        credentials.mask(password)
        sslmode, tls_files = _tls(connection, engine, where)
        source = cls(
            engine=engine,
            conn_id=connection.conn_id,
            host=str(connection.host),
            port=port,
            username=str(connection.login),
            password=password,
            dbname=connection.schema or engine.dbname,
            sslmode=sslmode,
            tls_files=tls_files,
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

    def uri(self) -> Secret:
        """The source as the migration check takes it."""
        user, password = quote(self.username, safe=""), quote(self.password.reveal(), safe="")
        tls = self.engine.tls_demanded if self.ssl else self.engine.tls_modes[0]
        dbname = quote(self.dbname, safe="")
        scheme, option = self.engine.scheme, self.engine.tls_option
        return Secret(f"{scheme}://{user}:{password}@{self.address}/{dbname}?{option}={tls}")

    def settings(self, *, method: Method, ignore_dbs: str | None) -> MigrationSettings:
        """The source as the ``migration`` property of a service."""
        from airflow_dbaas.api.migrations import migration_options

        settings: MigrationSettings = {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "ssl": self.ssl,
        }
        if self.dbname:
            settings["dbname"] = self.dbname
        settings.update(migration_options(method, ignore_dbs))  # type: ignore[typeddict-item]  # a part of them
        return settings


def _engine(connection: ConnectionData, where: str) -> Engine:
    """What kind of server a connection leads to."""
    for engine in ENGINES:
        if connection.conn_type in engine.conn_types:
            return engine
    usual = " or ".join(engine.conn_types[0] for engine in ENGINES)
    raise DbaasConfigurationError(f"{where} must be of type {usual}, is {connection.conn_type!r}")


def _tls(connection: ConnectionData, engine: Engine, where: str) -> tuple[str, dict[str, str]]:
    """How TLS is used, and the worker's files for it, by libpq's names."""
    extra = credentials.extra_of(connection, where)
    _refuse_unread(extra, engine, where)
    files = _tls_files(extra, engine, where)
    # Like MySQL's own clients, the driver verifies the server if a CA is given.
    implied = "VERIFY_CA" if engine.tls_object and "sslrootcert" in files else engine.tls_demanded
    given = extra.get(engine.tls_extra) or implied
    for mode in engine.tls_modes:
        if str(given).lower() == mode.lower():
            return mode, files
    raise DbaasConfigurationError(
        f"{where}: {engine.tls_extra} in its extra must be one of {', '.join(engine.tls_modes)}, is {shown(given)}"
    )


def _tls_files(extra: Extra, engine: Engine, where: str) -> dict[str, str]:
    if not engine.tls_object:
        return {name: str(extra[name]) for name in engine.tls_files if extra.get(name)}
    given = extra.nested(engine.tls_object)
    known = ", ".join(engine.tls_files)
    if given is None:
        raise DbaasConfigurationError(
            f"{where}: {engine.tls_object} in its extra must be an object with {known}, the paths of files; whether "
            f'TLS is used is said by "{engine.tls_extra}": one of {", ".join(engine.tls_modes)}'
        )
    unknown = [name for name in given if name not in engine.tls_files]
    if unknown:
        raise DbaasConfigurationError(
            f"{where}: {engine.tls_object} in its extra has {', '.join(map(shown, unknown))}; known: {known}"
        )
    return {engine.tls_files[name]: str(given[name]) for name in given if given[name]}


def _refuse_unread(extra: Extra, engine: Engine, where: str) -> None:
    """Refuse extras that were meant for TLS but would have no effect."""
    read = {engine.tls_extra, engine.tls_object} | (set() if engine.tls_object else set(engine.tls_files))
    for name in extra:
        bare = re.sub(r"[^a-z]", "", str(name).lower())
        if name in read or not bare.startswith(("ssl", "tls", "usessl", "usetls")):
            continue
        files = (
            f'"{engine.tls_object}": {{"ca": "/path/ca.pem"}}' if engine.tls_object else "sslrootcert, sslcert, sslkey"
        )
        raise DbaasConfigurationError(
            f"{where}: {shown(name)} in its extra is not read for {engine.name}; TLS is controlled by "
            f'"{engine.tls_extra}": one of {", ".join(engine.tls_modes)}; files by {files}'
        )
