"""The tables, as text and in Markdown pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from airflow_dbaas import __version__
from tests.matrix.cell import Outcome
from tests.matrix.cells import CELLS, Cell
from tests.matrix.environments import ROOT
from tests.matrix.features import FEATURES

#: Where the results go, and where users look up which version has which feature.
RESULTS = ROOT / "tests" / "matrix" / "RESULTS.md"
FEATURES_PAGE = ROOT / "docs" / "airflow-versions.md"
STEPS = ("install", "listed", "imports", "dag.test()", "triggerer")


def rows(outcomes: Iterable[Outcome]) -> list[list[str]]:
    """One row a cell: how many seconds each step took, or that it failed."""
    table = [["Airflow", "Python", "as in", *STEPS, "seconds"]]
    for outcome in outcomes:
        failed = outcome.problem[0] if outcome.problem else ""
        steps = [
            "failed" if step == failed else f"{outcome.seconds[step]:.0f} s" if step in outcome.seconds else ""
            for step in STEPS
        ]
        cell = outcome.cell
        table.append([cell.airflow, cell.python, cell.where, *steps, f"{sum(outcome.seconds.values()):.0f}"])
    return table


def text(table: Sequence[Sequence[str]]) -> str:
    """A table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    head, *body = table
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def lines() -> list[list[str]]:
    """One row a feature, one column a minor version of Airflow. The trial holds every version to it."""
    versions = list(dict.fromkeys(cell.version[:2] for cell in CELLS))
    first = {minor: next(cell for cell in CELLS if cell.version[:2] == minor) for minor in versions}
    table = [["", *(f"{major}.{minor}" for major, minor in versions), "Otherwise"]]
    for feature in FEATURES:
        there = ["yes" if feature.there(first[minor]) else "no" for minor in versions]
        table.append([feature.title, *there, _otherwise(feature.instead, feature.refusal)])
    return table


def _otherwise(instead: str, refusal: str) -> str:
    return f"{instead}: “{refusal.format(airflow='2.11.0')}”" if refusal else instead


def section(content: str, name: str, body: str) -> str:
    """A page with another content between the markers of a section."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = content.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise LookupError(f"no markers of {name!r}")
    return f"{before}{begin}\n{body}\n\n{end}{after}"


def update(outcomes: Iterable[Outcome], file: Path = RESULTS, features: Path = FEATURES_PAGE) -> None:
    """Write the results and the features into their pages. Rows of other cells stay if they are of this version."""
    content = file.read_text(encoding="utf-8")
    version = f"airflow-dbaas {__version__}"
    kept = content.splitlines() if f"{version}\n" in content else []
    head, *tried = markdown(rows(outcomes)).splitlines(keepends=True)
    table = [
        next((line.rstrip() for line in (*tried, *kept) if line.startswith(row_start(cell))), "") for cell in CELLS
    ]
    lacking = [str(cell) for cell, row in zip(CELLS, table, strict=True) if not row]
    if lacking:
        raise LookupError(f"{file.name} has no rows of {version} for {'; '.join(lacking)}")
    content = section(content, "matrix", "\n".join([f"{version}\n", head.rstrip(), tried[0].rstrip(), *table]))
    file.write_text(content, encoding="utf-8")
    features.write_text(section(features.read_text(encoding="utf-8"), "features", markdown(lines())), encoding="utf-8")


def row_start(cell: Cell) -> str:
    """The start of a cell's row in the page."""
    return f"| {cell.airflow} | {cell.python} | {cell.where} |"
