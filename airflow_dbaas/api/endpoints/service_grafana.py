"""Grafana services."""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import ServiceCalls

_SERVICE = ServiceCalls("grafana", "dbaas-grafana")


def create_dbaas_service_grafana(*, name: str, **fields: Unpack[bodies.CreateGrafanaService]) -> Call[models.Operation]:
    """Create a Grafana service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name in list-dbaas-services.

    :param name: service name, 1 to 63 characters.
    :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
        ``bodies.CreateGrafanaService``.
    """
    return _SERVICE.create(name, bodies.CreateGrafanaService, fields)


def get_dbaas_service_grafana(name: str) -> Call[models.GrafanaService]:
    """A Grafana service with its address and users; it may hold a password.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.get(name, models.GrafanaService)


def update_dbaas_service_grafana(*, name: str, **fields: Unpack[bodies.UpdateGrafanaService]) -> Call[models.Operation]:
    """Change a Grafana service. What is not given stays as it is.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdateGrafanaService``.
        ``ip_filter`` replaces the one that is there.
    """
    return _SERVICE.update(name, bodies.UpdateGrafanaService, fields)


def delete_dbaas_service_grafana(name: str) -> Call[models.Operation]:
    """Delete a Grafana service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.delete(name)
