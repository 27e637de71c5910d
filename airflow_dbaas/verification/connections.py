"""Connecting to either end of a migration, whatever kind of server it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasDatabaseError, DbaasError
from airflow_dbaas.api.redaction import Secret, redact
from airflow_dbaas.migration.login import address

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that connecting may take.
CONNECT_SECONDS = 30
#: Seconds that connecting may take where it is no failure if that does not work.
PROBE_SECONDS = 5
#: Seconds that a statement may wait for a lock which another session holds.
LOCK_SECONDS = 300
# One end is idle while the other one is at a large table. A NAT or firewall in between forgets idle connections, many
# after 350 s; the probes keep the connection known there, and tell within two minutes if it is gone all the same.
KEEPALIVE_IDLE_SECONDS = 60
KEEPALIVE_INTERVAL_SECONDS = 10
KEEPALIVE_PROBES = 6
UNACKNOWLEDGED_SECONDS = 120

T = TypeVar("T")


class Server(Protocol):
    """An end of a migration."""

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        """What connecting takes: host, port, user, password, dbname, sslmode."""


class Session:
    """A connection to one database.

    :param connection: the driver's.
    :param parameters: those it was made with.
    """

    #: What to look at when a lock is held for too long.
    locks_shown_by: ClassVar[str]

    def __init__(self, connection: Any, parameters: dict[str, Any]) -> None:
        self._connection = connection
        self._where = place(parameters)
        self._password = parameters["password"]

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement that gives no rows."""
        with self._failures():
            self._execute(statement, values).close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._failures(), self._execute(query, values) as cursor:
            return [tuple(row) for row in cursor.fetchall()]

    def records(self, query: str, values: Sequence[Any] = ()) -> list[list[tuple[str, Any]]]:
        """All rows of a query, each as pairs of a column's name and its value."""
        with self._failures(), self._execute(query, values) as cursor:
            names = [column[0] for column in cursor.description]
            return [list(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def interrupt(self) -> None:
        """Have the statement that runs end with an error; called from another thread."""

    @staticmethod
    def waited_for_a_lock(error: Exception) -> bool:
        """Whether a statement failed because another session held a lock for too long."""
        raise NotImplementedError

    def _execute(self, statement: str, values: Sequence[Any]) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(statement, values or None)
        return cursor

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - drivers raise more than their own errors; see ``connect``
            what = f"query at {self._where}"
            if self.waited_for_a_lock(error):
                what = (
                    f"another session has held a lock for {LOCK_SECONDS:g} seconds, look for it with "
                    f"{self.locks_shown_by}: {what}"
                )
            raise _failure(what, error, self._password) from None


def connect(
    parameters: dict[str, Any], opening: Callable[[], T], explain: Callable[[Exception], str] = lambda _: ""
) -> T:
    """A driver's connection.

    Drivers have the password in their local variables, and error trackers send the variables of all frames. So nothing
    that is raised brings the driver's frames along, not even what Airflow raises when a task's time is over.

    :param parameters: of the server.
    :param opening: connects.
    :param explain: what has to be changed for the login to work, if the error tells that; otherwise nothing.
    :raises DbaasConfigurationError: if the worker lacks what the login needs.
    :raises DbaasDatabaseError: if the server cannot be reached, or does not take the login.
    """
    failure: BaseException
    try:
        return opening()
    except Exception as error:  # noqa: BLE001
        # Not only the driver's own errors: a missing package is a RuntimeError, an answer that is none a struct.error,
        # a host that cannot be the name of one a UnicodeError.
        what = f"connection to {place(parameters)}"
        advice = explain(error)
        if isinstance(error, DbaasError):
            failure = error
        elif advice:
            failure = DbaasConfigurationError(f"{what} failed: {advice}")
        else:
            failure = _failure(what, error, parameters["password"])
    except BaseException as error:  # noqa: BLE001
        failure = error
    failure.__context__ = failure.__cause__ = None
    raise failure.with_traceback(None)


def place(parameters: dict[str, Any]) -> str:
    """Where a server and its database are, for people."""
    where = address(str(parameters["host"]), parameters["port"])
    return f"{where}, database {parameters['dbname']}" if parameters["dbname"] else where


def no_driver(kind: str, install: str) -> DbaasConfigurationError:
    """The error if a driver is not installed.

    :param kind: of the servers.
    :param install: what to install.
    """
    return DbaasConfigurationError(f"a {kind} driver is needed to look into source and target: install {install}")


def _failure(what: str, error: Exception, password: Secret) -> DbaasDatabaseError:
    text = redact(" ".join(str(error).split()), [password]) or type(error).__name__
    return DbaasDatabaseError(f"{what} failed: {text}")
