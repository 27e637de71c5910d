"""Sensor of a service's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas.operators._base import Check
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.waiting.conditions import ServiceWait


class DbaasServiceSensor(DbaasSensor):
    """Waits until a service is in a state (list-dbaas-services).

    Pushes ``service``, ``state``, ``type``, ``plan`` and ``zone`` (type and plan are None if it is ``absent``). A
    service that does not exist fails the task after a minute, because a new one may take a moment to appear; one that
    is powered off fails it at once. Neither applies if that is the state to wait for.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param state: ``running``, ``poweroff``, or ``absent``: deleted. Other states (``rebuilding``, ``rebalancing``) are
        waited out.
    """

    wait_class = ServiceWait
    template_fields: Sequence[str] = (*DbaasSensor.template_fields, "service_name")
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "state": validation.one_of("running", "poweroff", "absent"),
    }

    def __init__(
        self, *, service_name: str, state: Literal["running", "poweroff", "absent"] = "running", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.state = state
        self._ready()
