"""Sensor of a task of a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas.operators._base import Check
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import TaskWait


class DbaasTaskSensor(DbaasSensor):
    """Waits until a task of a service, such as a migration check, has ended well (get-dbaas-task).

    Pushes ``task_id``, ``service``, ``zone`` and ``result`` (the API's text). A task that ended badly fails this one at
    once, with the API's reason.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param dbaas_task_id: id of the task, a UUID; templated. None is refused, because a task without a known id still
        runs.
    """

    wait_class = TaskWait
    template_fields: Sequence[str] = (*DbaasSensor.template_fields, "service_name", "dbaas_task_id")
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "dbaas_task_id": conditions.id_or_nothing,
    }

    def __init__(self, *, service_name: str, dbaas_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.dbaas_task_id = dbaas_task_id
        self._ready()
