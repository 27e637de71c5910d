"""What the replication of a PostgreSQL server leaves there: slots and publications, as the service names them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification.connections import PROBE_SECONDS, Server
from airflow_dbaas.verification.postgres.sessions import PostgresSession, session

#: Seconds for which a slot may be in use after the migration that used it was stopped.
_RELEASE_SECONDS = 10.0

_SLOTS = r"""
SELECT s.slot_name::text, s.database::text, s.active_pid, a.client_addr::text, a.application_name::text
FROM pg_catalog.pg_replication_slots AS s LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = s.active_pid
WHERE s.slot_name::text LIKE 'aiven\_db\_migrate\_%' ORDER BY 2, 1
"""
_PUBLICATIONS = r"SELECT pubname::text FROM pg_catalog.pg_publication WHERE pubname LIKE 'aiven\_db\_migrate\_%'"


@dataclass(frozen=True)
class Slot:
    """A replication slot of a migration.

    :param name: its name.
    :param database: the database that is replicated.
    :param pid: the process that uses it at the source; None if none does.
    :param client: the address of who replicates, if the login may see it.
    :param application: what that calls itself.
    """

    name: str
    database: str
    pid: int | None
    client: str | None
    application: str | None

    def __str__(self) -> str:
        text = f"replication slot {self.name} of database {self.database}"
        if self.pid is None:
            return text
        client = f", client {self.client}" if self.client else ""
        application = f", application {self.application}" if self.application else ""
        return f"{text} is in use (active for PID {self.pid}{client}{application})"


def slots(source: Server, *, ignore: Iterable[str] = ()) -> list[Slot]:
    """The slots that migrations have at a source.

    :param source: the server.
    :param ignore: databases to leave out.
    """
    with session(source, connect_seconds=PROBE_SECONDS) as opened:
        return _slots(opened, set(ignore))


def remove(source: Server, *, ignore: Iterable[str] = ()) -> list[str]:
    """Drop slots and publications that migrations have left at a source.

    :param source: the server.
    :param ignore: databases to leave out.
    :return: what was dropped, in words.
    :raises DbaasDatabaseError: if a slot is in use; nothing is dropped then.
    """
    left_out = set(ignore)
    dropped = []
    with session(source, read_only=False) as opened:
        for slot in _released(opened, left_out):
            with opened.writing():
                opened.run("SELECT pg_catalog.pg_drop_replication_slot(%s)", (slot.name,))
            dropped.append(str(slot))
        databases = opened.rows(
            "SELECT datname::text FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
        )
    for (dbname,) in databases:
        if dbname in left_out:
            continue
        with session(source, dbname, read_only=False) as opened:
            for (name,) in opened.rows(_PUBLICATIONS):
                # A name of these letters only; parameters cannot stand here.
                with opened.writing():
                    opened.run(f"DROP PUBLICATION {_quoted(name)}")
                dropped.append(f"publication {name} of database {dbname}")
    return dropped


def _slots(opened: PostgresSession, ignore: set[str]) -> list[Slot]:
    return [Slot(*row) for row in opened.rows(_SLOTS) if row[1] not in ignore]


def _released(opened: PostgresSession, ignore: set[str]) -> list[Slot]:
    """The slots, once none of them is in use."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while True:
        found = _slots(opened, ignore)
        used = [slot for slot in found if slot.pid is not None]
        if not used:
            return found
        if time.monotonic() >= deadline:
            raise DbaasDatabaseError(
                f"{'; '.join(map(str, used))}: somebody replicates from there; nothing was dropped at the source",
                retryable=False,
            )
        time.sleep(0.5)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
