"""A whole sensor in the triggerer, from its first look to its end (Airflow 3.3 and later)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from airflow_dbaas import polling, validation, waits
from airflow_dbaas._compat.triggers import BaseTrigger, TriggerEvent, succeed
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.events import as_event
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.triggers.waits import verdict_of
from airflow_dbaas.waits import Done, Failed

#: Checks of what Airflow renders here, of all sensors.
RENDERED: dict[str, Callable[[str, Any], None]] = {
    "exoscale_conn_id": validation.connection_id,
    "zone": validation.zone,
    "service_name": validation.name,
    "failure_grace_period": validation.grace_period,
    "integration_id": validation.uuid,
    "operation_id": validation.uuid,
    "dbaas_task_id": validation.uuid,
}


class DbaasSensorTrigger(BaseTrigger):
    """Does all the work of a sensor that starts in the triggerer. Success ends the task here, without a worker; a
    failure goes through the sensor's own error path on one.

    Airflow renders those of its arguments here that are template fields of the sensor.

    :param exoscale_conn_id: id of the connection to the API.
    :param zone: zone instead of the connection's.
    :param kind: which wait it is.
    :param timeout: seconds that the sensor may take.
    :param ends_here: whether success ends the task without a worker.
    :param pushes: whether the result is pushed to XCom.
    :param links: the sensor's extra links: page of the portal by XCom key.
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
            **self._fields,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then end the task or hand the failure to the sensor."""
        task_instance: Any = self.task_instance
        # The task's own start, so that a triggerer that takes over later keeps the deadline.
        started = getattr(task_instance, "start_date", None)
        try:
            for name, check in RENDERED.items():
                if name in vars(self):
                    check(name, getattr(self, name))
        except DbaasConfigurationError as error:
            yield TriggerEvent(as_event(Failed(error)))
            return
        deadline = (started.timestamp() if started else time.time()) + self.timeout
        watch = polling.Watch(waits.restore({"kind": self.kind, **self._fields}), deadline=deadline)
        hook = DbaasHook(self.exoscale_conn_id, zone=self.zone)
        verdict = await verdict_of(hook, watch)
        if isinstance(verdict, Done) and self.ends_here:
            service = self._fields.get("service_name")
            xcoms: dict[str, Any] = {
                key: hook.portal_page(service, page) for key, page in self.links.items() if service
            }
            if self.pushes:
                xcoms["return_value"] = verdict.result
            yield await succeed(self, xcoms)
        else:
            yield TriggerEvent(as_event(verdict))
