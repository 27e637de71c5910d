"""Sensor of a migration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.operators._base import Check
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.waiting.conditions import FAILURE_GRACE_PERIOD, MigrationWait


class DbaasMigrationSensor(DbaasSensor):
    """Waits until every database of the migration into a service is copied (get-dbaas-migration-status).

    The top-level status alone never counts as success: there must be no error, and every database must be done or
    syncing. A replication that is shown as failed may recover; it fails the task only if it is shown so for longer than
    ``failure_grace_period``. Pushes ``service``, ``zone``, ``status``, ``method`` and ``databases`` (``name``,
    ``method`` and ``status`` of each, and ``lag`` where the API shows one).

    :param service_name: name of the target service, 1 to 63 characters; templated.
    :param until: ``synced``: the copy is complete, replication may continue; ``done``: replication has ended as well.
    :param failure_grace_period: for how long a replicating migration may be shown as failed: seconds, or a timedelta;
        templated.
    """

    wait_class = MigrationWait
    operator_extra_links = (DbaasServiceLink(), DbaasMigrationLink())
    template_fields: Sequence[str] = (
        *DbaasSensor.template_fields,
        "service_name",
        "failure_grace_period",
    )
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "until": validation.one_of("synced", "done"),
        "failure_grace_period": validation.grace_period,
    }

    def __init__(
        self,
        *,
        service_name: str,
        until: Literal["synced", "done"] = "synced",
        failure_grace_period: float | timedelta | str = FAILURE_GRACE_PERIOD,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.until = until
        self.failure_grace_period = failure_grace_period
        self._ready()
