"""Compares two PostgreSQL servers after a migration, and completes what replication leaves out."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification import comparison
from airflow_dbaas.verification.connections import PROBE_SECONDS, Server
from airflow_dbaas.verification.engine import Content, Digest, Entry, Pair, Table
from airflow_dbaas.verification.kinds import POSTGRES, Definitions
from airflow_dbaas.verification.postgres import catalog
from airflow_dbaas.verification.postgres.sessions import PostgresSession, session
from airflow_dbaas.verification.report import Level, Report


class PostgresPair(Pair[PostgresSession]):
    """One PostgreSQL database at both ends."""

    kinds = POSTGRES
    session = staticmethod(session)
    everywhere = frozenset({"postgres"})
    is_empty = staticmethod(catalog.is_empty)
    size = staticmethod(catalog.size)

    def __init__(self, dbname: str, source: PostgresSession, target: PostgresSession, *, replicating: bool) -> None:
        super().__init__(dbname, source, target, replicating=replicating)
        # Before PostgreSQL 12 floats are written in another way; 15 digits read the same everywhere.
        digits = 0 if min(source.major, target.major) < 12 else 3
        for end in (source, target):
            end.run(f"SET extra_float_digits = {digits}")
        hashing = catalog.hashing(source)
        self._hashed = hashing is not None and hashing == catalog.hashing(target)

    @staticmethod
    def databases(session: PostgresSession) -> list[Entry]:
        """See ``Pair``."""
        return [Entry(name) for name in catalog.databases(session)]

    def objects(self) -> tuple[Definitions, Definitions]:
        """See ``Pair``."""
        same_major = self.source.major == self.target.major
        return self.at_both(partial(catalog.objects, view_definitions=same_major))

    def tables(self, report: Report) -> dict[str, tuple[Table, Table]]:
        """See ``Pair``."""
        return {name: (Table(), Table()) for name in catalog.tables(self.source) & catalog.tables(self.target)}

    def digest(self, session: PostgresSession, table: str, *, part: Any, content: Content) -> Digest:
        """See ``Pair``."""
        return catalog.digest(session, table, content=content != "count", hashed=self._hashed)

    def compare_what_is_left_out(self, report: Report) -> None:
        """Compare the positions of sequences, and which materialized views are filled."""
        wanted, found = catalog.sequences(self.source), catalog.sequences(self.target)
        for name in sorted(wanted.keys() & found.keys()):
            if wanted[name] != found[name]:
                text = f"{wanted[name]} at the source, {found[name]} in the target"
                report.add(Level.DIFFERENCE, self.dbname, "sequence", name, text)
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
        # Within a transaction: a pooler in between gives the whole of it one session.
        at_source.run("BEGIN")
        at_source.rows("SELECT pg_catalog.pg_try_advisory_xact_lock(%s::bigint)", (key,))
        found = at_target.rows(
            "SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted "
            "AND classid::bigint = %s AND objid::bigint = %s",
            (key >> 32, key & 0xFFFFFFFF),
        )
        at_source.run("ROLLBACK")
    return bool(found)


def _carry_sequences(source: PostgresSession, target: PostgresSession) -> int:
    behind = catalog.sequences(target)
    ahead = {
        name: position
        for name, position in catalog.sequences(source).items()
        if name in behind and position.is_ahead_of(behind[name])
    }
    for name, position in ahead.items():
        target.run("SELECT pg_catalog.setval(%s, %s, %s)", (name, position.position, position.called))
    return len(ahead)


def _fill_views(target: PostgresSession, views: set[str]) -> int:
    left = sorted(views)
    while left:
        unfilled, refusal = [], None
        for view in left:
            try:
                target.run(f"REFRESH MATERIALIZED VIEW {view}")
            except DbaasDatabaseError as error:
                # It may read from another one that is still to be filled.
                unfilled.append(view)
                refusal = error
        if refusal is not None and len(unfilled) == len(left):
            raise refusal
        left = unfilled
    return len(views)
