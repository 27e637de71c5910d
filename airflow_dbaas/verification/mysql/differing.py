"""Which rows of a table differ: key ranges, and some of the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.verification.engine import IN_TARGET_ONLY, MISSING
from airflow_dbaas.verification.mysql.catalog import quoted
from airflow_dbaas.verification.mysql.rows import NULL, Column, Columns
from airflow_dbaas.verification.mysql.sessions import MysqlSession

#: Keys that are named, at most.
_KEYS = 10
#: Key ranges that are named, at most.
_RANGES = 5
#: A table, or a part of it, is divided into so many, until one has so few rows that they can be read.
_DIVISIONS = 64
_FEW_ROWS = 1000
#: Parts of a table that has no integer as its key; each is looked for in all of the table.
_MOST_GROUPS = 65536
_GROUPS_READ = 10
#: Rows that are read at each end at once, at most.
_ROWS_READ = 10_000
_VALUE_SHOWN = 60

#: Runs a query at both ends at the same time.
Both = Callable[[Callable[[MysqlSession], Any]], tuple[Any, Any]]


@dataclass
class Search:
    """Looks for the rows of one table that differ.

    :param at_both: runs a query at both ends.
    :param table: its name.
    :param read: its columns.
    :param show_values: show values, not only keys and the names of columns.
    """

    at_both: Both
    table: str
    read: Columns
    show_values: bool
    found: list[str] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    #: Whether rows that differ were left unread.
    unread: bool = False

    def words(self) -> str:
        """What was found; nothing of a table whose rows are only counted."""
        if not self.read.columns:
            return ""
        texts = []
        if self.read.sequence:
            # It has one row, and no secrets.
            wanted, found = self._ends(f"SELECT {self._texts()} FROM {quoted(self.table)}")
            return self._how(wanted[0], found[0], show_values=True)
        key = self.read.range_key
        if key is None:
            self._by_groups()
        else:
            ends = self._ends(f"SELECT MIN({quoted(key)}), MAX({quoted(key)}) FROM {quoted(self.table)}")
            limits = [int(limit) for ((low, high),) in ends if low is not None for limit in (low, high)]
            if limits:
                self._by_ranges(key, min(limits), max(limits))
        if key is not None and self.ranges:
            merged = list(_merged(self.ranges))
            shown = [str(low) if low == high else f"{low} to {high}" for low, high in merged[:_RANGES]]
            texts.append(f"{key} {', '.join(shown)}{_more(len(merged), _RANGES)}")
        if self.found:
            more = " and others" if self.unread else _more(len(self.found), _KEYS)
            rows = "rows" if self.read.key else "rows without a key:"
            texts.append(f"{rows} {', '.join(self.found[:_KEYS])}{more}")
        return "; ".join(texts)

    def _ends(self, query: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        return self.at_both(lambda session: session.rows(query))

    def _by_ranges(self, key: str, low: int, high: int) -> None:
        """Narrow the ranges of the key that differ, and read them when they are short."""
        name = quoted(key)
        step = (high - low) // _DIVISIONS + 1
        # In DECIMAL: a difference of unsigned numbers must not be below zero.
        division = f"(CAST({name} AS DECIMAL(20)) - {low}) DIV {step}"
        for part, rows in self._differing(division, f"WHERE {name} BETWEEN {low} AND {high}"):
            first = low + part * step
            last = min(first + step - 1, high)
            if len(self.found) >= _KEYS:
                self.unread = True
                self.ranges.append((first, last))
            elif rows > _FEW_ROWS and step > 1:
                self._by_ranges(key, first, last)
            else:
                where = f"WHERE {name} BETWEEN {first} AND {last}"
                keys = []
                if rows <= _ROWS_READ:
                    keys = self._read(where)
                else:
                    self.unread = True
                numbers = [int(one[0]) for one in keys]
                self.ranges.append((min(numbers), max(numbers)) if numbers else (first, last))

    def _by_groups(self) -> None:
        """Divide the rows by a hash of their keys, and read the groups that differ."""
        rows = max(int(end[0][0]) for end in self._ends(f"SELECT COUNT(*) FROM {quoted(self.table)}"))
        group = f"CRC32({self.read.key_text()}) % {min(_MOST_GROUPS, rows // _FEW_ROWS + 1)}"
        differing = self._differing(group, "")
        parts, total = [], 0
        for part, count in differing[:_GROUPS_READ]:
            total += count
            if total <= _ROWS_READ:
                parts.append(str(part))
        self.unread = len(parts) < len(differing)
        if parts:
            self._read(f"WHERE {group} IN ({', '.join(parts)})")

    def _differing(self, division: str, where: str) -> list[tuple[int, int]]:
        """The divisions that differ, each with the number of its rows at the end that has more."""
        query = f"""SELECT {division} AS division, COUNT(*), SUM({self.read.hash()}) FROM {quoted(self.table)} {where}
            GROUP BY division ORDER BY division"""
        wanted, found = ({int(part): rest for part, *rest in end} for end in self._ends(query))
        return [
            (part, max(int(end[part][0]) for end in (wanted, found) if part in end))
            for part in sorted(wanted.keys() | found.keys())
            if wanted.get(part) != found.get(part)
        ]

    def _read(self, where: str) -> list[tuple[Any, ...]]:
        """Read rows at both ends and note those that differ; returns their keys."""
        key = [quoted(name) for name in self.read.key]
        ends = self._ends(f"SELECT {', '.join([*key, self._texts()])} FROM {quoted(self.table)} {where}")
        if not key:
            self._note_unkeyed(*ends)
            return []
        count = len(key)
        wanted, found = ({row[:count]: row[count:] for row in end} for end in ends)
        keys = [one for one in {**wanted, **found} if wanted.get(one) != found.get(one)]
        for one in sorted(keys, key=repr) if count > 1 else sorted(keys):
            self.found.append(
                f"{self._key(one)} ({self._how(wanted.get(one), found.get(one), show_values=self.show_values)})"
            )
        return keys

    def _texts(self) -> str:
        return ", ".join(f"CAST({text} AS BINARY)" for text in self.read.texts())

    def _note_unkeyed(self, wanted: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> None:
        at_source, in_target = Counter(wanted), Counter(found)
        for left, where in ((at_source - in_target, "at the source"), (in_target - at_source, "in the target")):
            for row, number in left.items():
                columns = zip(self.read.columns.values(), row, strict=True)
                values = f" ({', '.join(_value(*each) for each in columns)})" if self.show_values else ""
                self.found.append(f"{number} {where} only{values}")

    def _key(self, values: tuple[Any, ...]) -> str:
        return " ".join(f"{name}={_shown(value)}" for name, value in zip(self.read.key, values, strict=True))

    def _how(self, wanted: tuple[Any, ...] | None, found: tuple[Any, ...] | None, *, show_values: bool) -> str:
        if found is None:
            return MISSING
        if wanted is None:
            return IN_TARGET_ONLY
        columns = [
            f"{name}: {_value(column, one)} at the source, {_value(column, other)} in the target"
            if show_values
            else name
            for (name, column), one, other in zip(self.read.columns.items(), wanted, found, strict=True)
            if one != other
        ]
        return "; ".join(columns) if show_values else f"differs in {', '.join(columns)}"


def _merged(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges, with those that touch as one."""
    first: int | None = None
    last = 0
    for low, high in sorted(ranges):
        if first is not None and low <= last + 1:
            last = max(last, high)
            continue
        if first is not None:
            yield first, last
        first, last = low, high
    if first is not None:
        yield first, last


def _more(count: int, shown: int) -> str:
    return f" and {count - shown} more" if count > shown else ""


def _value(column: Column, text: bytes) -> str:
    """A value for people, from the text that is hashed."""
    if text == NULL:
        return "NULL"
    if not column.is_text:
        return _shown(text)
    length, colon, value = text.partition(b":")
    return _shown(value) if colon else f"a text with the SHA-256 {_shown(length)}"


def _shown(value: Any) -> str:
    """A value, shortened."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}…"
