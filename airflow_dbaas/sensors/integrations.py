"""Sensors of integrations: between services, and of services with external endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas.operators._base import Check
from airflow_dbaas.sensors._base import DbaasSensor
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import ExternalIntegrationWait, IntegrationWait


class _IntegrationSensor(DbaasSensor):
    template_fields: Sequence[str] = (*DbaasSensor.template_fields, "integration_id")
    checks: ClassVar[dict[str, Check]] = {
        "integration_id": conditions.id_or_nothing,
        "state": validation.one_of("active", "absent"),
    }

    def __init__(
        self, *, integration_id: str | None, state: Literal["active", "absent"] = "active", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.state = state
        self._ready()


class DbaasIntegrationSensor(_IntegrationSensor):
    """Waits until an integration between two services is active or gone (list-dbaas-services).

    Pushes ``integration_id``, ``integration_type``, ``source_service``, ``dest_service``, ``service`` (the source),
    ``zone`` and ``status``; if it is gone, all are None except its id, the requested zone and the status ``absent``. An
    integration that does not exist fails the task after a minute (a new one may take a moment to appear), one that is
    shown as failed or disabled after two. If one of its services is powered off, the task fails at once.

    :param integration_id: id of the integration, a UUID; templated. With ``absent`` it may be None, as of a
        ``DbaasDeleteIntegrationOperator`` that found nothing to delete: the sensor succeeds at once.
    :param state: ``active``, or ``absent``: deleted.
    """

    wait_class = IntegrationWait


class DbaasExternalIntegrationSensor(_IntegrationSensor):
    """Waits until a service is attached to an external endpoint, or detached (get-dbaas-external-integration).

    Pushes ``integration_id``, ``endpoint_type``, ``endpoint_id``, ``endpoint_name``, ``service``, ``zone`` and
    ``status``; if it is gone, all are None except its id, the requested zone and the status ``absent``. One that does
    not exist fails the task after a minute, one that is shown as failed after two. If the API shows no status, the
    attachment counts as active.

    :param integration_id: id of the external integration, a UUID, e.g. from ``DbaasAttachEndpointOperator``; templated.
        With ``absent`` it may be None, as of a ``DbaasDetachEndpointOperator`` that found nothing to detach: the sensor
        succeeds at once.
    :param state: ``active``, or ``absent``: detached.
    """

    wait_class = ExternalIntegrationWait
