"""Connecting to either end of a migration, whatever kind of server it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasDatabaseError
from airflow_dbaas.api.redaction import redact

CONNECT_SECONDS = 30


class Server(Protocol):
    """An end of a migration."""

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        """What connecting takes: host, port, user, password, dbname, sslmode."""


class Session:
    """A connection to one database.

    :param connection: the driver's.
    :param password: to be kept out of errors.
    :param errors: what the driver raises.
    """

    def __init__(self, connection: Any, password: str, errors: type[Exception]) -> None:
        self._connection = connection
        self._password = password
        self._errors = errors

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


def connect(driver: Any, parameters: dict[str, Any], arguments: dict[str, Any]) -> Any:
    """A driver's connection.

    :param driver: the module.
    :param parameters: of the server.
    :param arguments: of the driver's ``connect``.
    :raises DbaasDatabaseError: if the server cannot be reached, or does not take the login.
    """
    try:
        return driver.connect(**arguments)
    except (driver.Error, UnicodeError) as error:
        # The second is what PyMySQL lets through if the host cannot be the name of one.
        database = f", database {parameters['dbname']}" if parameters["dbname"] else ""
        where = f"{parameters['host']}:{parameters['port']}{database}"
        raise _failure(f"connection to {where}", error, parameters["password"]) from None


def no_driver(kind: str, mend: str) -> DbaasConfigurationError:
    """The error if a driver is not installed.

    :param kind: of the servers.
    :param mend: what to install.
    """
    return DbaasConfigurationError(f"a {kind} driver is needed to look into source and target: install {mend}")


def _failure(what: str, error: Exception, password: str) -> DbaasDatabaseError:
    text = redact(" ".join(str(error).split()), [password])
    return DbaasDatabaseError(f"{what} failed: {text}")
