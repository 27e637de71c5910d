"""What holds of every example DAG."""

from __future__ import annotations

from typing import Any

import pytest

# What Airflow itself has to say of its own code.
pytestmark = pytest.mark.filterwarnings("default", "error:::airflow_dbaas")


def test_a_result_is_kept_as_one(dags: dict[str, Any]) -> None:
    """Left to itself, Airflow keeps each value of a returned mapping apart, too; Airflow 3.0 fails if one is None."""
    tasks = [task for dag in dags.values() for task in dag.tasks]
    assert [task.task_id for task in tasks if getattr(task, "multiple_outputs", False)] == []
    assert [task for task in tasks if hasattr(task, "multiple_outputs")]
