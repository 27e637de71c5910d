"""Valkey services."""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import ServiceCalls

_SERVICE = ServiceCalls("valkey", "dbaas-valkey")


def create_dbaas_service_valkey(*, name: str, **fields: Unpack[bodies.CreateValkeyService]) -> Call[models.Operation]:
    """Create a Valkey service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name in list-dbaas-services.

    :param name: service name, 1 to 63 characters.
    :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
        ``bodies.CreateValkeyService``.
    """
    return _SERVICE.create(name, bodies.CreateValkeyService, fields)


def get_dbaas_service_valkey(name: str) -> Call[models.ValkeyService]:
    """A Valkey service with its connection parameters and users; its URIs may hold a password.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.get(name, models.ValkeyService)


def update_dbaas_service_valkey(*, name: str, **fields: Unpack[bodies.UpdateValkeyService]) -> Call[models.Operation]:
    """Change a Valkey service; with ``migration`` this starts one. What is not given stays as it is.

    With ``migration`` it is not repeated when it is unknown whether the API acted on it, for a second migration may
    double rows: look with get-dbaas-migration-status.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdateValkeyService``.
        ``ip_filter`` replaces the one that is there.
    """
    return _SERVICE.update(name, bodies.UpdateValkeyService, fields)


def delete_dbaas_service_valkey(name: str) -> Call[models.Operation]:
    """Delete a Valkey service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.delete(name)
