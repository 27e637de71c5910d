"""The fields of results, as the reference describes them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
_TABLE = re.compile(r"^\| Result \| Type \| \|\n\|---\|---\|---\|\n((?:\|.*\n)*)", re.MULTILINE)
#: Fields that are there only in some results, by what their description says.
_SOMETIMES = "nly present"


def fields(section: str) -> list[str]:
    """The fields of the table of a section, in order."""
    return [name for name, _ in _rows(section)]


@cache
def described(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """The fields that the result of an operator or sensor always has, and those that it may have as well.

    :param name: name of the class.
    """
    for page in [*REFERENCE.glob("operators/*.md"), REFERENCE / "sensors.md"]:
        _, found, rest = page.read_text().partition(f"\n## {name}\n")
        if found:
            rows = _rows(rest.partition("\n## ")[0])
            always = frozenset(field for field, text in rows if _SOMETIMES not in text)
            return always, frozenset(field for field, _ in rows) - always
    raise LookupError(f"no page of the reference has a section {name}")


def _rows(section: str) -> list[tuple[str, str]]:
    table = _TABLE.search(section)
    lines = table[1].splitlines() if table else []
    return [(line.split("|")[1].strip(" `"), line) for line in lines]
