"""The rows of PostgreSQL tables: their checksums, and where they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from airflow_dbaas.verification.engine import Content, Digest, Table
from airflow_dbaas.verification.postgres.definitions_catalog import NO_EXTENSION, OWN_SCHEMA, RELATION
from airflow_dbaas.verification.postgres.sessions import PostgresSession

#: How rows are hashed: column by column, by the text of the whole row, or by MD5 of that.
Method = Literal["columns", "text", "md5"]

#: What large objects are called among the tables.
LARGE_OBJECTS = "large objects"
#: One row of so many is in a sample; a power of two.
SAMPLED = 64
_BLOCK = 8192
# A part of a table that is read on its own: 128 MB.
_PART_BLOCKS = 16_384
# Quantiles are found in a sample of larger tables.
_SAMPLED_BLOCKS = 12_800
_RANGES = 100
#: Rows whose keys are fetched to name those that differ, at most.
FETCHED = 20_000

_RAW = frozenset({"boolean", "smallint", "integer", "oid", "date", "uuid", "bytea", '"char"'})
_TEXTS = frozenset({"text", "character varying"})
# What hashes alike though it differs is hashed by its binary form: PostgreSQL's own hashes fold 64 bits into 32 (bigint
# and times), pass over trailing zeros (numeric), the sign of zero (floats) and trailing blanks (bpchar).
_SENT = {
    "bigint": "int8send",
    "timestamp with time zone": "timestamptz_send",
    "timestamp without time zone": "timestamp_send",
    "time without time zone": "time_send",
    "time with time zone": "timetz_send",
    "interval": "interval_send",
    "character": "bpcharsend",
    "bpchar": "bpcharsend",
    "numeric": "numeric_send",
}
_FLOATS = {"real": "float4", "double precision": "float8"}
# Types whose order is the same at both ends.
_ORDERED = frozenset(
    {
        *("smallint", "integer", "bigint", "numeric", "oid", "date", "uuid", "bytea"),
        *("timestamp with time zone", "timestamp without time zone"),
    }
)


@dataclass(frozen=True)
class Column:
    """A column, as its rows are compared.

    :param name: quoted.
    :param type: of the server's own types, without its modifier; otherwise empty.
    :param declared: as it was declared.
    :param fixed: whether a modifier says the scale of a number.
    """

    name: str
    type: str
    declared: str
    fixed: bool = False

    def hashed(self, table: str = "t") -> str:
        """An expression whose hash differs wherever the value looks different."""
        name = f"{table}.{self.name}"
        if self.type in _RAW or (self.type == "numeric" and self.fixed):
            return name
        if self.type in _TEXTS:
            return f'{name} COLLATE pg_catalog."C"'
        if self.type in _SENT:
            return f"pg_catalog.{_SENT[self.type]}({name})"
        if self.type in _FLOATS:
            # "Not a number" has many forms, and a dump carries one.
            own = f"pg_catalog.{_FLOATS[self.type]}"
            return f"{own}send(CASE WHEN {name} = 'NaN'::{own} THEN 'NaN'::{own} ELSE {name} END)"
        return f'{self.text(table)} COLLATE pg_catalog."C"'

    def text(self, table: str = "t") -> str:
        """The value as text."""
        name = f"{table}.{self.name}"
        # A cast that a user has made need not say all.
        return f"({name})::text" if self.type and self.type != "character" else f"ROW({name})::text"

    def ordered(self, table: str = "t") -> str:
        """An expression that is in the same order at both ends."""
        if self.type in _ORDERED:
            return f"{table}.{self.name}"
        return f'{self.text(table)} COLLATE pg_catalog."C"'


@dataclass(frozen=True)
class Relation:
    """Whatever holds rows: a table, a partition, a filled materialized view.

    :param name: quoted.
    :param columns: those that store something of their own.
    :param key: quoted names of the columns of its primary key, or of a unique index that serves as one.
    :param materialized: it is a materialized view.
    :param blocks: how many it has, as far as the catalogue knows.
    :param bytes: to read.
    :param splits: whether its blocks can be read in parts.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    materialized: bool = False
    blocks: int = 0
    bytes: int = 0
    splits: bool = False

    @property
    def rows(self) -> str:
        """What stands behind FROM; the alias is ``t``."""
        if self.name == LARGE_OBJECTS:
            return """(SELECT m.oid, pg_catalog.lo_get(m.oid) AS content
                FROM pg_catalog.pg_largeobject_metadata m) t"""
        return f"ONLY {self.name} t"

    def table(self) -> Table:
        """The same, for the comparison."""
        parts: list[tuple[int, int | None] | None] = [None]
        if self.splits and self.blocks >= 2 * _PART_BLOCKS:
            starts = range(0, self.blocks - _PART_BLOCKS // 2, _PART_BLOCKS)
            # The last one has no end: more blocks may have come.
            parts = [*zip(starts, [*starts[1:], None], strict=True)]
        return Table(self.bytes, tuple(parts))

    def with_columns_of(self, other: Relation) -> Relation:
        """This one with the columns that both have, in the order of the other one."""
        mine = {column.name: column for column in self.columns}
        columns = [
            # Of another type they are compared by their texts.
            column if column == mine[column.name] else Column(column.name, "", "")
            for column in other.columns
            if column.name in mine
        ]
        key = other.key if set(other.key) <= {column.name for column in columns} else ()
        return Relation(self.name, tuple(columns), key, self.materialized, self.blocks, self.bytes, self.splits)


def relations(session: PostgresSession) -> dict[str, Relation]:
    """Whatever holds rows of the user's, by name."""
    condition = f"""FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        {{joins}} WHERE {OWN_SCHEMA} AND {NO_EXTENSION.format(catalog="pg_class", oid="c.oid")}
        AND c.relkind IN ('r', 'm') AND c.relispopulated"""
    virtual = "AND a.attgenerated <> 'v'" if session.major >= 12 else ""
    columns: dict[str, list[Column]] = defaultdict(list)
    for name, column, of_system, declared, fixed in session.rows(
        f"""SELECT {RELATION}, pg_catalog.quote_ident(a.attname),
            CASE WHEN y.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                THEN pg_catalog.format_type(a.atttypid, NULL) ELSE '' END,
            pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypmod >= 0
            {
            condition.format(
                joins="JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
                "JOIN pg_catalog.pg_type y ON y.oid = a.atttypid"
            )
        }
            AND a.attnum > 0 AND NOT a.attisdropped {virtual} ORDER BY 1, a.attnum"""
    ):
        columns[name].append(Column(column, of_system, declared, fixed))
    keys: dict[str, tuple[str, ...]] = {}
    for name, key in session.rows(
        f"""SELECT DISTINCT ON (c.oid) {RELATION}, ARRAY(SELECT pg_catalog.quote_ident(a.attname)
                FROM pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k (number, turn)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY k.turn)
            {condition.format(joins="JOIN pg_catalog.pg_index i ON i.indrelid = c.oid")}
            AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
            AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) k (number)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE NOT a.attnotnull)
            ORDER BY c.oid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid"""
    ):
        keys[name] = tuple(key)
    splits = (
        "c.relam = (SELECT m.oid FROM pg_catalog.pg_am m WHERE m.amname = 'heap')" if session.major >= 14 else "false"
    )
    found = {}
    for name, kind, blocks, toasted, heap in session.rows(
        f"""SELECT {RELATION}, c.relkind::text, c.relpages::bigint, COALESCE(o.relpages, 0)::bigint, {splits}
            {condition.format(joins="LEFT JOIN pg_catalog.pg_class o ON o.oid = c.reltoastrelid")}"""
    ):
        found[name] = Relation(
            name,
            tuple(columns[name]),
            keys.get(name, ()),
            kind == "m",
            blocks,
            (blocks + toasted) * _BLOCK,
            bool(heap),
        )
    if session.rows("SELECT 1 FROM pg_catalog.pg_largeobject_metadata LIMIT 1"):
        own = (Column("oid", "oid", "oid"), Column("content", "bytea", "bytea"))
        found[LARGE_OBJECTS] = Relation(LARGE_OBJECTS, own, ("oid",))
    return found


def hashing(session: PostgresSession) -> tuple[Any, ...]:
    """The encoding of the database, and what the server's hash functions make of a few values.

    If all is the same at both ends, the same values have the same hashes there. They have in all versions, for which
    rows are in which partition rests on it, but not on all processors. ``hash_record_extended`` is there since version
    14, ``hashtextextended`` since 11.
    """
    if session.major < 11:
        return ()
    text = "pg_catalog.hashtextextended('the hash of a longer text', 1)"
    probe = [
        column.hashed("v").replace("v.", "", 1)
        for column in (
            Column("7", "integer", ""),
            Column("true", "boolean", ""),
            Column("7::smallint", "smallint", ""),
            Column("7::oid", "oid", ""),
            Column("date '2001-02-03'", "date", ""),
            Column("'00000000-0000-0000-0000-00000000000f'::uuid", "uuid", ""),
            Column(r"'\x0a0b'::bytea", "bytea", ""),
            Column("1.5::numeric", "numeric", "", fixed=True),
            Column("'text'::text", "text", ""),
        )
    ]
    record = f"pg_catalog.hash_record_extended(ROW({', '.join(probe)}), 0)" if session.major >= 14 else "NULL"
    return session.rows(f"SELECT pg_catalog.getdatabaseencoding(), {text}, {record}")[0]


def method(source: PostgresSession, target: PostgresSession) -> Method:
    """How rows are hashed so that both ends do it alike."""
    one, other = hashing(source), hashing(target)
    if not one or one[:2] != other[:2]:
        return "md5"
    return "columns" if one == other and one[2] is not None else "text"


@dataclass(frozen=True)
class Reading:
    """How the rows of one table are read at both ends.

    :param relation: the table, with the columns that both ends have.
    :param by: how they are hashed.
    """

    relation: Relation
    by: Method

    @cached_property
    def hash(self) -> str:
        """64 bits of a row, in which each value counts together with the others of its row."""
        columns = self.relation.columns
        if self.by == "columns":
            values = ", ".join(column.hashed() for column in columns)
            # The record's hash is a sum over its columns; hashed once more, values that change rows do not cancel out.
            return f"pg_catalog.hashint4extended(0, pg_catalog.hash_record_extended(ROW({values}), 0))"
        row = f"ROW({', '.join(f't.{column.name}' for column in columns)})::text"
        if self.by == "text":
            return f'pg_catalog.hashtextextended({row} COLLATE pg_catalog."C", 0)'
        half = f"pg_catalog.left(pg_catalog.md5(pg_catalog.convert_to({row}, 'UTF8')), 16)"
        return f"('x' || {half})::bit(64)::bigint"

    @cached_property
    def in_sample(self) -> str:
        """The condition for a row to be in the sample: by its key, or without one by all of it."""
        by_key = Reading(Relation(self.relation.name, self.key), self.by) if self.key else self
        return f"({by_key.hash} & {SAMPLED - 1}) = 0"

    @cached_property
    def key(self) -> tuple[Column, ...]:
        """The columns of the key."""
        columns = {column.name: column for column in self.relation.columns}
        return tuple(columns[name] for name in self.relation.key)

    def digest(self, session: PostgresSession, part: tuple[int, int | None] | None, content: Content) -> Digest:
        """The number of rows and the sum of their hashes, which does not depend on their order.

        Sums of bigint are numeric: they do not overflow, and equal rows do not cancel each other out.
        """
        where = ""
        if part is not None:
            start, end = part
            where = f"WHERE t.ctid >= '({start},0)'::pg_catalog.tid"
            where += f" AND t.ctid < '({end},0)'::pg_catalog.tid" if end is not None else ""
        rows = f"FROM {self.relation.rows} {where}"
        if content == "count" or not self.relation.columns:
            return Digest(session.rows(f"SELECT pg_catalog.count(*) {rows}")[0][0])
        if content == "sample":
            only = f"FILTER (WHERE {self.in_sample})"
            query = f"SELECT pg_catalog.count(*), pg_catalog.sum({self.hash}) {only}, pg_catalog.count(*) {only} {rows}"
            count, total, hashed = session.rows(query)[0]
            return Digest(count, (int(total or 0),), hashed)
        count, total = session.rows(f"SELECT pg_catalog.count(*), pg_catalog.sum({self.hash}) {rows}")[0]
        return Digest(count, (int(total or 0),), count)

    def as_defined(self, session: PostgresSession) -> Digest:
        """What a materialized view would hold if it were filled now."""
        ((definition,),) = session.rows(
            "SELECT pg_catalog.pg_get_viewdef(%s::pg_catalog.regclass)", (self.relation.name,)
        )
        rows = f"FROM ({definition.rstrip(';')}) t"
        count, total = session.rows(f"SELECT pg_catalog.count(*), pg_catalog.sum({self.hash}) {rows}")[0]
        return Digest(count, (int(total or 0),), count)

    # Where rows differ.

    def quantiles(self, session: PostgresSession, within: str) -> list[str]:
        """Values of the first column of the key that part the rows into ranges of about the same size."""
        first = self.key[0]
        blocks = self.relation.blocks
        percent = 100 * _SAMPLED_BLOCKS / blocks if blocks > _SAMPLED_BLOCKS else 0
        sample = f"TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1)" if percent else ""
        shares = ", ".join(str(number / _RANGES) for number in range(1, _RANGES))
        found = session.rows(
            f"""SELECT pg_catalog.percentile_disc(ARRAY[{shares}]) WITHIN GROUP (ORDER BY {first.ordered()})::text[]
            FROM {self.relation.rows} {sample} {within}"""
        )[0][0]
        return list(dict.fromkeys(found or ()))

    def ranges(self, session: PostgresSession, bounds: list[str], within: str) -> dict[int, tuple[int, int]]:
        """Number of rows and sum of their hashes by range; 0 is below the first bound."""
        first = self.key[0]
        array = f"ARRAY[{', '.join(map(literal, bounds))}]::{self._ordered_type(first)}[]"
        bucket = f"pg_catalog.width_bucket({first.ordered()}, {array})" if bounds else "0"
        query = f"""SELECT {bucket}, pg_catalog.count(*), pg_catalog.sum({self.hash})
            FROM {self.relation.rows} {within} GROUP BY 1"""
        return {number: (count, int(total)) for number, count, total in session.rows(query)}

    def keys(self, session: PostgresSession, within: str) -> dict[tuple[str, ...], int]:
        """The hash of each row by its key."""
        names = ", ".join(column.text() for column in self.key)
        query = f"SELECT {self.hash}, {names} FROM {self.relation.rows} {within} LIMIT {FETCHED}"
        return {tuple(key): total for total, *key in session.rows(query)}

    def values(self, session: PostgresSession, key: tuple[str, ...]) -> dict[str, str | None]:
        """The row of a key, as texts by column."""
        matches = " AND ".join(f"{column.text()} = %s" for column in self.key)
        query = f"SELECT {', '.join(column.text() for column in self.relation.columns)} FROM {self.relation.rows}"
        rows = session.rows(f"{query} WHERE {matches}", key)
        names = [column.name for column in self.relation.columns]
        return dict(zip(names, rows[0], strict=True)) if rows else {}

    def between(self, lower: str | None, upper: str | None) -> str:
        """The condition for a range of keys; bounds are texts."""
        first = self.key[0]
        kind = self._ordered_type(first)
        conditions = [
            f"{first.ordered()} {operator} {literal(bound)}::{kind}"
            for operator, bound in ((">=", lower), ("<", upper))
            if bound is not None
        ]
        return f"WHERE {' AND '.join(conditions)}" if conditions else ""

    @staticmethod
    def _ordered_type(column: Column) -> str:
        return column.type if column.type in _ORDERED else "text"


def literal(text: str) -> str:
    """A text as it stands in a statement."""
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{quoted}'"


def differing(source: dict[Any, Any], target: dict[Any, Any]) -> Iterable[Any]:
    """What is not the same in both, in the order of the first."""
    return (key for key in {**source, **target} if source.get(key) != target.get(key))


def unchanged(session: PostgresSession, table: str, oldest: int, rows: int) -> bool:
    """Whether a table has so many rows, all of them written before a transaction.

    :param oldest: the transaction's number, with its epoch.
    """
    number = f"'{oldest % 2**32}'::pg_catalog.xid"
    query = f"""SELECT pg_catalog.count(*),
            pg_catalog.count(*) FILTER (WHERE pg_catalog.age(t.xmin) <= pg_catalog.age({number})),
            pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())
        FROM ONLY {table} t"""
    count, written, latest = session.rows(query)[0]
    return count == rows and not written and oldest <= latest < oldest + 2**30
