"""What a PostgreSQL database holds: queries on its catalogue. All names come back quoted and with their schema."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_dbaas.verification.engine import Entry
from airflow_dbaas.verification.postgres.definitions_catalog import RELATION, RELATIONS, definitions, owned
from airflow_dbaas.verification.postgres.sessions import PostgresSession

# As many sequences are read by one statement.
_AT_ONCE = 100
# Asked about anything else, the function fails.
_READABLE = """CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') ELSE false END"""


@dataclass(frozen=True)
class SequencePosition:
    """Where a sequence stands."""

    position: int
    called: bool
    increment: int

    def is_ahead_of(self, other: SequencePosition) -> bool:
        """Whether this one has gone further, in the direction it goes."""
        here, there = (self.position, self.called), (other.position, other.called)
        if self.increment > 0:
            return here > there
        return (-self.position, self.called) > (-other.position, other.called)

    def __str__(self) -> str:
        return f"{self.position} ({'used' if self.called else 'not used'})"


def databases(session: PostgresSession) -> list[Entry]:
    """All databases but the system's templates."""
    query = """SELECT datname::text, CASE
            WHEN NOT datallowconn THEN 'no connections to it are allowed'
            WHEN datistemplate THEN 'it is a template; leave it out with ignore_dbs if it holds nothing to migrate'
            WHEN NOT pg_catalog.has_database_privilege(oid, 'CONNECT') THEN 'the login has no privilege CONNECT on it'
            ELSE '' END
        FROM pg_catalog.pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY 1"""
    return [Entry(name, hidden) for name, hidden in session.rows(query)]


def is_empty(session: PostgresSession) -> bool:
    """Whether the database holds nothing of the user's; extensions and settings aside."""
    if session.rows("SELECT 1 FROM pg_catalog.pg_largeobject_metadata LIMIT 1"):
        return False
    found, failed = definitions(session)
    everywhere = {"extension", "schema", "database", "language", "default privileges", "settings of the database"}
    own_schemas = [key for key in found if key.kind == "schema" and key.name != "public"]
    return not failed and not own_schemas and all(key.kind in everywhere for key in found)


def unfilled_views(session: PostgresSession) -> set[str]:
    """Materialized views that were never filled."""
    query = f"SELECT {RELATION} {RELATIONS} AND c.relkind = 'm' AND NOT c.relispopulated"
    return {name for (name,) in session.rows(query)}


def sequences(session: PostgresSession) -> dict[str, SequencePosition]:
    """Positions of all sequences that the login may read."""
    query = f"""SELECT {RELATION}, s.seqincrement FROM pg_catalog.pg_sequence s
        JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE {owned("pg_class", "c")} AND {_READABLE} ORDER BY 1"""
    found = {}
    listed = session.rows(query)
    for start in range(0, len(listed), _AT_ONCE):
        some = listed[start : start + _AT_ONCE]
        positions = session.rows(" UNION ALL ".join(f"SELECT last_value, is_called FROM {name}" for name, _ in some))
        for (name, increment), (position, called) in zip(some, positions, strict=True):
            found[name] = SequencePosition(position, called, increment)
    return found


def unreadable_sequences(session: PostgresSession) -> list[str]:
    """Sequences whose position the login may not read."""
    query = f"""SELECT {RELATION} {RELATIONS} AND c.relkind = 'S'
AND NOT {_READABLE} ORDER BY 1"""
    return [name for (name,) in session.rows(query)]


def size(session: PostgresSession) -> int:
    """Bytes of the user's tables and indexes, as the last VACUUM, ANALYZE or CREATE INDEX saw them.

    Their true size would wait for whoever holds a lock.
    """
    query = f"""SELECT pg_catalog.sum(c.relpages::bigint) * pg_catalog.current_setting('block_size')::bigint
        {RELATIONS} AND c.relkind IN ('r', 'm', 'i')"""
    return int(session.rows(query)[0][0] or 0)


def parallel(session: PostgresSession) -> int:
    """How many tables may be read at once: by the memory that the server has for its buffers, and its connections."""
    query = """SELECT (SELECT setting::bigint * 8192 FROM pg_catalog.pg_settings WHERE name = 'shared_buffers'),
        pg_catalog.current_setting('max_connections')::int - (SELECT pg_catalog.count(*)
            FROM pg_catalog.pg_stat_activity WHERE datname IS NOT NULL)"""
    buffers, free = session.rows(query)[0]
    # A quarter of the memory is usual: 2 GB of buffers go with 8 GB of memory and four processors.
    return int(max(1, min(2 + buffers // 2**30, 6, free // 4)))


def identity(session: PostgresSession) -> str:
    """What tells this database from one that took its place: the server's number, if it may be seen, and its own."""
    query = """SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),
        (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"""
    visible, oid = session.rows(query)[0]
    if not visible:
        return str(oid)
    return f"{oid}@{session.rows('SELECT system_identifier FROM pg_catalog.pg_control_system()')[0][0]}"
