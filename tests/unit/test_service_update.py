"""What an update compares, and when it is over."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasServiceError
from airflow_dbaas.api.logs import position_after
from airflow_dbaas.api.observability import LogEntry
from airflow_dbaas.api.services import ServiceList
from airflow_dbaas.operators.services import _is_shown
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import Done, Failed, Pending, ServiceUpdateWait


@pytest.mark.fact("service-version", "service-ip-filter")
@pytest.mark.parametrize(
    ("name", "wanted", "shown", "same"),
    [
        ("plan", "startup-8", "startup-8", True),
        ("plan", "startup-8", "startup-4", False),
        ("plan", "startup-8", None, False),
        ("termination-protection", False, None, False),
        # The version comes back in full.
        ("version", "8.4", "8.4.8", True),
        ("version", "17", "17", True),
        ("version", "1", "17.5", False),
        ("version", "17", None, False),
        # Which addresses is what counts.
        ("ip-filter", ["a", "b"], ["b", "a"], True),
        ("ip-filter", ["a"], ["a", "b"], False),
        ("ip-filter", ["a", "a"], ["a", "b"], False),
        ("ip-filter", [], ["0.0.0.0/0"], False),
        ("ip-filter", [], None, False),
        # The API adds to a mapping.
        ("maintenance", {"dow": "monday"}, {"dow": "monday", "updates": []}, True),
        ("maintenance", {"dow": "monday"}, {"dow": "sunday", "updates": []}, False),
        ("pg-settings", {"a": 1}, {"a": 1, "b": 2}, True),
        ("pg-settings", {"a": 1}, {"b": 2}, False),
        ("index-patterns", [{"pattern": "x"}], [{"pattern": "x", "max-index-count": 3}], True),
        ("index-patterns", [{"pattern": "x"}], [{"pattern": "x"}, {"pattern": "y"}], False),
    ],
)
def test_only_what_differs_is_sent(name: str, wanted: Any, shown: Any, same: bool) -> None:
    """A property that the service has already is not a change."""
    assert _is_shown(name, wanted, shown) is same


def verdict(wait: ServiceUpdateWait, **service: Any) -> conditions.Verdict:
    return wait.verdict(ServiceList.model_validate({"dbaas-services": [{"name": "db", **service}]}))


@pytest.mark.fact("service-runs-on")
def test_an_update_is_over_when_the_service_runs_as_asked() -> None:
    """Neither with the old plan, nor before a change of plan could show, nor in any other state."""
    wait = ServiceUpdateWait("db", plan="startup-8", not_before=time.time() + 60)
    assert "still with plan startup-4, not startup-8" in str(verdict(wait, state="running", plan="startup-4"))
    assert isinstance(verdict(wait, state="running", plan="startup-8"), Pending)
    wait = ServiceUpdateWait("db", plan="startup-8", not_before=time.time() - 1)
    assert isinstance(verdict(wait, state="rebalancing", plan="startup-8"), Pending)
    done = verdict(wait, state="running", plan="startup-8")
    assert isinstance(done, Done)
    assert done.result == {"service": "db", "state": "running", "type": None, "plan": "startup-8", "zone": None}
    off = verdict(wait, state="poweroff", plan="startup-8")
    assert isinstance(off, Failed)
    assert isinstance(off.error, DbaasServiceError)


def test_an_update_wait_is_the_same_in_another_process() -> None:
    """Plan and time go with it."""
    wait = ServiceUpdateWait("db", plan="startup-8", not_before=12.5)
    assert conditions.restore(json.loads(json.dumps(wait.serialize()))) == wait


def test_a_position_behind_entries() -> None:
    """Just before their time; there must be one."""
    entry = LogEntry(time="2026-01-01T00:00:00.000005Z", message="a")
    position = position_after([entry, entry])
    assert position["offset"] == "1767225600000004999"
    assert len(position["seen"]) == 2
    for entries in ([], [LogEntry(time="yesterday")]):
        with pytest.raises(DbaasConfigurationError, match="after an entry with a readable time"):
            position_after(entries)
