"""Operations and tasks: work that the API has taken on."""

from __future__ import annotations

from airflow_dbaas.api import models
from airflow_dbaas.api.calls import Call, identifier, segment


def get_operation(id: str) -> Call[models.Operation]:
    """State of an operation.

    :param id: operation id, a UUID.
    """
    return Call("get-operation", "GET", f"/operation/{identifier('id', id)}", models.Operation)


def get_dbaas_task(*, service: str, id: str) -> Call[models.Task]:
    """A task of a service and, when it is over, its result.

    :param service: service name, 1 to 63 characters.
    :param id: task id, a UUID.
    """
    path = f"/dbaas-task/{segment('service', service)}/{identifier('id', id)}"
    return Call("get-dbaas-task", "GET", path, models.Task, services=(service,))
