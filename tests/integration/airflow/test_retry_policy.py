"""The retry policy in a real Airflow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.airflow.conftest import Run

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]


def test_what_cannot_be_helped_is_not_retried(run: Run) -> None:
    """Of two retries none is spent on an error that only a change can mend, mapped or not; all are on the others."""
    ended = run("retry_policy")
    assert {name: task.tries for name, task in ended.tasks.items()} == {"auth": 1, "server": 3, "mapped": 1}
    assert {task.state for task in ended.tasks.values()} == {"failed"}
    assert "DbaasServerError: said so" in ended.output


def test_the_policy_stays_out_of_the_stored_dag(dags: dict[str, Any]) -> None:
    """The DAG can be stored and read again; the scheduler learns that there is a policy, and no more of it."""
    from airflow.serialization.serialized_objects import DagSerialization

    stored = DagSerialization.to_dict(dags["retry_policy"])
    text = json.dumps(stored)
    assert "_DbaasRetryPolicy" not in text
    assert " object at 0x" not in text
    read = DagSerialization.from_dict(json.loads(text))
    assert all(read.get_task(name).has_retry_policy for name in ("auth", "server", "mapped"))
