"""Which rows of two tables differ, in words."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.verification.postgres.rows_catalog import FETCHED, Reading, differing
from airflow_dbaas.verification.postgres.sessions import PostgresSession
from airflow_dbaas.verification.report import both

#: Keys that are named, at most.
NAMED = 10
_SHOWN_RANGES = 5
_DEEPEST = 4

Bounds = tuple[str | None, str | None]


class Search:
    """The search for the rows of a table that differ, from ranges of keys to single ones.

    :param sessions: at the source and in the target.
    :param reading: how the table is read.
    :param show_values: show what differs in a row.
    """

    def __init__(self, sessions: tuple[PostgresSession, PostgresSession], reading: Reading, show_values: bool) -> None:
        self.sessions = sessions
        self.reading = reading
        self.show_values = show_values
        self.found: list[str] = []

    def describe(self) -> str:
        """The ranges that differ, and up to ten keys."""
        if not self.reading.key:
            return "without a key, rows cannot be named"
        ranges = self._ranges((None, None))
        for bounds, size in sorted(ranges, key=lambda one: one[1]):
            if len(self.found) > NAMED:
                break
            self._name(bounds, size, depth=1)
        first = self.reading.key[0].name
        shown = [_in_words(first, bounds) for bounds, _ in _merged(ranges)]
        more = f" and {len(shown) - _SHOWN_RANGES} more ranges" if len(shown) > _SHOWN_RANGES else ""
        where = f"in {', '.join(shown[:_SHOWN_RANGES])}{more}" if shown != ["all"] else ""
        keys = "; ".join(self.found[:NAMED])
        limit = ", among others" if len(self.found) > NAMED else ""
        return ": ".join(filter(None, (where, f"{keys}{limit}" if keys else "")))

    def _ranges(self, bounds: Bounds) -> list[tuple[Bounds, int]]:
        """Ranges within others that differ, with the number of rows of the larger end."""
        within = self.reading.between(*bounds)
        inner = self.reading.quantiles(self.sessions[0], within)
        if not inner:
            inner = self.reading.quantiles(self.sessions[1], within)
        wanted, found = (self.reading.ranges(session, inner, within) for session in self.sessions)
        limits = [bounds[0], *inner, bounds[1]]
        return [
            ((limits[number], limits[number + 1]), max(wanted.get(number, (0,))[0], found.get(number, (0,))[0]))
            for number in sorted(differing(wanted, found))
        ]

    def _name(self, bounds: Bounds, size: int, depth: int) -> None:
        if size > FETCHED:
            inner = self._ranges(bounds) if depth < _DEEPEST else []
            # Where all have one value in the first column, there is nothing to part.
            for smaller, count in sorted(inner, key=lambda one: one[1]):
                if len(self.found) <= NAMED and smaller != bounds:
                    self._name(smaller, count, depth + 1)
            return
        wanted, found = (self.reading.keys(session, self.reading.between(*bounds)) for session in self.sessions)
        for key in differing(wanted, found):
            if len(self.found) > NAMED:
                return
            self.found.append(self._row(key, wanted, found))

    def _row(self, key: tuple[str, ...], wanted: dict[Any, Any], found: dict[Any, Any]) -> str:
        names = [column.name for column in self.reading.key]
        row = ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))
        if key not in found:
            return f"{row} is missing in the target"
        if key not in wanted:
            return f"{row} is in the target only"
        if not self.show_values:
            return f"{row} differs"
        one, other = (self.reading.values(session, key) for session in self.sessions)
        parts = [f"{name}: {both(one[name], other.get(name))}" for name in one if one[name] != other.get(name)]
        return f"{row}: {', '.join(parts)}"


def _merged(ranges: list[tuple[Bounds, int]]) -> list[tuple[Bounds, int]]:
    merged: list[tuple[Bounds, int]] = []
    for (lower, upper), size in ranges:
        if merged and merged[-1][0][1] == lower and lower is not None:
            (start, _), before = merged[-1]
            merged[-1] = ((start, upper), before + size)
        else:
            merged.append(((lower, upper), size))
    return merged


def _in_words(column: str, bounds: Bounds) -> str:
    lower, upper = bounds
    if lower is None and upper is None:
        return "all"
    if lower is None:
        return f"{column} below {upper}"
    return f"{column} from {lower}" + (f" to below {upper}" if upper is not None else "")
