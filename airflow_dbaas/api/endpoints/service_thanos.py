"""Thanos services."""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import ServiceCalls

_SERVICE = ServiceCalls("thanos", "dbaas-thanos")


def create_dbaas_service_thanos(*, name: str, **fields: Unpack[bodies.CreateThanosService]) -> Call[models.Operation]:
    """Create a Thanos service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name in list-dbaas-services.

    :param name: service name, 1 to 63 characters.
    :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
        ``bodies.CreateThanosService``.
    """
    return _SERVICE.create(name, bodies.CreateThanosService, fields)


def get_dbaas_service_thanos(name: str) -> Call[models.ThanosService]:
    """A Thanos service with the addresses of its parts.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.get(name, models.ThanosService)


def update_dbaas_service_thanos(*, name: str, **fields: Unpack[bodies.UpdateThanosService]) -> Call[models.Operation]:
    """Change a Thanos service. What is not given stays as it is.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdateThanosService``.
        ``ip_filter`` replaces the one that is there.
    """
    return _SERVICE.update(name, bodies.UpdateThanosService, fields)


def delete_dbaas_service_thanos(name: str) -> Call[models.Operation]:
    """Delete a Thanos service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.delete(name)
