"""Every fact about the API that is not in its document has a test, and a place in the docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.facts import FACTS, known

ROOT = Path(__file__).parents[2]


def marked() -> Iterator[tuple[str, str]]:
    """Every fact that a mark names, and the test or module it stands at; read, not imported."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fact":
                where = f"{file.relative_to(ROOT)}:{node.lineno}"
                assert node.args, f"{where}: a mark must name a fact"
                for name in node.args:
                    assert isinstance(name, ast.Constant), f"{where}: facts are named literally"
                    yield str(name.value), where


def test_every_fact_has_a_test() -> None:
    """And no test names one that is not known."""
    shown: dict[str, list[str]] = {}
    for name, where in marked():
        shown.setdefault(name, []).append(where)
    assert {name: places for name, places in shown.items() if name not in known()} == {}
    assert [name for name in known() if name not in shown] == []


def page() -> str:
    """The rows of docs/reference/facts.md as they should be."""
    parts = []
    for subject, facts in FACTS.items():
        parts += [f"## {subject}\n", "| What the API does | How we know |\n|---|---|"]
        parts += [f"| {fact.text} | {fact.basis} |" for fact in facts.values()]
        parts[-1] += "\n"
    return "\n".join(parts)


def test_the_docs_say_the_same() -> None:
    """Fact by fact, in the same order."""
    text = (ROOT / "docs" / "reference" / "facts.md").read_text()
    assert text[text.index("## ") :].strip() == page().strip()


def test_facts_are_named_once_and_said_shortly() -> None:
    """Their ids are words with hyphens, their texts one sentence or two."""
    names = [name for facts in FACTS.values() for name in facts]
    assert len(names) == len(set(names))
    for name, fact in known().items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert fact.text.endswith(".")
        assert len(fact.text) < 160
