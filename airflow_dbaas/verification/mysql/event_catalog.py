"""The events of a MySQL or MariaDB database, which a replication leaves disabled."""

from __future__ import annotations

from typing import NamedTuple

from airflow_dbaas.verification.mysql import spelling
from airflow_dbaas.verification.mysql.catalog import EVENTS, quoted
from airflow_dbaas.verification.mysql.sessions import MysqlSession


class Event(NamedTuple):
    """How far an event is in use, and what it was made under."""

    status: str
    sql_mode: str
    time_zone: str

    @property
    def enabled(self) -> bool:
        """Whether it runs here."""
        return self.status == "ENABLED"

    @property
    def waits_for_promotion(self) -> bool:
        """Whether it is disabled because it came by replication."""
        return spelling.event_status(self.status) == "SLAVESIDE_DISABLED"


def of_database(session: MysqlSession) -> dict[str, Event]:
    """All events by name."""
    query = f"SELECT event_name, status, sql_mode, time_zone FROM {EVENTS}"
    return {name: Event(*event) for name, *event in session.rows(query)}


def enable(session: MysqlSession, name: str, event: Event) -> None:
    """Enable an event, and leave it otherwise as it is."""
    # It takes both from whoever changes it.
    session.run("SET SESSION sql_mode = %s, time_zone = %s", (event.sql_mode, event.time_zone))
    session.run(f"ALTER EVENT {quoted(name)} ENABLE")
