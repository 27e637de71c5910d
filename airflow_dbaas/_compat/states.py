"""What a task may see of the other tasks of its run: their states."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["ENDED", "map_index", "states_in_run"]

#: The states that a task does not leave by itself.
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def map_index(context: Context) -> int:
    """Which of a mapped task's instances this is; -1 for a task that is not mapped."""
    index = context["ti"].map_index
    return -1 if index is None else index


def states_in_run(context: Context, task_ids: Collection[str]) -> dict[int, dict[str, str | None]]:
    """The states of tasks of this run, by map index (-1 for those that are not mapped) and task id.

    :param context: Airflow's context.
    :param task_ids: the tasks to look at.
    """
    ti: Any = context["ti"]
    states: dict[int, dict[str, str | None]] = {}
    if hasattr(ti, "get_task_states"):
        found = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(task_ids), run_ids=[ti.run_id])
        for key, state in found.get(ti.run_id, {}).items():
            # The key of a mapped task is its id and its map index with an underscore between.
            task_id, _, index = key.rpartition("_")
            if key in task_ids:
                states.setdefault(-1, {})[key] = state
            elif task_id in task_ids and index.isdecimal():
                states.setdefault(int(index), {})[task_id] = state
        return states
    run: Any = context["dag_run"]  # 2.11
    for other in run.get_task_instances():
        if other.task_id in task_ids:
            states.setdefault(other.map_index, {})[other.task_id] = other.state
    return states
