"""Connecting to PostgreSQL with whichever driver is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasDatabaseError
from airflow_dbaas.api.redaction import redact

_CONNECT_SECONDS = 30

# One way of writing values at both ends: texts of rows are compared. An empty search path qualifies all names.
_SESSION = """
    SET search_path = '';
    SET datestyle = 'ISO, YMD';
    SET intervalstyle = 'iso_8601';
    SET timezone = 'UTC';
    SET bytea_output = 'hex';
    SET lc_monetary = 'C';
    SET client_encoding = 'UTF8';
    SET statement_timeout = 0;
"""


class Server(Protocol):
    """An end of a migration."""

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        """Keyword arguments for a driver's ``connect``."""


class Session:
    """A connection to one database."""

    def __init__(self, connection: Any, password: str, errors: type[Exception]) -> None:
        self._connection = connection
        self._password = password
        self._errors = errors
        self.major = int(self.rows("SHOW server_version_num")[0][0]) // 10000

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement that gives no rows."""
        self._execute(statement, values).close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._execute(query, values) as cursor:
            return [tuple(row) for row in cursor.fetchall()]

    def _execute(self, statement: str, values: Sequence[Any]) -> Any:
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement, values or None)
        except self._errors as error:
            raise _failure("query", error, self._password) from None
        return cursor


@contextmanager
def session(server: Server, dbname: str | None = None, *, read_only: bool = True) -> Iterator[Session]:
    """Connect to a database for the length of a ``with`` block.

    :param server: source or target.
    :param dbname: the database; the server's own if not given.
    :param read_only: have the server refuse any change.
    :raises DbaasConfigurationError: if no PostgreSQL driver is installed.
    :raises DbaasDatabaseError: if the server cannot be reached or breaks off.
    """
    driver = _driver()
    parameters = server.parameters(dbname)
    password = parameters["password"]
    try:
        connection = driver.connect(**parameters, connect_timeout=_CONNECT_SECONDS, application_name="airflow-dbaas")
    except driver.Error as error:
        where = f"{parameters['host']}:{parameters['port']}, database {parameters['dbname']}"
        raise _failure(f"connection to {where}", error, password) from None
    try:
        connection.autocommit = True
        opened = Session(connection, password, driver.Error)
        opened.run(_SESSION)
        opened.run(f"SET default_transaction_read_only = {'on' if read_only else 'off'}")
        yield opened
    finally:
        connection.close()


def _failure(what: str, error: Exception, password: str) -> DbaasDatabaseError:
    text = redact(" ".join(str(error).split()), [password])
    return DbaasDatabaseError(f"{what} failed: {text}")


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
        raise DbaasConfigurationError(
            "a PostgreSQL driver is needed to look into source and target: "
            "install airflow-dbaas[postgres] or apache-airflow-providers-postgres"
        ) from None
    return psycopg2
