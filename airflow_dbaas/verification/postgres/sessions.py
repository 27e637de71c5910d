"""Connecting to PostgreSQL with whichever driver is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

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

    locks_shown_by: ClassVar[str] = "pg_locks and pg_stat_activity"

    def __init__(self, connection: Any, parameters: dict[str, Any]) -> None:
        super().__init__(connection, parameters)
        self.major = int(self.rows("SHOW server_version_num")[0][0]) // 10000

    @staticmethod
    def waited_for_a_lock(error: Exception) -> bool:
        """See ``Session``; psycopg and psycopg2 name the code differently."""
        return (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) == "55P03"


@contextmanager
def session(
    server: Server, dbname: str | None = None, *, read_only: bool = True, connect_seconds: float | None = None
) -> Iterator[PostgresSession]:
    """Connect to a database for the length of a ``with`` block.

    :param server: source or target.
    :param dbname: the database; the server's own if not given.
    :param read_only: have the server refuse any change.
    :param connect_seconds: seconds that connecting may take, ``CONNECT_SECONDS`` by default.
    :raises DbaasConfigurationError: if no PostgreSQL driver is installed.
    :raises DbaasDatabaseError: if the server cannot be reached or breaks off.
    """
    driver = _driver()
    parameters = server.parameters(dbname)
    arguments = {
        **parameters,
        # An integer: a fraction is cut off, and nothing would be no limit.
        "connect_timeout": max(1, round(connect_seconds or CONNECT_SECONDS)),
        "application_name": "airflow-dbaas",
        **_keepalives(driver),
    }
    connection = connect(parameters, lambda: driver.connect(**revealed(arguments)))
    try:
        connection.autocommit = True
        opened = PostgresSession(connection, parameters)
        opened.run(_SESSION)
        opened.run(f"SET lock_timeout = '{LOCK_SECONDS * 1000:.0f}ms'")
        opened.run(f"SET default_transaction_read_only = {'on' if read_only else 'off'}")
        if read_only:
            # Have the server refuse to read a table of which it would show a part only.
            opened.run("SET row_security = off")
        yield opened
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
