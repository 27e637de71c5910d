"""The hunt for secrets finds them: a search that finds nothing has to be one that could have."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest

from tests.integration.hunt import AWKWARD, SHORT, dump, search


@pytest.mark.parametrize("secret", [AWKWARD, SHORT], ids=["awkward", "short"])
@pytest.mark.parametrize(
    "written",
    [
        lambda secret: f"password={secret};",
        lambda secret: f"postgres://u:{quote(secret, safe='')}@h",
        lambda secret: f"postgres://u:{quote(secret)}@h",
        quote_plus,
        lambda secret: urlencode({"password": secret}),
        lambda secret: json.dumps({"password": secret}),
        lambda secret: json.dumps({"password": secret}, ensure_ascii=False),
        lambda secret: json.dumps({"conf": json.dumps({"password": secret})}),
        lambda secret: base64.b64encode(secret.encode()),
        lambda secret: base64.b64encode(f"writer:{secret}".encode()),
        lambda secret: base64.b64encode(f"admin:{secret}@host".encode()),
        lambda secret: base64.urlsafe_b64encode(f"me:{secret}".encode()),
        lambda secret: str(ValueError({"password": secret})),
    ],
)
def test_every_form_is_found(secret: str, written: Callable[[str], str | bytes]) -> None:
    """In a URL, in JSON, in Base64 behind a name, in an exception."""
    found = search({"there": written(secret), "elsewhere": "nothing"}, {"it": secret, "another": "Other/secret"})
    assert found
    assert {each.split(" (")[0] + each.rpartition(":")[2] for each in found} == {"it there"}


def test_every_table_is_searched(tmp_path: Path) -> None:
    """Texts, JSON and bytes of every column."""
    with sqlite3.connect(tmp_path / "some.db") as connection:
        connection.execute("CREATE TABLE a (x text, y blob)")
        connection.execute("CREATE TABLE b (z)")
        connection.execute("INSERT INTO a VALUES (?, ?)", (f"<{AWKWARD}>", b"\xff" + SHORT.encode()))
    connection.close()
    found = search(dump(tmp_path / "some.db"), {"long": AWKWARD, "short": SHORT})
    assert {each.rpartition(": ")[2] for each in found} == {"table a.x", "table a.y"}
