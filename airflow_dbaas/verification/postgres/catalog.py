"""What a PostgreSQL database holds: queries on its catalogue. All names come back quoted and with their schema."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_dbaas.verification.engine import Digest
from airflow_dbaas.verification.kinds import Definitions, Key
from airflow_dbaas.verification.postgres.sessions import PostgresSession

# Objects of the user: not the system's, not an extension's.
_OWN_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_NO_EXTENSION = """NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
    WHERE e.classid = '{catalog}'::pg_catalog.regclass AND e.objid = {oid} AND e.deptype = 'e')"""
_RELATIONS = f"""
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE {_OWN_SCHEMA} AND {_NO_EXTENSION.format(catalog="pg_catalog.pg_class", oid="c.oid")}
"""
_RELATION_NAME = "pg_catalog.format('%I.%I', n.nspname, c.relname)"
_COLUMNS = """(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname),
        pg_catalog.format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
        a.attidentity::text, pg_catalog.pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"""

# The kind in words, the name, the definition.
_OBJECTS = {
    "table": f"SELECT {_RELATION_NAME}, {_COLUMNS} {_RELATIONS} AND c.relkind IN ('r', 'p', 'f')",
    "view": f"SELECT {_RELATION_NAME}, {{view}} {_RELATIONS} AND c.relkind IN ('v', 'm')",
    "index": f"""SELECT {_RELATION_NAME}, pg_catalog.pg_get_indexdef(c.oid)
        {_RELATIONS} AND c.relkind IN ('i', 'I')""",
    "function": f"""SELECT pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
            pg_catalog.pg_get_function_identity_arguments(p.oid)),
            CASE WHEN p.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(p.oid) END
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE {_OWN_SCHEMA} AND {_NO_EXTENSION.format(catalog="pg_catalog.pg_proc", oid="p.oid")}""",
    "trigger": f"""SELECT pg_catalog.format('%I on %s', t.tgname, {_RELATION_NAME}),
            pg_catalog.pg_get_triggerdef(t.oid)
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN_SCHEMA} AND NOT t.tgisinternal""",
    # Since PostgreSQL 18 "not null" is a constraint of its own; here it is part of the columns.
    "constraint": f"""SELECT pg_catalog.format('%I on %s', k.conname, {_RELATION_NAME}),
            pg_catalog.pg_get_constraintdef(k.oid)
        FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OWN_SCHEMA} AND k.contype <> 'n'
            AND {_NO_EXTENSION.format(catalog="pg_catalog.pg_class", oid="c.oid")}""",
    "type": f"""SELECT pg_catalog.format('%I.%I', n.nspname, t.typname), pg_catalog.concat_ws(' ', t.typtype::text,
            CASE WHEN t.typbasetype <> 0 THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END, t.typdefault,
            (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE {_OWN_SCHEMA} AND t.typtype IN ('d', 'e', 'r')
            AND {_NO_EXTENSION.format(catalog="pg_catalog.pg_type", oid="t.oid")}""",
    "composite type": f"""SELECT {_RELATION_NAME}, {_COLUMNS}
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OWN_SCHEMA} AND c.relkind = 'c'
            AND {_NO_EXTENSION.format(catalog="pg_catalog.pg_type", oid="c.reltype")}""",
    # Where it stands is compared apart.
    "sequence": f"""SELECT {_RELATION_NAME}, (SELECT pg_catalog.concat_ws(' ', s.seqtypid::pg_catalog.regtype,
            s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
            FROM pg_catalog.pg_sequence s WHERE s.seqrelid = c.oid) {_RELATIONS} AND c.relkind = 'S'""",
    "extension": "SELECT pg_catalog.quote_ident(extname), NULL FROM pg_catalog.pg_extension",
    "large objects:": "SELECT pg_catalog.count(*)::text, NULL FROM pg_catalog.pg_largeobject_metadata",
}


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


def databases(session: PostgresSession) -> list[str]:
    """Databases that one can connect to, without templates."""
    query = """SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate
        AND pg_catalog.has_database_privilege(oid, 'CONNECT') ORDER BY datname"""
    return [name for (name,) in session.rows(query)]


def is_empty(session: PostgresSession) -> bool:
    """Whether the database holds nothing of the user's; extensions aside."""
    found = objects(session, view_definitions=False)
    return all(key.kind == "extension" or str(key) == "large objects: 0" for key in found)


def objects(session: PostgresSession, *, view_definitions: bool) -> Definitions:
    """Definitions by kind and name.

    :param view_definitions: compare what views are made from; otherwise their columns only, for PostgreSQL writes
        the same view differently from one major version to the next.
    """
    view = "pg_catalog.pg_get_viewdef(c.oid)" if view_definitions else _COLUMNS
    found: Definitions = {}
    for kind, query in _OBJECTS.items():
        for name, definition in session.rows(query.replace("{view}", view)):
            found[Key(kind, name)] = {"definition": definition} if definition else {}
    return found


def tables(session: PostgresSession) -> set[str]:
    """Whatever holds rows: tables, partitions, materialized views that are filled."""
    query = f"SELECT {_RELATION_NAME} {_RELATIONS} AND c.relkind IN ('r', 'm') AND c.relispopulated"
    return {name for (name,) in session.rows(query)}


def unfilled_views(session: PostgresSession) -> set[str]:
    """Materialized views that were never filled."""
    query = f"SELECT {_RELATION_NAME} {_RELATIONS} AND c.relkind = 'm' AND NOT c.relispopulated"
    return {name for (name,) in session.rows(query)}


def hashing(session: PostgresSession) -> tuple[str, int] | None:
    """The encoding of the database, and what the server's hash function makes of a text; None: it has none (before 11).

    If both are the same at both ends, the same text has the same hash there. It has in all versions, for which rows are
    in which partition rests on it, but not on all processors.
    """
    if session.major < 11:
        return None
    query = "SELECT pg_catalog.getdatabaseencoding(), pg_catalog.hashtextextended('the hash of a longer text', 1)"
    encoding, value = session.rows(query)[0]
    return encoding, value


def digest(session: PostgresSession, table: str, *, content: bool, hashed: bool) -> Digest:
    """Number of rows and, with ``content``, a checksum that does not depend on their order.

    :param table: quoted name, as ``tables`` gives it.
    :param hashed: both ends hash alike, see ``hashing``. Otherwise MD5 is used, which takes three times as long.
    """
    if not content:
        return Digest(session.rows(f"SELECT pg_catalog.count(*) FROM ONLY {table}")[0][0])
    if hashed:
        row = '(t.*)::text COLLATE pg_catalog."C"'
        halves = [f"pg_catalog.hashtextextended(r, {seed})" for seed in (0, 1)]
    else:
        row = "pg_catalog.md5(pg_catalog.convert_to((t.*)::text, 'UTF8'))"
        halves = [f"('x' || pg_catalog.{end}(r, 16))::bit(64)::bigint" for end in ("left", "right")]
    # 128 bits of each row, in halves, let no accident through. Sums of bigint are numeric: they do not overflow, and
    # equal rows do not cancel each other out. OFFSET keeps the row's text from being made once for each half.
    sums = ", ".join(f"pg_catalog.sum({half})" for half in halves)
    query = f"SELECT pg_catalog.count(*), {sums} FROM (SELECT {row} AS r FROM ONLY {table} t OFFSET 0) texts"
    rows, *checksum = session.rows(query)[0]
    return Digest(rows, tuple(int(half or 0) for half in checksum), rows)


def sequences(session: PostgresSession) -> dict[str, SequencePosition]:
    """Positions of all sequences."""
    query = f"""SELECT {_RELATION_NAME}, s.seqincrement FROM pg_catalog.pg_sequence s
        JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE {_OWN_SCHEMA} AND {_NO_EXTENSION.format(catalog="pg_catalog.pg_class", oid="c.oid")}"""
    found = {}
    for name, increment in session.rows(query):
        position, called = session.rows(f"SELECT last_value, is_called FROM {name}")[0]
        found[name] = SequencePosition(position, called, increment)
    return found


def size(session: PostgresSession) -> int:
    """Bytes of the user's tables and indexes."""
    query = f"SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)) {_RELATIONS} AND c.relkind IN ('r', 'm')"
    return int(session.rows(query)[0][0] or 0)
