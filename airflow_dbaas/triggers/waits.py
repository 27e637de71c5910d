"""The wait of a deferred task, in the triggerer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow_dbaas import polling, sharing, waits
from airflow_dbaas._compat.triggers import BaseTrigger, TriggerEvent, succeed
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.events import as_event
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.results import own_xcoms
from airflow_dbaas.waits import Done, Failed

log = logging.getLogger(__name__)

#: Calls on behalf of killed tasks; the event loop itself keeps no hold on them.
_LEAVING: set[asyncio.Task[None]] = set()


class DbaasWaitTrigger(BaseTrigger):
    """Runs one wait and fires once, when its verdict is final.

    Its arguments and its event carry ids, times and states only; the API key is looked up by connection id here.

    :param exoscale_conn_id: id of the connection to the API.
    :param zone: zone instead of the connection's.
    :param wait: what to wait for, as ``Wait.serialize`` gives it.
    :param deadline: Unix time at which the wait is over.
    :param resume_after: Unix time before which the task is not resumed on a worker.
    :param state: what the task needs to go on, plain JSON; the event gives it back. What it has as ``adds`` becomes
        part of the result if the task ends in the triggerer.
    :param cancel: the API call to make if somebody kills the task (Airflow 3.3 and later): its operation id as
        ``operation`` and its arguments. Nothing is touched without it.
    :param ends_here: whether success ends the task in the triggerer, without a worker.
    :param pushes: whether the result and its single values are then pushed to XCom.
    :param outage_grace_period: seconds for which the API may give no usable answer; by default a share of the time that
        is left.
    :param began: Unix time at which the waiting began.
    :param answered: whether the API has answered the task before.
    """

    def __init__(
        self,
        *,
        exoscale_conn_id: str,
        zone: str | None,
        wait: dict[str, Any],
        deadline: float,
        resume_after: float,
        state: dict[str, Any] | None = None,
        cancel: dict[str, Any] | None = None,
        ends_here: bool = False,
        pushes: bool = True,
        outage_grace_period: float | None = None,
        began: float | None = None,
        answered: bool = True,
    ) -> None:
        super().__init__()
        self.exoscale_conn_id = exoscale_conn_id
        self.zone = zone
        self.wait = wait
        self.deadline = deadline
        self.resume_after = resume_after
        self.state = state
        self.cancel = cancel
        self.ends_here = ends_here
        self.pushes = pushes
        self.outage_grace_period = outage_grace_period
        self.began = began
        self.answered = answered

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        arguments = {
            "exoscale_conn_id": self.exoscale_conn_id,
            "zone": self.zone,
            "wait": self.wait,
            "deadline": self.deadline,
            "resume_after": self.resume_after,
            "state": self.state,
            "cancel": self.cancel,
            "ends_here": self.ends_here,
            "pushes": self.pushes,
            "outage_grace_period": self.outage_grace_period,
            "began": self.began,
            "answered": self.answered,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    @classmethod
    def after(
        cls,
        watch: polling.Watch,
        *,
        exoscale_conn_id: str,
        zone: str | None,
        **arguments: Any,
    ) -> DbaasWaitTrigger:
        """The trigger that goes on with a watch which a task has begun; ``arguments`` are those of the class."""
        now = time.time()
        return cls(
            exoscale_conn_id=exoscale_conn_id,
            zone=zone,
            wait=watch.wait.serialize(),
            deadline=watch.deadline,
            resume_after=min(now + polling.RESUME_SECONDS, watch.deadline),
            outage_grace_period=watch.outage_grace_period,
            began=watch.began,
            answered=watch.answered,
            **arguments,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then fire the event that ``events.result_of`` reads."""
        watch = polling.Watch(
            waits.restore(self.wait),
            deadline=self.deadline,
            outage_grace_period=self.outage_grace_period,
            began=self.began,
            answered=self.answered,
        )
        # Only the triggerer gives its triggers an id; DAG.test() cannot end a task this way.
        ends_here = self.ends_here and self.trigger_id is not None
        if not ends_here:
            # What is seen earlier would only be kept until then.
            await self._until_it_may_resume()
        verdict = await verdict_of(DbaasHook(self.exoscale_conn_id, zone=self.zone), watch)
        if isinstance(verdict, Done) and ends_here:
            result = {**verdict.result, **(self.state or {}).get("adds", {})}
            xcoms = {**own_xcoms(result), "return_value": result} if self.pushes else {}
            yield await succeed(self, xcoms)
        else:
            await self._until_it_may_resume()
            yield TriggerEvent(as_event(verdict, self.state))

    async def _until_it_may_resume(self) -> None:
        await asyncio.sleep(max(0.0, self.resume_after - time.time()))

    async def on_kill(self) -> None:
        """Make the call that was asked for if the task is killed; Airflow calls this for a user's act only."""
        if self.cancel is None:
            return
        # A task of its own: Airflow 3.3.2 cancels a trigger again and again while it takes its leave.
        leave = asyncio.create_task(self._cancel(dict(self.cancel)))
        _LEAVING.add(leave)
        leave.add_done_callback(_LEAVING.discard)
        await asyncio.shield(leave)

    async def _cancel(self, call: dict[str, Any]) -> None:
        log.info("Killed: sending %s for %s", call["operation"], call.get("name"))
        try:
            async with await DbaasHook(self.exoscale_conn_id, zone=self.zone).get_async_conn() as client:
                await client.operation(call.pop("operation"))(**call)
        except DbaasError as error:
            log.warning("What the task had under way goes on: %s", error)


async def verdict_of(hook: DbaasHook, watch: polling.Watch) -> Done | Failed:
    """Run a watch in the triggerer's event loop; what is wrong with the connection is a verdict, too."""
    try:
        async with sharing.client_of(hook) as client:
            return await polling.run_async(client, watch)
    except DbaasError as error:
        return Failed(error)
