"""The hunt says where it looked at the wrong things, or at nothing."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.secrets.canaries import PLANTED
from tests.secrets.kinds import Kind, report


def test_a_kind_in_which_nothing_known_is_found_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Each has what was planted, in whatever spelling, or a sign of its own; a place belongs to one kind."""
    kinds = (Kind("right", r"file a"), Kind("wrong", r"file b", "sign"), Kind("empty", r"file c"), Kind("rest", r"fi"))
    texts = {"a1": f"text={quote(PLANTED)}", "a2": "", "b": PLANTED, "d": PLANTED}
    places = {**{f"file {name}": text for name, text in texts.items()}, "other": PLANTED}
    assert report(places, kinds, {"planted": PLANTED}) == ["wrong", "empty"]
    counts = {line.split()[0]: int(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[:4]}
    assert counts == {"right": 1, "wrong": 0, "empty": 0, "rest": 1}
