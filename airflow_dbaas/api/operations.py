"""Operations and tasks: work that the API has accepted."""

from __future__ import annotations

from airflow_dbaas.api.answer import Answer, Items, Needed
from airflow_dbaas.api.calls import identifier, segment
from airflow_dbaas.api.operation import ClientT, Request, Resource, get, operation


class Reference(Answer):
    """The resource that an operation is about."""

    id: str | None = None
    link: str | None = None
    command: str | None = None


class Operation(Answer):
    """Work that the API has accepted.

    ``state`` is ``pending``, ``success``, ``failure`` or ``timeout``; ``reason`` says why it failed.
    """

    id: Needed[str | None] = None
    state: Needed[str | None] = None
    reason: str | None = None
    message: str | None = None
    reference: Reference | None = None


class ResultCode(Answer):
    """One finding of a task about one database."""

    code: str | None = None
    dbname: str | None = None


class Task(Answer):
    """A task of a service. ``success`` is None as long as it runs; ``result`` is its text."""

    id: str | None = None
    task_type: str | None = None
    create_time: str | None = None
    success: Needed[bool | None] = None
    result: str | None = None
    result_codes: Items[ResultCode] = []


class Operations(Resource[ClientT]):
    """``client.operations``: operations, and the tasks of services."""

    @operation("get-operation", not_found="the operation may have ended long ago")
    def get(self, id: str) -> Request[Operation]:
        """State of an operation.

        :param id: operation id, a UUID.
        """
        return get(f"/operation/{identifier('id', id)}", Operation)

    @operation("get-dbaas-task", services=("service",))
    def get_task(self, *, service: str, id: str) -> Request[Task]:
        """A task of a service and, once it has ended, its result.

        :param service: service name, 1 to 63 characters.
        :param id: task id, a UUID.
        """
        return get(f"/dbaas-task/{segment('service', service)}/{identifier('id', id)}", Task)
