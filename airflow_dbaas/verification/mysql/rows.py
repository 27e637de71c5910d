"""Rows of MySQL and MariaDB tables: a checksum that does not depend on their order, and which of them differ."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification.engine import Content, Digest, Table
from airflow_dbaas.verification.mysql.catalog import quoted
from airflow_dbaas.verification.mysql.sessions import MysqlSession

# Types whose values read the same in every version, and are short.
_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint"}
_READABLE = _INTEGERS | {"decimal", "float", "double", "date", "time", "datetime", "timestamp", "year"}
#: What NULL reads as, and no value does.
NULL = b"-"
#: Texts up to so many bytes are part of the row's text; of longer ones their hash is.
_INLINE_BYTES = 255
#: Above so many columns only hashes are, so that a row's text stays below the smallest usual max_allowed_packet.
_MANY_COLUMNS = 1000
#: What stands in a sum for a row that could not be hashed; a hash has 52 digits.
_UNHASHED = 10**63
#: One row of so many is in a sample.
SAMPLED = 64
#: A table is read in parts of about so many bytes, if it is larger than two of them.
_PART_BYTES = 256_000_000
_MOST_PARTS = 64


@dataclass(frozen=True)
class Column:
    """A column that stores something of its own.

    :param data_type: without length.
    :param bytes: the most that a value may have; None for what is no text.
    :param nullable: whether there may be NULL.
    """

    data_type: str
    bytes: int | None = None
    nullable: bool = True

    @property
    def is_text(self) -> bool:
        """Whether values are taken as bytes, and not by how they read."""
        return self.data_type != "bit" and self.data_type not in _READABLE

    def text(self, name: str, *, inline: bool = True, all_digits: bool = False) -> str:
        """An expression for a value's text, from which it can be told where the value ends.

        :param name: of the column.
        :param inline: short texts go in as they are.
        :param all_digits: of a FLOAT, not only the six digits that every server shows, and that a dump carries.
        """
        column = quoted(name)
        if self.data_type == "bit":
            value = f"{column} + 0"
        elif not self.is_text:
            value = f"{column} + 0e0" if all_digits and self.data_type == "float" else column
        else:
            # Binary, so that bytes are taken as they are, whatever the character sets of the row's columns.
            whole = f"CONCAT(LENGTH({column}), CAST(':' AS BINARY), {column})"
            hashed = f"CAST(SHA2({column}, 256) AS BINARY)"
            if not inline:
                value = hashed
            elif self.bytes is not None and self.bytes <= _INLINE_BYTES:
                value = whole
            else:
                value = f"IF(LENGTH({column}) <= {_INLINE_BYTES}, {whole}, {hashed})"
        return self._or_null(value)

    def texts(self, name: str, *, inline: bool) -> list[str]:
        """As ``text``, in as many expressions as take the server least: CONCAT_WS leaves out a NULL after its length.

        :param name: of the column.
        :param inline: short texts go in as they are.
        """
        if inline and self.is_text and self.bytes is not None and self.bytes <= _INLINE_BYTES:
            return [self._or_null(f"LENGTH({quoted(name)})"), quoted(name)]
        return [self.text(name, inline=inline)]

    def _or_null(self, value: str) -> str:
        return f"IFNULL({value}, '{NULL.decode()}')" if self.nullable else value


@dataclass
class Columns:
    """The columns to read of a table, and those that tell its rows apart.

    :param columns: by name.
    :param key: their names; empty if there is no key.
    :param sequence: whether it is a sequence, of which MariaDB makes a table with one row.
    """

    columns: dict[str, Column]
    key: list[str] = field(default_factory=list)
    sequence: bool = False

    @property
    def has_float(self) -> bool:
        """Whether there are values of which a dump carries six digits only."""
        return any(column.data_type == "float" for column in self.columns.values())

    @property
    def range_key(self) -> str | None:
        """The integer that the key begins with, if it does."""
        name = self.key[0] if self.key else None
        return name if name is not None and self.columns[name].data_type in _INTEGERS else None

    def texts(self) -> list[str]:
        """An expression for the text of each value."""
        return [column.text(name) for name, column in self.columns.items()]

    def key_text(self) -> str:
        """An expression for the text of the key, or of the row if it has none."""
        return _joined(self.columns[name].text(name) for name in self.key or self.columns)

    def hash(self) -> str:
        """An expression for the hash of a row, as a number of 52 digits.

        MySQL and MariaDB can neither add up 128 bits, nor read more than 64 from hexadecimal digits, and two numbers of
        64 bits take a second hash. But ``HEX`` of a hexadecimal digit is two decimal ones. So 26 digits of SHA-256, 104
        bits, are a number of 52 decimal digits, and a DECIMAL has room for the sum of 10^13 of them. Two tables that
        differ have the same sum with a probability of 2^-104.

        CRC32, which other tools add up, would be cheaper, but sees less: it is linear. When two values of the same
        length have changed places between two rows, a sum of it is the same once in ten thousand times, whatever the
        salt, and an XOR always.
        """
        inline = len(self.columns) <= _MANY_COLUMNS
        return _number(chain.from_iterable(one.texts(name, inline=inline) for name, one in self.columns.items()))

    def all_digits(self) -> str:
        """An expression for the hash of a row's key and of all digits of its FLOAT values."""
        return _number(
            column.text(name, all_digits=True)
            for name, column in self.columns.items()
            if name in self.key or column.data_type == "float"
        )


def _number(texts: Iterable[str]) -> str:
    # A row whose text is too long for the server has none, and a sum would leave it out.
    return f"IFNULL(CAST(HEX(LEFT(SHA2({_joined(texts)}, 256), 26)) AS DECIMAL(52)), {_UNHASHED})"


def _joined(texts: Iterable[str]) -> str:
    return f"CONCAT_WS(CAST(',' AS BINARY), {', '.join(texts)})"


def columns(session: MysqlSession) -> dict[str, Columns]:
    """What to read of each table (or sequence); not of views."""
    # Joined by the server, a table would be found together with a view whose name differs in case or accents.
    query = """SELECT table_name, table_type FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')"""
    found = {table: Columns({}, sequence=kind == "SEQUENCE") for table, kind in session.rows(query)}
    query = """SELECT table_name, column_name, data_type, character_octet_length, extra, is_nullable
        FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"""
    for table, name, data_type, octets, extra, null in session.rows(query):
        if table in found and " GENERATED" not in extra.upper():
            found[table].columns[name] = Column(data_type.lower(), octets, null == "YES")
    keys: dict[tuple[str, str], list[str | None]] = {}
    # The primary key first; a part of a text is no key.
    query = """SELECT table_name, index_name, IF(sub_part IS NULL, column_name, NULL) FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND non_unique = 0
        ORDER BY table_name, index_name <> 'PRIMARY', index_name, seq_in_index"""
    for table, index, column in session.rows(query):
        keys.setdefault((table, index), []).append(column)
    for (table, index), parts in keys.items():
        if table not in found:
            continue
        # That of a table with history ends with a column that the server generates.
        stored = [name for name in parts if name in found[table].columns]
        whole = len(stored) == len(parts) or (index == "PRIMARY" and stored)
        if not found[table].key and whole and not any(found[table].columns[name].nullable for name in stored):
            found[table].key = [name for name in stored if name is not None]
    return found


def both(source: dict[str, Columns], target: dict[str, Columns]) -> dict[str, Columns]:
    """What can be compared: tables and columns that both ends have."""
    shared = {}
    for table, wanted in source.items():
        if table in target:
            there = target[table].columns
            columns = {
                # One that is longer, or may be NULL, at one end is read as such at both.
                name: column if column == there[name] else Column(column.data_type)
                for name, column in wanted.columns.items()
                if name in there
            }
            key = wanted.key if set(wanted.key) <= columns.keys() else []
            shared[table] = Columns(columns, key, wanted.sequence)
    return shared


def readings(session: MysqlSession, tables: dict[str, Columns]) -> dict[str, Table]:
    """How each table is read at one end: by key ranges, if it is large and its primary key begins with an integer."""
    query = """SELECT table_name, column_name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND index_name = 'PRIMARY' AND seq_in_index = 1"""
    first = dict(session.rows(query))
    query = "SELECT table_name, data_length FROM information_schema.tables WHERE table_schema = DATABASE()"
    found = {}
    for table, estimate in session.rows(query):
        if table in tables:
            size, key = int(estimate or 0), tables[table].range_key
            parts: tuple[str | None, ...] = (None,)
            if key is not None and key == first.get(table) and size > 2 * _PART_BYTES:
                parts = _ranges(session, table, key, min(_MOST_PARTS, size // _PART_BYTES))
            found[table] = Table(size, parts)
    return found


def _ranges(session: MysqlSession, table: str, key: str, count: int) -> tuple[str | None, ...]:
    """Conditions that divide a table by its key; the first and the last are open, so that no row is left out."""
    name = quoted(key)
    try:
        ((low, high),) = session.rows(f"SELECT MIN({name}), MAX({name}) FROM {quoted(table)}")
    except DbaasDatabaseError:
        # Reading it says why.
        return (None,)
    if low is None:
        return (None,)
    step = (high - low) // count + 1
    limits = range(low + step, high + 1, step)
    if not limits:
        return (None,)
    between = [f"{name} >= {limit} AND {name} < {limit + step}" for limit in limits[:-1]]
    return (f"{name} < {limits[0]}", *between, f"{name} >= {limits[-1]}")


def digest(session: MysqlSession, table: str, read: Columns, *, part: str | None, content: Content) -> list[Digest]:
    """The rows of a table; if it has FLOAT columns, once more with all their digits.

    :param table: its name.
    :param read: the columns to read.
    :param part: a condition; None for the whole table.
    :param content: how deep.
    """
    rows = f"FROM {quoted(table)}"
    if part is not None:
        # Rather than the whole table once for each part.
        rows += f" FORCE INDEX (PRIMARY) WHERE {part}"
    if content == "count" or not read.columns:
        return [Digest(int(session.rows(f"SELECT COUNT(*) {rows}")[0][0]))]
    hashes = [read.hash(), read.all_digits()] if read.has_float else [read.hash()]
    number = "COUNT(*)"
    if content == "sample":
        sampled = f"CRC32({read.key_text()}) % {SAMPLED} = 0"
        number = f"SUM({sampled})"
        hashes = [f"IF({sampled}, {one}, 0)" for one in hashes]
    sums = ", ".join(f"SUM({one})" for one in hashes)
    count, hashed, *found = session.rows(f"SELECT COUNT(*), {number}, {sums} {rows}")[0]
    if any((one or 0) >= _UNHASHED for one in found):
        raise DbaasDatabaseError(
            f"a row of table {table} is too long for the server to hash: raise max_allowed_packet", retryable=False
        )
    return [Digest(int(count), (int(one or 0),), int(hashed or 0)) for one in found]


def versions(session: MysqlSession) -> dict[str, int]:
    """Rows of the tables with history, past ones included; of those that this login may read."""
    if not session.mariadb:
        return {}
    query = """SELECT table_name FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type = 'SYSTEM VERSIONED'"""
    found = {}
    for (table,) in session.rows(query):
        with suppress(DbaasDatabaseError):
            found[table] = int(session.rows(f"SELECT COUNT(*) FROM {quoted(table)} FOR SYSTEM_TIME ALL")[0][0])
    return found
