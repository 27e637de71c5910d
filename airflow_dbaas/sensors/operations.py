"""Sensor of an operation's state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_dbaas.operators._base import Check
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import OperationWait


class DbaasOperationSensor(DbaasSensor):
    """Waits until an operation has ended well (get-operation).

    After a successful operation, the service may not run yet: use ``DbaasServiceSensor`` to wait for that. Pushes
    ``operation_id``, ``reference_id`` and ``reference_link``. A failed operation fails the task: at once for reasons
    that need a change (incorrect, forbidden, not-found, unsupported, conflict), else with Airflow's retries.

    An operator with ``wait_for_completion=False`` that had nothing to start returns the ``operation_id`` None. The
    sensor then succeeds at once, and all three are None.

    :param operation_id: id of the operation, a UUID; or None, or a template that came to ``None``, ``null`` or nothing:
        no operation was started; templated.
    """

    wait_class = OperationWait
    operator_extra_links = ()
    template_fields: Sequence[str] = (*DbaasSensor.template_fields, "operation_id")
    checks: ClassVar[dict[str, Check]] = {"operation_id": conditions.id_or_nothing}

    def __init__(self, *, operation_id: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation_id = operation_id
        self._ready()
