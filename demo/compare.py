"""Compares a database with its copy: every row, every sequence's position, every definition.

It shares no code with the package whose work it judges, and trusts no server's own arithmetic: rows are read and
summed up here.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg

from demo.catalog import QUERIES, TABLES_WITH_ROWS

# Settings that affect how a value is written.
SESSION = {
    "search_path": "",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "row_security": "off",
    "quote_all_identifiers": "off",
    "statement_timeout": "0",
}
CHECKSUM_BYTES = 16
CHECKSUM_MODULUS = 1 << (8 * CHECKSUM_BYTES)


@dataclass(frozen=True)
class Rows:
    """The rows of one table, in any order: how many, how long, and the sum of their checksums."""

    count: int
    bytes: int
    checksum: int


@dataclass
class Contents:
    """One database: its definitions by kind and name, and its rows by table."""

    objects: dict[str, dict[str, str]] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Something that is not on both sides alike."""

    kind: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.what}"


@dataclass(frozen=True)
class Comparison:
    """The outcome for one database; the numbers are the source's."""

    differences: list[Difference]
    tables: int
    rows: int
    bytes: int


def compare(source: str, target: str) -> Comparison:
    """Compare two databases, given as connection strings."""
    with ThreadPoolExecutor(2) as pool:
        left, right = pool.map(read, (source, target))
    return Comparison(
        differences=list(_differences(left, right)),
        tables=len(left.rows),
        rows=sum(rows.count for rows in left.rows.values()),
        bytes=sum(rows.bytes for rows in left.rows.values()),
    )


def read(conninfo: str) -> Contents:
    """Read one database, as of one moment."""
    contents = Contents()
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for name, value in SESSION.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        for kind, query in QUERIES.items():
            contents.objects[kind] = dict(connection.execute(query.encode()).fetchall())
        for sequence in contents.objects["sequence"]:
            try:
                with connection.transaction():
                    contents.objects["sequence"][sequence] += _position(connection, sequence)
            except psycopg.Error as error:
                contents.unreadable[f"sequence {sequence}"] = str(error)
        for table, columns in connection.execute(TABLES_WITH_ROWS.encode()).fetchall():
            try:
                with connection.transaction():
                    contents.rows[table] = _sum_up(connection, table, columns)
            except psycopg.Error as error:
                contents.unreadable[f"table {table}"] = str(error)
    return contents


def _position(connection: psycopg.Connection, sequence: str) -> str:
    """Where a sequence stands. Its name comes quoted from the catalog."""
    query = f"SELECT format(' stands at %s, called %s', last_value, is_called) FROM {sequence}"  # noqa: S608 - see above
    (position,) = connection.execute(query.encode()).fetchone() or ("",)
    return str(position)


def _sum_up(connection: psycopg.Connection, table: str, columns: list[str]) -> Rows:
    """Read a table's rows. The sum of checksums depends on no order, yet on how often each row occurs."""
    count = length = checksum = 0
    query = f"COPY (SELECT {', '.join(columns)} FROM ONLY {table}) TO STDOUT"  # noqa: S608 - both quoted by it
    with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for chunk in copy:
            # A newline within a value is escaped, so this one ends a row.
            *rows, rest = bytes(chunk).split(b"\n")
            if rest:
                raise ValueError(f"table {table}: the server sent a part of a row")
            for row in rows:
                count += 1
                length += len(row) + 1
                digest = hashlib.blake2b(row, digest_size=CHECKSUM_BYTES).digest()
                checksum += int.from_bytes(digest, "big")
    return Rows(count, length, checksum % CHECKSUM_MODULUS)


def _differences(source: Contents, target: Contents) -> Iterator[Difference]:
    for side, contents in (("source", source), ("target", target)):
        for name, reason in contents.unreadable.items():
            yield Difference("access", name, f"cannot be read in the {side}: {reason}")
    for kind, definitions in source.objects.items():
        others = target.objects[kind]
        for name in sorted(definitions.keys() | others.keys()):
            if name not in others:
                yield Difference(kind, name, "missing in the target")
            elif name not in definitions:
                yield Difference(kind, name, "only in the target")
            elif definitions[name] != others[name]:
                yield Difference(kind, name, f"source has {definitions[name]!r}, target has {others[name]!r}")
    for table in sorted(source.rows.keys() & target.rows.keys()):
        left, right = source.rows[table], target.rows[table]
        if left.count != right.count:
            yield Difference("rows", table, f"source has {left.count}, target has {right.count}")
        elif left != right:
            yield Difference("rows", table, f"{left.count} in both, but their contents differ")
