"""Tables of the how-to guides, held to the code."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from airflow_dbaas.api import parameters
from airflow_dbaas.emulator.mysql import checks as mysql_checks
from airflow_dbaas.emulator.mysql import endpoint as mysql_endpoint
from airflow_dbaas.emulator.postgres import checks, endpoint, extensions, obstacles
from tests.contract import reachable
from tests.unit.bad_input.kinds import GOOD

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
PAGES = [*(ROOT / "docs" / "reference" / "operators").glob("*.md"), ROOT / "docs" / "reference" / "sensors.md"]
REFERENCE = "\n".join(page.read_text() for page in PAGES)
FAMILIES = {
    "<service type>": sorted(parameters.SERVICE_TYPES),
    "<endpoint type>": sorted(parameters.ENDPOINT_TYPES),
}


def cells(page: str) -> list[list[str]]:
    """The rows of a page's tables, without backticks around a whole cell."""
    lines = (HOW_TO / page).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if line.startswith("| ")]


def short(operations: set[str]) -> list[str]:
    """Operations with a type at their end, where there is one for each type, as one."""
    left, found = set(operations), []
    for family, types in FAMILIES.items():
        begins = {name.removesuffix(types[0]) for name in left if name.endswith(f"-{types[0]}")}
        for begin in begins:
            each = {f"{begin}{kind}" for kind in types}
            if each <= left:
                left -= each
                found.append(f"{begin}{family}")
    return sorted([*found, *left])


@pytest.mark.parametrize("kind", GOOD)
def test_what_an_operator_may_call(kind: type) -> None:
    """The section of each operator and sensor names the operations that its code can call, no more and no less."""
    (section,) = re.findall(rf"^## {kind.__name__}\n(.*?)(?=^## |\Z)", REFERENCE, re.DOTALL | re.MULTILINE)
    (named,) = re.findall(r"^- \*\*API operations\*\*: (.*(?:\n  .*)*)", section, re.MULTILINE)
    assert re.findall(r"`([^`]+)`", " ".join(named.split())) == short(reachable.operations(kind))


def refusals() -> Iterator[tuple[str, str]]:
    """Where the emulator's checks refuse or warn, and the constant part of each text: its longest piece."""
    for module in (checks, endpoint, extensions, obstacles, mysql_checks, mysql_endpoint):
        for place, pieces in texts(module):
            yield f"{module.__name__.removeprefix('airflow_dbaas.')}:{place}", max(pieces, key=len)


def texts(module: ModuleType) -> Iterator[tuple[int, list[str]]]:
    """The texts of a module that have words, each as its constant pieces; not docstrings, SQL or keys."""
    tree = ast.parse(inspect.getsource(module))
    inner = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in ast.walk(node)}
    passed = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pieces = [part.value for part in node.values if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.Constant) and id(node) not in inner | passed and isinstance(node.value, str):
            pieces = [node.value]
        else:
            continue
        # Fewer words are parts of a text, or no text.
        words = [piece for piece in pieces if len(re.findall(r"[a-z]{2,}", piece)) >= 3]
        if words and not any(re.search(r"\b(SELECT|SHOW|FROM)\b|\(\.\+", piece) for piece in pieces):
            yield node.lineno, words


#: Texts that are parts of a row's, or no refusals.
PARTS = re.compile(
    "Migration method will be|Replication is not possible|will be dumped|All pre-checks|one for each database and one"
    "|those that cannot be connected|nor would MySQL|aiven_mysql_migrate"
)


def test_every_refusal_has_a_row() -> None:
    """Each text that the emulator's checks refuse, or advise, with is in a row that says what to do."""
    rows = [row for row in cells("refused-checks.md") if len(row) == 3 and row[1]]
    shown = " ".join(re.sub(r"`", "", row[0]) for row in rows)
    plain = re.sub(r"\s+", " ", shown)
    missing = []
    for place, text in refusals():
        if PARTS.search(text):
            continue
        wanted = re.sub(r"\s+", " ", text).strip(" .;:,'()")
        if wanted not in plain:
            missing.append(f"{place}: {wanted}")
    assert missing == []
    assert len(rows) > 30
    assert all(row[1] and row[2] for row in rows)


def test_every_message_of_troubleshooting_is_there() -> None:
    """Each message of the page is one that the package raises or logs, in the same words and order."""
    page = (HOW_TO.parent / "troubleshooting.md").read_text()
    rows = re.findall(r"^\| `(.+?)` \| .+ \| .+ \|$", page, re.MULTILINE)
    assert len(rows) > 40
    known = [text for file in (ROOT / "airflow_dbaas").rglob("*.py") for text in whole_texts(file)]
    for row in rows:
        pieces = [piece.strip(" .,:;()") for piece in row.split("…")]
        wanted = re.compile(".*".join(map(re.escape, [piece for piece in pieces if piece])), re.DOTALL)
        assert any(wanted.search(text) for text in known), row


def whole_texts(file: Path) -> Iterator[str]:
    """The texts of a file of code; what is filled in is left out."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
