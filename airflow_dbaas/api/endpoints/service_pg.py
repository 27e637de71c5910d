"""PostgreSQL services."""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import ServiceCalls

_SERVICE = ServiceCalls("pg", "dbaas-postgres")


def create_dbaas_service_pg(*, name: str, **fields: Unpack[bodies.CreatePgService]) -> Call[models.Operation]:
    """Create a PostgreSQL service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name in list-dbaas-services.

    :param name: service name, 1 to 63 characters.
    :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
        ``bodies.CreatePgService``.
    """
    return _SERVICE.create(name, bodies.CreatePgService, fields)


def get_dbaas_service_pg(name: str) -> Call[models.PgService]:
    """A PostgreSQL service with its connection parameters, databases and users, without passwords.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.get(name, models.PgService)


def update_dbaas_service_pg(*, name: str, **fields: Unpack[bodies.UpdatePgService]) -> Call[models.Operation]:
    """Change a PostgreSQL service; with ``migration`` this starts one. What is not given stays as it is.

    With ``migration`` it is not repeated when it is unknown whether the API acted on it, for a second migration may
    double rows: look with get-dbaas-migration-status.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdatePgService``.
        ``ip_filter`` replaces the one that is there.
    """
    return _SERVICE.update(name, bodies.UpdatePgService, fields)


def delete_dbaas_service_pg(name: str) -> Call[models.Operation]:
    """Delete a PostgreSQL service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.delete(name)
