"""The states of the other tasks of a run."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["map_index", "states_in_run", "under_way"]

#: The states that a task does not leave by itself.
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def map_index(context: Context) -> int:
    """Which of a mapped task's instances this is; -1 for a task that is not mapped."""
    index = context["ti"].map_index
    return -1 if index is None else index


def states_in_run(dag_id: str, run_id: str, task_ids: Collection[str]) -> dict[int, dict[str, str | None]]:
    """The states of tasks of a run, by map index (-1 for those that are not mapped) and task id.

    To be called by a task or, in a thread, by a trigger.

    :param dag_id: the DAG.
    :param run_id: its run.
    :param task_ids: ids of the tasks.
    """
    states: dict[int, dict[str, str | None]] = {}
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:  # 2.11
        for task_id, index, state in _from_database(dag_id, run_id, task_ids):
            states.setdefault(index, {})[task_id] = state
        return states
    found = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=list(task_ids), run_ids=[run_id])
    for key, state in found.get(run_id, {}).items():
        # The key of a mapped task is its id and its map index with an underscore between.
        task_id, _, number = key.rpartition("_")
        if key in task_ids:
            states.setdefault(-1, {})[key] = state
        elif task_id in task_ids and number.isdecimal():
            states.setdefault(int(number), {})[task_id] = state
    return states


def under_way(states: dict[int, dict[str, str | None]], before: int, last_task_id: str) -> int:
    """How many mapped chains of tasks have not ended.

    :param states: as ``states_in_run`` gives them.
    :param before: the map index up to which, itself excluded, they are counted.
    :param last_task_id: the last task of a chain.
    """
    return sum(states.get(index, {}).get(last_task_id) not in ENDED for index in range(before))


def _from_database(dag_id: str, run_id: str, task_ids: Collection[str]) -> list[tuple[str, int, str | None]]:
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session

    instance: Any = TaskInstance
    with create_session() as session:
        query = session.query(instance.task_id, instance.map_index, instance.state)
        found = query.filter(
            instance.dag_id == dag_id, instance.run_id == run_id, instance.task_id.in_(list(task_ids))
        ).all()
        return [tuple(row) for row in found]
