"""The one table of what is compared, and the documentation's."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_dbaas.verification import kinds
from airflow_dbaas.verification.kinds import Kind
from airflow_dbaas.verification.report import Level

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "what-verification-compares.md"


@pytest.mark.parametrize("name", ["POSTGRES", "MYSQL"])
def test_the_page_has_the_table(name: str) -> None:
    """Line by line."""
    table = "\n".join(kinds.markdown(getattr(kinds, name)))
    assert f"<!-- kinds: {name} -->\n\n{table}\n" in PAGE.read_text()


def test_a_part_has_one_level() -> None:
    """A part that is in no list is refused: it would go unnoticed."""
    kind = Kind("table", ("bounds",), ("owner",))
    assert (kind.level_of("bounds"), kind.level_of("owner")) == (Level.DIFFERENCE, Level.NOTE)
    with pytest.raises(KeyError, match="table: color"):
        kind.level_of("color")
