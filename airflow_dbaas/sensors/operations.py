"""Sensor of an operation's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas.base import Check
from airflow_dbaas.sensors.base import DbaasSensor
from airflow_dbaas.waits import OperationWait


class DbaasOperationSensor(DbaasSensor):
    """Waits until an operation has ended well (get-operation).

    Success of an operation is not readiness of the service it is about: for that, use ``DbaasServiceSensor``.
    Pushes ``operation_id``, ``reference_id`` and ``reference_link``. A failed operation fails the task: at once for
    reasons that need a change (incorrect, forbidden, not-found, unsupported, conflict), else with Airflow's retries.

    :param operation_id: id of the operation, a UUID; templated.
    """

    wait_class = OperationWait
    operator_extra_links = ()
    template_fields: Sequence[str] = (*DbaasSensor.template_fields, "operation_id")
    checks: ClassVar[dict[str, Check]] = {"operation_id": validation.uuid}

    def __init__(self, *, operation_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation_id = operation_id
        self._ready()
