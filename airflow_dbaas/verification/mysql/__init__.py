"""Compares two MySQL or MariaDB servers after a migration, and completes what replication leaves out."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from airflow_dbaas.verification import comparison
from airflow_dbaas.verification.connections import PROBE_SECONDS, Server
from airflow_dbaas.verification.engine import Content, Digest, Entry, Pair, Table
from airflow_dbaas.verification.kinds import MYSQL, Definitions
from airflow_dbaas.verification.mysql import catalog
from airflow_dbaas.verification.mysql import event_catalog as events
from airflow_dbaas.verification.mysql.sessions import MysqlSession, session
from airflow_dbaas.verification.report import Report


class MysqlPair(Pair[MysqlSession]):
    """One MySQL or MariaDB database at both ends."""

    kinds = MYSQL
    session = staticmethod(session)
    is_empty = staticmethod(catalog.is_empty)
    size = staticmethod(catalog.size)

    def __init__(self, dbname: str, source: MysqlSession, target: MysqlSession, *, replicating: bool) -> None:
        super().__init__(dbname, source, target, replicating=replicating)
        #: Columns to read, by table.
        self._columns: dict[str, dict[str, str]] = {}

    @staticmethod
    def databases(session: MysqlSession) -> list[Entry]:
        """See ``Pair``."""
        return [Entry(name) for name in catalog.databases(session)]

    def compare_objects(self, report: Report) -> None:
        """See ``Pair``."""
        self.compare_definitions(report, *self.objects())

    def objects(self) -> tuple[Definitions, Definitions]:
        """Definitions at both ends. Events are created disabled by a replication."""
        wanted, found = self.at_both(
            partial(
                catalog.objects,
                exact=self.source.release == self.target.release,
                same_family=self.source.mariadb == self.target.mariadb,
                event_status=not self.replicating,
            )
        )
        # What is true of a whole table is not said of its parts again.
        single = {key.name for key in wanted.keys() ^ found.keys() if not key.parent}
        both = wanted.keys() & found.keys()
        wanted, found = (
            {key: definition for key, definition in end.items() if key.parent not in single}
            | catalog.order_of_columns(end, both)
            for end in (wanted, found)
        )
        return wanted, found

    def tables(self, report: Report) -> dict[str, tuple[Table, Table]]:
        """See ``Pair``."""
        wanted, found = catalog.columns(self.source), catalog.columns(self.target)
        self._columns = {
            table: {name: data_type for name, data_type in columns.items() if name in found[table]}
            for table, columns in wanted.items()
            if table in found
        }
        return {table: (Table(), Table()) for table in self._columns}

    def digest(self, session: MysqlSession, table: str, *, part: Any, content: Content) -> Digest:
        """See ``Pair``."""
        return catalog.digest(session, table, self._columns[table], content=content != "count")


compare = partial(comparison.compare, MysqlPair)


def complete_replication(source: Server, target: Server, *, ignore: set[str]) -> dict[str, int]:
    """Do what replication leaves out: enable the events that the source runs.

    A replica keeps an event that comes to it disabled, so that it is not run at both ends. Counters of
    ``AUTO_INCREMENT`` need nothing: the dump that a replication begins with carries them, and rows move them on.

    :param source: where it is seen which events are to run.
    :param target: what is completed.
    :param ignore: databases to leave out.
    :return: how many ``events`` were enabled.
    """
    enabled = 0
    for at_source, at_target in comparison.to_complete(MysqlPair, source, target, ignore=ignore):
        wanted, found = events.of_database(at_source), events.of_database(at_target)
        for name, event in found.items():
            if event.waits_for_promotion and name in wanted and wanted[name].enabled:
                events.enable(at_target, name, event)
                enabled += 1
    return {"events": enabled}


def same_server(source: Server, target: Server) -> bool:
    """Whether two logins lead to one and the same server, whatever their addresses.

    A lock that is taken at one is seen at the other, then. No other server has it, not even a replica.

    :param source: one login.
    :param target: the other one.
    """
    name = f"airflow-dbaas-{secrets.token_hex(16)}"
    with (
        session(target, connect_seconds=PROBE_SECONDS) as at_target,
        session(source, connect_seconds=PROBE_SECONDS) as at_source,
    ):
        at_source.rows("SELECT GET_LOCK(%s, 0)", (name,))
        ((holder,),) = at_target.rows("SELECT IS_USED_LOCK(%s)", (name,))
    return holder is not None
