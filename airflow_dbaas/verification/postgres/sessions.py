"""Connecting to PostgreSQL with whichever driver is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.api.redaction import revealed
from airflow_dbaas.verification.connections import (
    CONNECT_SECONDS,
    KEEPALIVE_IDLE_SECONDS,
    KEEPALIVE_INTERVAL_SECONDS,
    KEEPALIVE_PROBES,
    LOCK_SECONDS,
    UNACKNOWLEDGED_SECONDS,
    Server,
    Session,
    connect,
    no_driver,
)

# One way of writing values at both ends: texts of rows are compared. An empty search path qualifies all names. All this
# is for one transaction only: behind a pooler the next one in the same session may be another application's.
_SETTINGS = """
    SET LOCAL application_name = 'airflow-dbaas';
    SET LOCAL search_path = '';
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'iso_8601';
    SET LOCAL timezone = 'UTC';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL lc_monetary = 'C';
    SET LOCAL client_encoding = 'UTF8';
    SET LOCAL extra_float_digits = 3;
    SET LOCAL jit = off;
"""
# Those that this version has. One end is idle while the other one, which may be slower, is at a large table.
_NO_LIMITS = """SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings WHERE name IN (
    'idle_session_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout')"""
_STATEMENT_POOLING = "statement pooling"


class PostgresSession(Session):
    """A connection to one PostgreSQL database."""

    locks_shown_by: ClassVar[str] = "pg_locks and pg_stat_activity"

    def __init__(self, connection: Any, parameters: dict[str, Any]) -> None:
        super().__init__(connection, parameters)
        self.major = int(self.rows("SHOW server_version_num")[0][0]) // 10000

    def begin(self, snapshot: str | None = None) -> None:
        """Begin a transaction that sees the database as it is now, or as another one does, and changes nothing.

        :param snapshot: of another session, see ``snapshot``.
        """
        try:
            self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except DbaasDatabaseError as error:
            if _STATEMENT_POOLING not in str(error):
                raise
            raise DbaasDatabaseError(
                f"{error}: a pooler in between has no transactions, so neither one state of the database nor settings "
                "can be kept; use an address that leads to the server itself, or the pooler's transaction mode",
                retryable=False,
            ) from None
        # Have the server refuse to read a table of which it would show a part only.
        settings = f"{_SETTINGS} SET LOCAL row_security = off;"
        if snapshot is not None:
            self.run(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            # The readers are as many as the server should bear. Before version 14, a large table has only one.
            settings += " SET LOCAL max_parallel_workers_per_gather = 0;" if self.major >= 14 else ""
        self._settle(settings)

    def snapshot(self) -> str:
        """What another session needs to see what this one sees, as long as this one's transaction lasts."""
        return str(self.rows("SELECT pg_catalog.pg_export_snapshot()")[0][0])

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Something that may fail within the transaction."""
        self.run("SAVEPOINT attempt")
        try:
            yield
        except DbaasDatabaseError:
            self.run("ROLLBACK TO SAVEPOINT attempt")
            self.run("RELEASE SAVEPOINT attempt")
            raise
        self.run("RELEASE SAVEPOINT attempt")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that may change things."""
        self.run("BEGIN READ WRITE")
        try:
            self._settle(_SETTINGS)
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def interrupt(self) -> None:
        """See ``Session``."""
        # What has ended meanwhile need not be interrupted.
        with suppress(Exception):
            self._connection.cancel()

    def _settle(self, settings: str) -> None:
        self.run(f"{settings} SET LOCAL lock_timeout = '{LOCK_SECONDS * 1000:.0f}ms'")
        self.rows(_NO_LIMITS)

    @staticmethod
    def waited_for_a_lock(error: Exception) -> bool:
        """See ``Session``; psycopg and psycopg2 name the code differently."""
        return (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) == "55P03"


@contextmanager
def session(
    server: Server,
    dbname: str | None = None,
    *,
    read_only: bool = True,
    connect_seconds: float | None = None,
    snapshot: str | None = None,
) -> Iterator[PostgresSession]:
    """Connect to a database for the length of a ``with`` block.

    One that only reads is in one transaction, from beginning to end.

    :param server: source or target.
    :param dbname: the database; the server's own if not given.
    :param read_only: have the server refuse any change; otherwise what changes something is in ``writing``.
    :param connect_seconds: seconds that connecting may take, ``CONNECT_SECONDS`` by default.
    :param snapshot: see what another session sees.
    :raises DbaasConfigurationError: if no PostgreSQL driver is installed.
    :raises DbaasDatabaseError: if the server cannot be reached or breaks off.
    """
    driver = _driver()
    parameters = server.parameters(dbname)
    arguments = {
        **parameters,
        # An integer: a fraction is cut off, and nothing would be no limit.
        "connect_timeout": max(1, round(connect_seconds or CONNECT_SECONDS)),
        **_keepalives(driver),
    }
    connection = connect(parameters, lambda: driver.connect(**revealed(arguments)))
    try:
        connection.autocommit = True
        if hasattr(connection, "prepare_threshold"):
            # A prepared statement would stay in a pooler's session.
            connection.prepare_threshold = None
        opened = PostgresSession(connection, parameters)
        if read_only:
            opened.begin(snapshot)
        yield opened
        if read_only:
            # A pooler would close a session that is left within a transaction, which may be all it has.
            with suppress(DbaasDatabaseError):
                opened.run("ROLLBACK")
    finally:
        connection.close()


def _keepalives(driver: Any) -> dict[str, int]:
    """libpq's parameters that keep an idle connection known to what is in between."""
    keepalives = {
        "keepalives": 1,
        "keepalives_idle": KEEPALIVE_IDLE_SECONDS,
        "keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
        "keepalives_count": KEEPALIVE_PROBES,
    }
    version = driver.pq.version() if hasattr(driver, "pq") else driver.extensions.libpq_version()
    # Older ones refuse a parameter that they do not know.
    return {**keepalives, "tcp_user_timeout": UNACKNOWLEDGED_SECONDS * 1000} if version >= 120000 else keepalives


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
