"""What a comparison found, for people and for programs."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypedDict

# Shown of a definition around the first place where the two ends differ.
_SHOWN = 120
_BEFORE = 30


class Level(StrEnum):
    """How much a finding weighs."""

    #: The ends are not equal, or it cannot be seen whether they are.
    DIFFERENCE = "difference"
    #: Worth knowing, and as a migration leaves it; a failure only where the caller is strict.
    NOTE = "note"
    #: Of a kind that is not compared.
    NOT_COMPARED = "not compared"

    @property
    def heading(self) -> str:
        """For several of them."""
        return {"difference": "Differences", "note": "Notes", "not compared": "Not compared"}[self.value]


@dataclass(frozen=True)
class Finding:
    """One thing that a comparison found.

    :param level: how much it weighs.
    :param database: the database; empty for what concerns the whole server.
    :param kind: what kind of object it is, as ``kinds`` names it.
    :param name: the object.
    :param message: what differs.
    :param retryable: only whether it can be seen, which a later try may change.
    """

    level: Level
    database: str
    kind: str
    name: str
    message: str
    retryable: bool = False

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.kind, self.name)))
        return ": ".join(filter(None, (self.database, what, self.message)))

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return {name: getattr(self, name) for name in ("database", "kind", "name", "message")}


class Database(TypedDict):
    """What there is of one database; sizes are the target's."""

    name: str
    tables: int
    rows: int
    bytes: int
    seconds: float


@dataclass(frozen=True)
class TableResult:
    """How one table was compared.

    :param database: its database.
    :param name: the table.
    :param equal: whether its rows are equal.
    :param rows: at the source and in the target; None where they could not be read.
    :param digest: checksum of the rows at the source and in the target, in hexadecimal digits; empty without one.
    :param bytes: read at the source.
    :param seconds: that it took.
    :param rule: what was compared, such as ``all rows`` or ``a sample``.
    """

    database: str
    name: str
    equal: bool
    rows: tuple[int | None, int | None]
    digest: tuple[str, str]
    bytes: int
    seconds: float
    rule: str


@dataclass
class Report:
    """What a comparison found.

    :param databases: those that were compared.
    :param tables: those whose rows were compared.
    :param findings: all that was found, in order.
    :param about: when, by what and how it was compared.
    """

    databases: list[Database] = field(default_factory=list)
    tables: list[TableResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    def add(self, level: Level, database: str, kind: str, name: str, message: str, *, retryable: bool = False) -> None:
        """Add a finding."""
        self.findings.append(Finding(level, database, kind, name, message, retryable))

    def extend(self, other: Report) -> None:
        """Add what another report has."""
        self.databases += other.databases
        self.tables += other.tables
        self.findings += other.findings

    @property
    def differences(self) -> list[Finding]:
        """What makes the ends unequal."""
        return self._of(Level.DIFFERENCE)

    @property
    def notes(self) -> list[Finding]:
        """What is worth knowing."""
        return self._of(Level.NOTE)

    @property
    def not_compared(self) -> list[Finding]:
        """What was not compared, and why."""
        return self._of(Level.NOT_COMPARED)

    def failures(self, *, strict: bool = False) -> list[Finding]:
        """What fails a verification.

        :param strict: notes do, too.
        """
        return self.differences + (self.notes if strict else [])

    def to_dict(self, *, strict: bool = False, most: int | None = None) -> dict[str, Any]:
        """For JSON, and for an XCom.

        :param strict: notes make the ends unequal, too.
        :param most: so many findings of each level, at most.
        """
        return {
            "equal": not self.failures(strict=strict),
            "differences": [finding.to_dict() for finding in self.differences[:most]],
            "notes": [finding.to_dict() for finding in self.notes[:most]],
            "not_compared": [finding.to_dict() for finding in self.not_compared[:most]],
            "databases": [dict(database) for database in self.databases],
        }

    def to_json(self, *, strict: bool = False) -> dict[str, Any]:
        """As ``to_dict``, with all that a report to keep has: each table, and how it was compared."""
        return {**self.about, **self.to_dict(strict=strict), "tables": [asdict(table) for table in self.tables]}

    def files(self, *, strict: bool = False) -> dict[str, str]:
        """The report to keep: the text of each file, by its suffix."""
        text = json.dumps(self.to_json(strict=strict), indent=2, ensure_ascii=False)
        return {".json": f"{text}\n", ".html": self.to_html(strict=strict)}

    def to_html(self, *, strict: bool = False) -> str:
        """A page to keep, complete in itself."""
        failures = self.failures(strict=strict)
        verdict = f"{len(failures):,} differences" if failures else "Source and target are equal"
        about = {**self.about, "verdict": verdict}
        parts = [
            _html_table(["", ""], ([name.capitalize(), value] for name, value in about.items())),
            "<h2>Databases</h2>",
            _html_table(
                ["Database", "Tables", "Rows", "Bytes", "Seconds"],
                ([one["name"], one["tables"], one["rows"], one["bytes"], one["seconds"]] for one in self.databases),
            ),
        ]
        for level in Level:
            found = self._of(level)
            parts.append(f"<h2>{level.heading}: {len(found):,}</h2>")
            if found:
                rows = ([one.database, one.kind, one.name, one.message] for one in found)
                parts.append(_html_table(["Database", "Kind", "Object", "What"], rows))
        parts += [
            "<h2>Tables</h2>",
            _html_table(
                ["Database", "Table", "Equal", "Rows at the source", "In the target", "Checksum", "Compared by"],
                (
                    [
                        one.database,
                        one.name,
                        "yes" if one.equal else "no",
                        *one.rows,
                        " / ".join(one.digest),
                        one.rule,
                    ]
                    for one in self.tables
                ),
            ),
        ]
        return _PAGE.format(verdict=html.escape(verdict), body="\n".join(parts))

    def _of(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level is level]


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Verification of a migration</title>
<style>body{{font-family:sans-serif;margin:2em}}table{{border-collapse:collapse}}
td,th{{border:1px solid #999;padding:.2em .5em;text-align:left;vertical-align:top}}</style></head>
<body><h1>{verdict}</h1>
{body}
</body></html>
"""


def _html_table(heads: list[str], rows: Iterable[Iterable[Any]]) -> str:
    def line(cells: Iterable[Any], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(str(cell))}</{tag}>' for cell in cells)}</tr>"

    head = line(heads, "th") if any(heads) else ""
    return f"<table>{head}{''.join(line(row, 'td') for row in rows)}</table>"


def texts(findings: Iterable[Finding]) -> list[str]:
    """Findings as lines."""
    return [str(finding) for finding in findings]


def both(source: Any, target: Any) -> str:
    """What is at either end, in words; of long texts what surrounds the first place where they differ."""
    wanted, found = (str(text) if text not in {None, ""} else "nothing" for text in (source, target))
    if max(len(wanted), len(found)) > _SHOWN:
        pairs = enumerate(zip(wanted, found, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), min(len(wanted), len(found)))
        wanted, found = (_around(text, at) for text in (wanted, found))
    return f"{wanted} at the source, {found} in the target"


def _around(text: str, at: int) -> str:
    start = max(0, at - _BEFORE)
    shown = text[start : start + _SHOWN]
    return f"{'…' if start else ''}{shown}{'…' if start + _SHOWN < len(text) else ''}"
