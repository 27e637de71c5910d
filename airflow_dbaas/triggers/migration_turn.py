"""The wait of a mapped chain of tasks for its turn, in the triggerer."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async

from airflow_dbaas._compat.states import states_in_run, under_way
from airflow_dbaas._compat.triggers import BaseTrigger, TriggerEvent, succeed
from airflow_dbaas.waiting.shared_requests import Questions

_States = dict[int, dict[str, str | None]]

log = logging.getLogger(__name__)

_RUNS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Questions] = weakref.WeakKeyDictionary()


class MigrationTurnTrigger(BaseTrigger):
    """Waits until so few of the chains before one are under way that it may begin.

    All that wait in one run share each poll.

    :param dag_id: the DAG.
    :param run_id: its run.
    :param map_index: which of the mapped chains this is.
    :param until_task_id: the last task of a chain.
    :param at_once: how many chains may be under way at once.
    :param look_seconds: seconds between polls.
    :param deadline: Unix time at which the wait is over.
    :param resume_after: Unix time before which the task is not resumed on a worker.
    :param ends_here: whether the turn ends the task in the triggerer, without a worker.
    """

    def __init__(
        self,
        *,
        dag_id: str,
        run_id: str,
        map_index: int,
        until_task_id: str,
        at_once: int,
        look_seconds: float,
        deadline: float,
        resume_after: float,
        ends_here: bool,
    ) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.run_id = run_id
        self.map_index = map_index
        self.until_task_id = until_task_id
        self.at_once = at_once
        self.look_seconds = look_seconds
        self.deadline = deadline
        self.resume_after = resume_after
        self.ends_here = ends_here

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        arguments = {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "map_index": self.map_index,
            "until_task_id": self.until_task_id,
            "at_once": self.at_once,
            "look_seconds": self.look_seconds,
            "deadline": self.deadline,
            "resume_after": self.resume_after,
            "ends_here": self.ends_here,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then end the task, or let the sensor poll."""
        # DAG.test() gives its triggers no id, and runs nothing else while one waits.
        if self.trigger_id is None:
            yield TriggerEvent({"late": False})
            return
        turn = await self._turn()
        if turn and self.ends_here:
            yield await succeed(self, {"return_value": datetime.now(UTC).isoformat()})
        else:
            await asyncio.sleep(max(0.0, self.resume_after - time.time()))
            yield TriggerEvent({"late": not turn})

    async def _turn(self) -> bool:
        """Whether the turn came before the deadline."""
        questions = _RUNS.setdefault(asyncio.get_running_loop(), Questions())
        look = partial(_look, self.dag_id, self.run_id, self.until_task_id)
        with questions.shared((self.dag_id, self.run_id, self.until_task_id), lambda: look) as question:
            while (left := self.deadline - time.time()) > 0:
                pause = self.look_seconds * random.uniform(0.8, 1)  # noqa: S311 - no secret
                ends = await question.answer(min(left, pause))
                if ends and under_way(ends, self.map_index, self.until_task_id) < self.at_once:
                    return True
        return False


async def _look(dag_id: str, run_id: str, task_id: str) -> _States:
    """The states of the chains of a run; empty if Airflow does not answer."""
    try:
        # The only way that all versions have of a question to Airflow in a trigger.
        return await sync_to_async(states_in_run)(dag_id, run_id, [task_id])
    except Exception as error:  # noqa: BLE001 - whatever it is, the next look may tell
        log.warning("The states of run %s cannot be read, the next poll may succeed: %s", run_id, error)
        return {}
