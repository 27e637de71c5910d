"""What a task may see of the other tasks of its run: their states."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["ENDED", "mapped_states"]

#: The states that a task does not leave by itself.
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def mapped_states(context: Context, task_ids: Collection[str]) -> dict[int, dict[str, str | None]]:
    """The states of mapped tasks of this run, by map index and task id.

    :param context: Airflow's context.
    :param task_ids: the tasks to look at.
    """
    ti: Any = context["ti"]
    states: dict[int, dict[str, str | None]] = {}
    if hasattr(ti, "get_task_states"):
        found = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(task_ids), run_ids=[ti.run_id])
        for key, state in found.get(ti.run_id, {}).items():
            # The key is the task's id and its map index with an underscore between.
            task_id, _, index = key.rpartition("_")
            if task_id in task_ids and index.isdecimal():
                states.setdefault(int(index), {})[task_id] = state
        return states
    run: Any = context["dag_run"]  # 2.11
    for other in run.get_task_instances():
        if other.task_id in task_ids and other.map_index >= 0:
            states.setdefault(other.map_index, {})[other.task_id] = other.state
    return states
