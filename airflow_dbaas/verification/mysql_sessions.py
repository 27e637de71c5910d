"""Connecting to MySQL and MariaDB with PyMySQL."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification.connections import CONNECT_SECONDS, Server, Session, connect, no_driver

# One way of writing values at both ends: texts of rows are compared. READ ONLY or READ WRITE comes behind the last.
_SESSION = (
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = ''",
    "SET SESSION TRANSACTION",
)
_VERIFYING = {"VERIFY_CA", "VERIFY_IDENTITY"}


class MysqlSession(Session):
    """A connection to one database of a MySQL or MariaDB server.

    :ivar mariadb: whether it is MariaDB.
    :ivar version: such as (8, 0, 36).
    """

    def __init__(self, connection: Any, password: str, errors: type[Exception]) -> None:
        super().__init__(connection, password, errors)
        version = str(self.rows("SELECT VERSION()")[0][0])
        self.mariadb = "mariadb" in version.lower()
        self.version = tuple(int(number) for number in re.findall(r"\d+", version)[:3])

    @property
    def release(self) -> tuple[object, ...]:
        """What servers have in common that write the definition of one thing in one way."""
        # With 8.0.19 the display widths of integers have gone.
        widths = not self.mariadb and self.version[:2] == (8, 0) and self.version < (8, 0, 19)
        return (self.mariadb, self.version[:2], widths)


@contextmanager
def session(server: Server, dbname: str | None = None, *, read_only: bool = True) -> Iterator[MysqlSession]:
    """Connect to a database for the length of a ``with`` block.

    :param server: source or target.
    :param dbname: the database; none if not given, for a migration leaves aside which one the server's login names.
    :param read_only: have the server refuse any change.
    :raises DbaasConfigurationError: if PyMySQL is not installed.
    :raises DbaasDatabaseError: if the server cannot be reached, has no TLS although it is demanded, or breaks off.
    """
    driver = _driver()
    parameters = {**server.parameters(dbname), "dbname": dbname or ""}
    tls = _tls(parameters["sslmode"])
    arguments = {
        "host": parameters["host"],
        "port": int(parameters["port"]),
        "user": parameters["user"],
        # The driver would write a text in Latin-1; servers take UTF-8.
        "password": parameters["password"].encode(),
        "database": dbname,
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": CONNECT_SECONDS,
        "program_name": "airflow-dbaas",
        "ssl": tls,
        "ssl_disabled": tls is None,
    }
    # What greets a server's client, or does not, is read without a limit in time unless all that is read has one, which
    # a comparison must not have. So another connection goes ahead.
    connect(driver, parameters, {**arguments, "read_timeout": CONNECT_SECONDS}).close()
    connection = connect(driver, parameters, arguments)
    try:
        opened = MysqlSession(connection, parameters["password"], driver.Error)
        # Older versions of the driver go on without TLS if the server has none.
        if tls is not None and not opened.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]:
            raise DbaasDatabaseError(
                f"connection to {parameters['host']}:{parameters['port']} failed: "
                "TLS is demanded, and the server does without",
                retryable=False,
            )
        *settings, transaction = _SESSION
        for statement in (*settings, f"{transaction} {'READ ONLY' if read_only else 'READ WRITE'}", *_limits(opened)):
            opened.run(statement)
        yield opened
    finally:
        connection.close()


def _limits(session: MysqlSession) -> Iterator[str]:
    """Statements that lift limits in time, and have sizes looked up anew."""
    # One end is idle while the other one, which may be slower, is still at a large table.
    yield "SET SESSION wait_timeout = 604800"
    if session.mariadb:
        yield "SET SESSION max_statement_time = 0"
    else:
        yield "SET SESSION max_execution_time = 0"
        if session.version >= (8,):
            yield "SET SESSION information_schema_stats_expiry = 0"


def _tls(mode: str) -> ssl.SSLContext | None:
    if mode == "DISABLED":
        return None
    context = ssl.create_default_context()
    context.check_hostname = mode == "VERIFY_IDENTITY"
    if mode not in _VERIFYING:
        context.verify_mode = ssl.CERT_NONE
    return context


def _driver() -> Any:
    try:
        import pymysql
    except ImportError:
        raise no_driver("MySQL", "airflow-dbaas[mysql], which is PyMySQL") from None
    return pymysql
