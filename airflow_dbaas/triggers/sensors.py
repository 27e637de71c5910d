"""A whole sensor in the triggerer, from its first look to its end (Airflow 3.3 and later)."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import jinja2

from airflow_dbaas import polling, validation, waits
from airflow_dbaas._compat.triggers import BaseTrigger, TriggerEvent, delete_xcom, succeed
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError
from airflow_dbaas.events import as_event
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.results import own_xcoms, with_zone
from airflow_dbaas.triggers.waits import verdict_of
from airflow_dbaas.waits import Done, Failed, ids

log = logging.getLogger(__name__)

#: Checks of what Airflow renders here, of all sensors.
RENDERED: dict[str, validation.Check] = {
    "exoscale_conn_id": validation.connection_id,
    "zone": validation.zone,
    "service_name": validation.name,
    "failure_grace_period": validation.grace_period,
    "outage_grace_period": validation.optional(validation.grace_period),
    "integration_id": ids.id_or_nothing,
    "operation_id": ids.id_or_nothing,
    "dbaas_task_id": ids.id_or_nothing,
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
        # Each an attribute of its own: that is where Airflow looks for templates.
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
            nothing = waits.nothing(wait)
        except DbaasConfigurationError as error:
            yield TriggerEvent(as_event(Failed(error)))
            return
        hook = DbaasHook(self.exoscale_conn_id, zone=self.zone)
        if nothing is not None:
            log.info(nothing.note)
            yield await self._end(hook, Done(with_zone(nothing.result, lambda _: self.zone)))
            return
        began = started.timestamp() if started else time.time()
        watch = polling.Watch(
            waits.restore(wait),
            deadline=began + self.timeout,
            outage_grace_period=polling.tolerated_outage(self.outage_grace_period, self.timeout),
            began=began,
            # One that another triggerer has begun would have failed if it had not been answered.
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
                # What was waited for is there all the same.
                log.debug("There is no link %s: %s", key, type(error).__name__)
        if self.pushes:
            xcoms |= {**own_xcoms(verdict.result), "return_value": verdict.result}
        return await succeed(self, xcoms)

    async def _forget_earlier_tries(self) -> None:
        """Remove what an earlier try pushed, as a worker does before it begins."""
        keys = [*self.links, *waits.result_keys(self.kind), "return_value"]
        for key in keys:
            await delete_xcom(self.task_instance, key)
