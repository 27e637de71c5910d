"""Compares two PostgreSQL servers after a migration, and completes what replication leaves out."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification import comparison
from airflow_dbaas.verification.connections import PROBE_SECONDS, Server
from airflow_dbaas.verification.engine import IN_TARGET_ONLY, MISSING, Content, Digest, Pair, Table, unequal
from airflow_dbaas.verification.kinds import POSTGRES
from airflow_dbaas.verification.postgres import catalog, rows_catalog
from airflow_dbaas.verification.postgres.definitions_catalog import brought_together, definitions, roles
from airflow_dbaas.verification.postgres.differing import Search
from airflow_dbaas.verification.postgres.rows_catalog import LARGE_OBJECTS, Reading
from airflow_dbaas.verification.postgres.sessions import PostgresSession, session
from airflow_dbaas.verification.report import Level, Report


class PostgresPair(Pair[PostgresSession]):
    """One PostgreSQL database at both ends."""

    kinds = POSTGRES
    session = staticmethod(session)
    everywhere = frozenset({"postgres"})
    databases = staticmethod(catalog.databases)
    is_empty = staticmethod(catalog.is_empty)
    size = staticmethod(catalog.size)
    parallel = staticmethod(catalog.parallel)

    def __init__(self, dbname: str, source: PostgresSession, target: PostgresSession, *, replicating: bool) -> None:
        super().__init__(dbname, source, target, replicating=replicating)
        self._by = rows_catalog.method(source, target)
        self._readings: dict[str, Reading] = {}
        self._identities: dict[PostgresSession, str] = {}

    @staticmethod
    def snapshot(session: PostgresSession) -> str:
        """See ``Pair``."""
        return session.snapshot()

    @classmethod
    def join(cls, server: Server, dbname: str, snapshot: Any) -> AbstractContextManager[PostgresSession]:
        """See ``Pair``."""
        return session(server, dbname, snapshot=snapshot)

    @classmethod
    def compare_servers(cls, source: Any, target: Any, report: Report, *, replicating: bool) -> None:
        """Compare roles."""
        for level, key, message in unequal(cls.kinds, roles(source), roles(target)):
            if message != IN_TARGET_ONLY:
                report.add(level, "", key.kind, key.label, message)

    def compare_objects(self, report: Report) -> None:
        """See ``Pair``."""
        (wanted, why), (found, why_not) = self.at_both(definitions)
        for kind, error in {**why, **why_not}.items():
            report.add(Level.DIFFERENCE, self.dbname, kind, "", f"cannot be compared: {error}", retryable=True)
        comparable = [
            {key: one for key, one in end.items() if key.kind not in {*why, *why_not}} for end in (wanted, found)
        ]
        brought_together(*comparable, majors=(self.source.major, self.target.major), replicating=self.replicating)
        super().compare_definitions(report, *comparable)

    def tables(self, report: Report) -> dict[str, tuple[Table, Table]]:
        """See ``Pair``."""
        wanted, found = self.at_both(rows_catalog.relations)
        tables = {}
        for name in sorted(wanted.keys() & found.keys()):
            self._readings[name] = Reading(found[name].with_columns_of(wanted[name]), self._by)
            tables[name] = (wanted[name].table(), found[name].table())
        if (LARGE_OBJECTS in wanted) != (LARGE_OBJECTS in found):
            where = MISSING if LARGE_OBJECTS in wanted else IN_TARGET_ONLY
            report.add(Level.DIFFERENCE, self.dbname, "large object", "", where)
        return tables

    def digest(self, session: PostgresSession, table: str, *, part: Any, content: Content) -> Digest:
        """See ``Pair``."""
        return self._readings[table].digest(session, part, content)

    def rule(self, content: Content) -> str:
        """See ``Pair``."""
        if content == "count":
            return super().rule(content)
        which = {"all": "all rows", "sample": f"one row in {rows_catalog.SAMPLED}, by its key"}[content]
        return f"{which}, 64 bits of hash for each ({self._by})"

    def differing_rows(self, table: str, *, show_values: bool) -> str:
        """See ``Pair``."""
        with self.source.attempt(), self.target.attempt():
            return Search((self.source, self.target), self._readings[table], show_values).describe()

    def kind_of(self, table: str) -> str:
        """See ``Pair``."""
        if table == LARGE_OBJECTS:
            return "large object"
        return "materialized view" if self._readings[table].relation.materialized else "table"

    def explain(self, table: str, in_target: Digest) -> str:
        """See ``Pair``: a restore refreshes a materialized view that was out of date at the source."""
        reading = self._readings[table]
        if not reading.relation.materialized or not in_target.sums:
            return ""
        with self.target.attempt():
            fresh = reading.as_defined(self.target)
        return "refreshed in the target; at the source it was out of date" if fresh == in_target else ""

    def fingerprint(self, session: PostgresSession, table: str) -> str | None:
        """See ``Pair``: the oldest transaction that this snapshot does not see for certain, and the number of rows."""
        if table == LARGE_OBJECTS:
            return None
        if session not in self._identities:
            oldest = session.rows("SELECT pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())")[0][0]
            self._identities[session] = f"{catalog.identity(session)} {oldest}"
        return self._identities[session]

    def unchanged(self, session: PostgresSession, table: str, fingerprint: str, rows: int) -> bool:
        """See ``Pair``: there are as many rows as before, and none was written since.

        A row keeps the number of the transaction that wrote it. That is not the whole of a row, so this takes about a
        tenth of the time.
        """
        identity, _, oldest = fingerprint.rpartition(" ")
        if identity != catalog.identity(session):
            return False
        return rows_catalog.unchanged(session, table, int(oldest), rows)

    def compare_what_is_left_out(self, report: Report) -> None:
        """Compare the positions of sequences, and which materialized views are filled."""
        with self.source.attempt(), self.target.attempt():
            self._compare_what_is_left_out(report)

    def _compare_what_is_left_out(self, report: Report) -> None:
        wanted, found = self.at_both(catalog.sequences)
        for name in sorted(wanted.keys() & found.keys()):
            if str(wanted[name]) != str(found[name]):
                text = f"{wanted[name]} at the source, {found[name]} in the target"
                report.add(Level.DIFFERENCE, self.dbname, "sequence", name, text)
        for end, where in ((self.source, "at the source"), (self.target, "in the target")):
            for name in catalog.unreadable_sequences(end):
                message = f"cannot be compared: the login {where} may not read its position"
                report.add(Level.DIFFERENCE, self.dbname, "sequence", name, message)
        for name in sorted(catalog.unfilled_views(self.target) - catalog.unfilled_views(self.source)):
            report.add(Level.DIFFERENCE, self.dbname, "materialized view", name, "not filled in the target")


compare = partial(comparison.compare, PostgresPair)


def complete_replication(source: Server, target: Server, *, ignore: set[str]) -> dict[str, int]:
    """Do what logical replication leaves out: bring sequences over, fill materialized views.

    Sequences are moved on to the source's positions, never back. Views are filled if those of the source are.

    :param source: where the positions are read.
    :param target: what is completed.
    :param ignore: databases to leave out.
    :return: how many ``sequences`` were moved, and how many ``views`` filled.
    """
    moved = filled = 0
    for at_source, at_target in comparison.to_complete(PostgresPair, source, target, ignore=ignore):
        moved += _carry_sequences(at_source, at_target)
        filled += _fill_views(at_target, catalog.unfilled_views(at_target) - catalog.unfilled_views(at_source))
    return {"sequences": moved, "views": filled}


def same_server(source: Server, target: Server) -> bool:
    """Whether two logins lead to one and the same server, whatever their addresses.

    A lock that is taken at one is seen at the other, then. No other server has it, not even a replica.

    :param source: one login.
    :param target: the other one.
    """
    key = secrets.randbits(63)
    with (
        session(target, connect_seconds=PROBE_SECONDS) as at_target,
        session(source, connect_seconds=PROBE_SECONDS) as at_source,
    ):
        # A session that reads is one transaction: a pooler in between gives the whole of it one session.
        at_source.rows("SELECT pg_catalog.pg_try_advisory_xact_lock(%s::bigint)", (key,))
        found = at_target.rows(
            "SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted "
            "AND classid::bigint = %s AND objid::bigint = %s",
            (key >> 32, key & 0xFFFFFFFF),
        )
    return bool(found)


def _carry_sequences(source: PostgresSession, target: PostgresSession) -> int:
    behind = catalog.sequences(target)
    ahead = {
        name: position
        for name, position in catalog.sequences(source).items()
        if name in behind and position.is_ahead_of(behind[name])
    }
    for name, position in ahead.items():
        with target.writing():
            target.run("SELECT pg_catalog.setval(%s, %s, %s)", (name, position.position, position.called))
    return len(ahead)


def _fill_views(target: PostgresSession, views: set[str]) -> int:
    left = sorted(views)
    while left:
        unfilled, refusal = [], None
        for view in left:
            try:
                with target.writing():
                    target.run(f"REFRESH MATERIALIZED VIEW {view}")
            except DbaasDatabaseError as error:
                # It may read from another one that is still to be filled.
                unfilled.append(view)
                refusal = error
        if refusal is not None and len(unfilled) == len(left):
            raise refusal
        left = unfilled
    return len(views)
