"""Connecting to PostgreSQL with whichever driver is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_dbaas.verification.connections import CONNECT_SECONDS, Server, Session, connect, no_driver

# One way of writing values at both ends: texts of rows are compared. An empty search path qualifies all names.
_SESSION = """
    SET search_path = '';
    SET datestyle = 'ISO, YMD';
    SET intervalstyle = 'iso_8601';
    SET timezone = 'UTC';
    SET bytea_output = 'hex';
    SET lc_monetary = 'C';
    SET client_encoding = 'UTF8';
    -- Those that this version has. One end is idle while the other one, which may be slower, is at a large table.
    SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
        WHERE name IN ('idle_session_timeout', 'statement_timeout', 'transaction_timeout');
"""


class PostgresSession(Session):
    """A connection to one PostgreSQL database."""

    def __init__(self, connection: Any, password: str, errors: type[Exception]) -> None:
        super().__init__(connection, password, errors)
        self.major = int(self.rows("SHOW server_version_num")[0][0]) // 10000


@contextmanager
def session(server: Server, dbname: str | None = None, *, read_only: bool = True) -> Iterator[PostgresSession]:
    """Connect to a database for the length of a ``with`` block.

    :param server: source or target.
    :param dbname: the database; the server's own if not given.
    :param read_only: have the server refuse any change.
    :raises DbaasConfigurationError: if no PostgreSQL driver is installed.
    :raises DbaasDatabaseError: if the server cannot be reached or breaks off.
    """
    driver = _driver()
    parameters = server.parameters(dbname)
    arguments = {**parameters, "connect_timeout": CONNECT_SECONDS, "application_name": "airflow-dbaas"}
    connection = connect(driver, parameters, arguments)
    try:
        connection.autocommit = True
        opened = PostgresSession(connection, parameters["password"], driver.Error)
        opened.run(_SESSION)
        opened.run(f"SET default_transaction_read_only = {'on' if read_only else 'off'}")
        if read_only:
            # Have the server refuse to read a table of which it would show a part only.
            opened.run("SET row_security = off")
        yield opened
    finally:
        connection.close()


def _driver() -> Any:
    try:
        import psycopg
    except ImportError:
        pass
    else:
        return psycopg
    try:
        import psycopg2
    except ImportError:
        raise no_driver("PostgreSQL", "airflow-dbaas[postgres] or apache-airflow-providers-postgres") from None
    return psycopg2
