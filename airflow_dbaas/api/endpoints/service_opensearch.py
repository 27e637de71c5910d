"""OpenSearch services."""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import ServiceCalls

_SERVICE = ServiceCalls("opensearch", "dbaas-opensearch")


def create_dbaas_service_opensearch(
    *, name: str, **fields: Unpack[bodies.CreateOpensearchService]
) -> Call[models.Operation]:
    """Create an OpenSearch service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name in list-dbaas-services.

    :param name: service name, 1 to 63 characters.
    :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
        ``bodies.CreateOpensearchService``.
    """
    return _SERVICE.create(name, bodies.CreateOpensearchService, fields)


def get_dbaas_service_opensearch(name: str) -> Call[models.OpensearchService]:
    """An OpenSearch service with its addresses and users; it may hold a password.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.get(name, models.OpensearchService)


def update_dbaas_service_opensearch(
    *, name: str, **fields: Unpack[bodies.UpdateOpensearchService]
) -> Call[models.Operation]:
    """Change an OpenSearch service. What is not given stays as it is.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdateOpensearchService``.
        ``ip_filter`` replaces the one that is there.
    """
    return _SERVICE.update(name, bodies.UpdateOpensearchService, fields)


def delete_dbaas_service_opensearch(name: str) -> Call[models.Operation]:
    """Delete an OpenSearch service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.delete(name)
