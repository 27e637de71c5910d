"""MySQL services."""

from __future__ import annotations

from typing_extensions import Unpack

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.endpoints.families import ServiceCalls

_SERVICE = ServiceCalls("mysql", "dbaas-mysql")


def create_dbaas_service_mysql(*, name: str, **fields: Unpack[bodies.CreateMysqlService]) -> Call[models.Operation]:
    """Create a MySQL service. Its operation ends long before the service runs.

    Not repeated when it is unknown whether the API acted on it: look for the service by name in list-dbaas-services.

    :param name: service name, 1 to 63 characters.
    :param fields: ``plan``, e.g. ``startup-4``, and the API's further properties in snake case, see
        ``bodies.CreateMysqlService``.
    """
    return _SERVICE.create(name, bodies.CreateMysqlService, fields)


def get_dbaas_service_mysql(name: str) -> Call[models.MysqlService]:
    """A MySQL service with its connection parameters, databases and users, without passwords.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.get(name, models.MysqlService)


def update_dbaas_service_mysql(*, name: str, **fields: Unpack[bodies.UpdateMysqlService]) -> Call[models.Operation]:
    """Change a MySQL service; with ``migration`` this starts one. What is not given stays as it is.

    With ``migration`` it is not repeated when it is unknown whether the API acted on it, for a second migration may
    double rows: look with get-dbaas-migration-status.

    :param name: service name, 1 to 63 characters.
    :param fields: what is to change, see ``bodies.UpdateMysqlService``.
        ``ip_filter`` replaces the one that is there.
    """
    return _SERVICE.update(name, bodies.UpdateMysqlService, fields)


def delete_dbaas_service_mysql(name: str) -> Call[models.Operation]:
    """Delete a MySQL service, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    return _SERVICE.delete(name)
