"""Triggers: the wait of a deferred task, and sensors that run in the triggerer from beginning to end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import jinja2

from airflow_dbaas import validation
from airflow_dbaas._compat.triggers import BaseTrigger, TriggerEvent, delete_xcom, succeed
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError, DbaasResumeError
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.waiting import conditions, poller, shared_requests
from airflow_dbaas.waiting.conditions import Done, Failed
from airflow_dbaas.waiting.events import as_event
from airflow_dbaas.waiting.results import own_xcoms, with_zone

log = logging.getLogger(__name__)

#: Calls on behalf of killed tasks; the event loop itself keeps no hold on them.
_LEAVING: set[asyncio.Task[None]] = set()


class DbaasWaitTrigger(BaseTrigger):
    """Runs one wait and fires once, when its verdict is final.

    Its arguments and its event carry conditions, times and states only; the API key is looked up by connection id here.

    :param exoscale_conn_id: id of the connection to the API.
    :param zone: zone instead of the connection's.
    :param wait: what to wait for, as ``Wait.serialize`` gives it.
    :param deadline: Unix time at which the wait is over.
    :param resume_after: Unix time before which the task is not resumed on a worker.
    :param state: what the task needs to go on, plain JSON; the event gives it back.
    :param adds: what the result has besides that of the wait, if the task ends in the triggerer.
    :param cancel: the API call to make if a user kills the task (Airflow 3.3 and later): its operation id as
        ``operation`` and its arguments. By default, nothing is changed.
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
        adds: dict[str, Any] | None = None,
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
        self.adds = adds
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
            "adds": self.adds,
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
        watch: poller.Watch,
        *,
        exoscale_conn_id: str,
        zone: str | None,
        **arguments: Any,
    ) -> DbaasWaitTrigger:
        """The trigger that continues a watch which a task has started; ``arguments`` are those of the class."""
        now = time.time()
        return cls(
            exoscale_conn_id=exoscale_conn_id,
            zone=zone,
            wait=watch.wait.serialize(),
            deadline=watch.deadline,
            resume_after=min(now + poller.RESUME_SECONDS, watch.deadline),
            outage_grace_period=watch.outage_grace_period,
            began=watch.began,
            answered=watch.answered,
            **arguments,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then fire the event that ``events.result_of`` reads."""
        try:
            watch = poller.Watch(
                conditions.restore(self.wait),
                deadline=self.deadline,
                outage_grace_period=self.outage_grace_period,
                began=self.began,
                answered=self.answered,
            )
        except DbaasResumeError as error:
            await self._until_it_may_resume()
            yield TriggerEvent(as_event(Failed(error), self.state))
            return
        # Only the triggerer gives its triggers an id; DAG.test() cannot end a task this way.
        ends_here = self.ends_here and self.trigger_id is not None
        if not ends_here:
            # An earlier verdict would only be held back until then.
            await self._until_it_may_resume()
        verdict = await verdict_of(DbaasHook(self.exoscale_conn_id, zone=self.zone), watch)
        if isinstance(verdict, Done) and ends_here:
            result = {**verdict.result, **(self.adds or {})}
            xcoms = {**own_xcoms(result), "return_value": result} if self.pushes else {}
            yield await succeed(self, xcoms)
        else:
            await self._until_it_may_resume()
            yield TriggerEvent(as_event(verdict, self.state))

    async def _until_it_may_resume(self) -> None:
        await asyncio.sleep(max(0.0, self.resume_after - time.time()))

    async def on_kill(self) -> None:
        """Make the requested call if the task is killed; Airflow calls this only when a user kills the task."""
        if self.cancel is None:
            return
        # A separate asyncio task, because Airflow 3.3.2 cancels a trigger repeatedly while it ends.
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
            log.warning("The remote work of the task continues: %s", error)


async def verdict_of(hook: DbaasHook, watch: poller.Watch) -> Done | Failed:
    """Run a watch in the triggerer's event loop; an error of the connection is also a verdict."""
    try:
        async with shared_requests.client_of(hook) as client:
            return await poller.run_async(client, watch)
    except DbaasError as error:
        return Failed(error)


log = logging.getLogger(__name__)

#: Checks of what Airflow renders here, of all sensors.
RENDERED: dict[str, validation.Check] = {
    "exoscale_conn_id": validation.connection_id,
    "zone": validation.zone,
    "service_name": validation.name,
    "failure_grace_period": validation.grace_period,
    "outage_grace_period": validation.optional(validation.grace_period),
    "integration_id": conditions.id_or_nothing,
    "operation_id": conditions.id_or_nothing,
    "dbaas_task_id": conditions.id_or_nothing,
}

#: Seconds after its start from which on a sensor must have been begun by another triggerer.
_TAKEN_OVER_AFTER = 60.0


class DbaasSensorTrigger(BaseTrigger):
    """Does all the work of a sensor that starts in the triggerer. Success ends the task here, without a worker; a
    failure goes through the sensor's own error path on one.

    Airflow renders those of its arguments here that are template fields of the sensor.

    :param exoscale_conn_id: id of the connection to the API.
    :param zone: zone instead of the connection's.
    :param kind: which wait it is.
    :param timeout: seconds that the sensor may take.
    :param ends_here: whether success ends the task without a worker.
    :param pushes: whether the result and its single values are pushed to XCom.
    :param links: the sensor's extra links: page of the portal by XCom key.
    :param outage_grace_period: for how many seconds the API may give no usable answer; by default a share of
        ``timeout``.
    :param fields: the fields of the wait.
    """

    def __init__(
        self,
        *,
        exoscale_conn_id: str,
        zone: str | None,
        kind: str,
        timeout: float,
        ends_here: bool,
        pushes: bool,
        links: dict[str, str],
        outage_grace_period: float | str | None = None,
        **fields: Any,
    ) -> None:
        super().__init__()
        self.exoscale_conn_id = exoscale_conn_id
        self.zone = zone
        self.kind = kind
        self.timeout = timeout
        self.ends_here = ends_here
        self.pushes = pushes
        self.links = links
        self.outage_grace_period = outage_grace_period
        self._names = tuple(fields)
        # Each a separate attribute, because Airflow looks there for templates.
        vars(self).update(fields)

    @property
    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        arguments = {
            "exoscale_conn_id": self.exoscale_conn_id,
            "zone": self.zone,
            "kind": self.kind,
            "timeout": self.timeout,
            "ends_here": self.ends_here,
            "pushes": self.pushes,
            "links": self.links,
            "outage_grace_period": self.outage_grace_period,
            **self._fields,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    def check(self) -> None:
        """Check what Airflow has rendered, and give it the types that are wanted.

        :raises DbaasConfigurationError: in the sensor's own words.
        """
        for name, check in RENDERED.items():
            if name in vars(self):
                setattr(self, name, check(name, getattr(self, name)))

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then end the task or hand the failure to the sensor."""
        task_instance: Any = self.task_instance
        # The task's own start, so that a triggerer that takes over later keeps the deadline.
        started = getattr(task_instance, "start_date", None)
        if getattr(task_instance, "try_number", 1) > 1:
            await self._forget_earlier_tries()
        try:
            self.check()
            wait = {"kind": self.kind, **self._fields}
            nothing = conditions.nothing(wait)
        except DbaasConfigurationError as error:
            yield TriggerEvent(as_event(Failed(error)))
            return
        hook = DbaasHook(self.exoscale_conn_id, zone=self.zone)
        if nothing is not None:
            log.info(nothing.note)
            yield await self._end(hook, Done(with_zone(nothing.result, lambda _: self.zone)))
            return
        began = started.timestamp() if started else time.time()
        watch = poller.Watch(
            conditions.restore(wait),
            deadline=began + self.timeout,
            outage_grace_period=poller.tolerated_outage(self.outage_grace_period, self.timeout),
            began=began,
            # A trigger that another triggerer started would have failed without an answer.
            answered=time.time() - began > _TAKEN_OVER_AFTER,
        )
        yield await self._end(hook, await verdict_of(hook, watch))

    def get_template_env(self, dag: Any = None) -> Any:
        """Airflow's environment for the templates of triggers, which refuses names that are not there: as on a worker,
        where a DAG says nothing else."""
        environment = super().get_template_env(dag)
        environment.undefined = jinja2.StrictUndefined
        return environment

    async def _end(self, hook: DbaasHook, verdict: Done | Failed) -> TriggerEvent:
        if not isinstance(verdict, Done) or not self.ends_here:
            return TriggerEvent(as_event(verdict))
        xcoms: dict[str, Any] = {}
        service = self._fields.get("service_name")
        for key, page in self.links.items() if service else ():
            try:
                xcoms[key] = hook.portal_page(str(service), page)
            except DbaasError as error:
                # The result exists nevertheless.
                log.debug("There is no link %s: %s", key, type(error).__name__)
        if self.pushes:
            xcoms |= {**own_xcoms(verdict.result), "return_value": verdict.result}
        return await succeed(self, xcoms)

    async def _forget_earlier_tries(self) -> None:
        """Remove the XComs of an earlier try, as a worker does at the start."""
        keys = [*self.links, *conditions.result_keys(self.kind), "return_value"]
        for key in keys:
            await delete_xcom(self.task_instance, key)
