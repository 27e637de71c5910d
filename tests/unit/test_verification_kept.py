"""What a verification keeps for its retries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas import _compat
from airflow_dbaas.verification import kept
from airflow_dbaas.verification.memory import Equal

EQUAL: Equal = {"source": "a", "target": "b", "rows": 3, "rule": "all"}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Airflow's variables."""
    found: dict[str, str] = {}
    monkeypatch.setattr(_compat, "get_variable", found.get)
    monkeypatch.setattr(_compat, "set_variable", lambda key, value, _: found.update({key: value}))
    return found


def test_it_is_for_the_retries_of_one_task(variables: dict[str, str]) -> None:
    """Not for another run, nor for other servers."""
    first = kept.memory("ch-gva-2", "db", "run", "a b")
    first.flush()
    assert variables == {}
    first.note("shop", "public.t", EQUAL)
    first.flush()
    assert list(variables) == ["exoscale_dbaas_verification_ch-gva-2_db"]
    assert kept.memory("ch-gva-2", "db", "run", "a b").of("shop", "all") == {"public.t": EQUAL}
    assert kept.memory("ch-gva-2", "db", "run", "a b").of("shop", "count") == {}
    assert kept.memory("ch-gva-2", "db", "run", "a c").found == {}
    assert kept.memory("ch-gva-2", "db", "another", "a b").found == {}
    first.forget("shop", "public.t")
    first.flush()
    assert kept.memory("ch-gva-2", "db", "run", "a b").of("shop", "all") == {}


def test_a_run_is_told_by_its_task_and_not_by_its_try() -> None:
    """Two tasks of a DAG may verify the same service."""

    def named(**changes: Any) -> str:
        ti = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1, **changes}
        return kept.run_of({"ti": SimpleNamespace(**ti)})

    assert named() == named(try_number=2)
    assert len({named(), named(task_id="u"), named(map_index=1), named(run_id="s")}) == 4
