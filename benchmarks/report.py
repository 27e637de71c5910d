"""The table of a run."""

from __future__ import annotations

import itertools
import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.frame import Case, Quantity, Role, Subject, Values
from benchmarks.processes import ROOT

PAGE = ROOT / "benchmarks" / "RESULTS.md"
_TABLE = re.compile(r"(<!-- make bench: begin -->\n).*?(<!-- make bench: end -->)", re.DOTALL)

HEADINGS = ("measured", "who", "median", "lowest to highest", "ours to it", "goal")

#: The rounds of each case, by its name.
Rounds = Mapping[str, Sequence[Values]]


@dataclass(frozen=True)
class _Measured:
    case: Case
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def rows(subject: Subject, rounds: Rounds) -> list[tuple[str, ...]]:
    """The rows of a subject: ours first, then the others, the limit last.

    :param subject: what was measured.
    :param rounds: what was found.
    """
    return [row for quantity in subject.quantities for row in _rows(subject, quantity, rounds)]


def _rows(subject: Subject, quantity: Quantity, rounds: Rounds) -> list[tuple[str, ...]]:
    measured: list[_Measured] = []
    for role in Role:
        for case in (case for case in subject.cases if case.role is role):
            found = [value for each in rounds[case.name] if (value := each.get(quantity.key)) is not None]
            if found:
                measured.append(_Measured(case, found))
    ours = [each for each in measured if each.case.role is Role.OURS]
    result: list[tuple[str, ...]] = []
    for each in measured:
        low, high = (_number(bound(each.values), quantity) for bound in (min, max))
        own = each.case.role is Role.OURS
        result.append(
            (
                f"{subject.title}: {quantity.title}",
                f"limit: {each.case.title}" if each.case.role is Role.LIMIT else each.case.title,
                _number(each.median, quantity),
                low if low == high else f"{low} to {high}",
                f"{ours[0].median / each.median:.2f}" if ours and not own and each.median else "",
                _goal(quantity, each, measured) if own else "",
            )
        )
    return result


def _number(value: float, quantity: Quantity) -> str:
    return f"{value:,.{quantity.digits}f}"


def _goal(quantity: Quantity, ours: _Measured, measured: Sequence[_Measured]) -> str:
    goals: list[tuple[str, bool]] = []
    if quantity.most is not None:
        goals.append((f"at most {_number(quantity.most, quantity)}", ours.median <= quantity.most))
    peers = [each.median for each in measured if each.case.role is Role.PEER]
    goal = quantity.share if ours.case.share is None else ours.case.share
    if goal is not None and peers:
        share = ours.median / min(peers)
        goals.append((f"at most {goal} of the best peer ({share:.2f})", share <= goal))
    return "; ".join(f"{words}: {'met' if met else 'missed'}" for words, met in goals)


def text(table: Sequence[tuple[str, ...]]) -> str:
    """The table in columns, for a terminal."""
    shown = [
        (("" if before[0] == row[0] else row[0]), *row[1:]) for before, row in itertools.pairwise([HEADINGS, *table])
    ]
    widths = [max(len(row[column]) for row in (HEADINGS, *shown)) for column in range(len(HEADINGS))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if 2 <= n <= 4 else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(HEADINGS), line(["-" * width for width in widths]), *map(line, shown)])


def update(table: Sequence[tuple[str, ...]]) -> None:
    """Write the table into benchmarks/RESULTS.md, between its marks.

    :raises LookupError: if the marks are not there.
    """
    page = PAGE.read_text(encoding="utf-8")
    lines = [HEADINGS, ["---", "---", *["---:"] * 3, "---"], *table]
    body = "\n".join("| " + " | ".join(row) + " |" for row in lines)
    new, found = _TABLE.subn(lambda marks: f"{marks[1]}\n{machine()}\n\n{body}\n\n{marks[2]}", page)
    if not found:
        raise LookupError(f"{PAGE} lacks the marks that the table stands between")
    PAGE.write_text(new, encoding="utf-8")


def machine() -> str:
    """When and on what this is run."""
    day = f"{datetime.now(UTC):%d %B %Y}".lstrip("0")
    return f"{day}, Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores ({platform.machine()})."
