"""Calls that differ only in the type of service or of external endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dbaas.api import bodies, models
from airflow_dbaas.api.calls import AnswerT, Call, identifier, segment
from airflow_dbaas.api.retries import Resend


class ServiceCalls:
    """The calls that services of one type have in common.

    :param kind: the type, as operation ids name it.
    :param root: first segment of the path.
    """

    def __init__(self, kind: str, root: str) -> None:
        self._operation = f"dbaas-service-{kind}"
        self._root = root

    def _path(self, name: str) -> str:
        return f"/{self._root}/{segment('name', name)}"

    def create(self, name: str, body: type, fields: Mapping[str, object]) -> Call[models.Operation]:
        operation = f"create-{self._operation}"
        content = bodies.encode(operation, body, fields)
        return Call(operation, "POST", self._path(name), models.Operation, content, Resend.IF_UNPROCESSED)

    def get(self, name: str, answer: type[AnswerT]) -> Call[AnswerT]:
        return Call(f"get-{self._operation}", "GET", self._path(name), answer, services=(name,))

    def update(self, name: str, body: type, fields: Mapping[str, object]) -> Call[models.Operation]:
        operation = f"update-{self._operation}"
        content = bodies.encode(operation, body, fields)
        # The same state again changes nothing, but a second migration may double rows.
        resend = Resend.ALWAYS if fields.get("migration") is None else Resend.IF_UNPROCESSED
        return Call(operation, "PUT", self._path(name), models.Operation, content, resend, (name,))

    def delete(self, name: str) -> Call[models.Operation]:
        return Call(f"delete-{self._operation}", "DELETE", self._path(name), models.Operation, services=(name,))


class EndpointCalls:
    """The calls that external endpoints of one type have in common.

    :param kind: the type, as paths and operation ids name it.
    """

    def __init__(self, kind: str) -> None:
        self._root = f"dbaas-external-endpoint-{kind}"

    def _path(self, endpoint_id: str) -> str:
        return f"/{self._root}/{identifier('endpoint_id', endpoint_id)}"

    def create(self, name: str, body: type, fields: Mapping[str, object]) -> Call[models.Operation]:
        operation = f"create-{self._root}"
        content = bodies.encode(operation, body, fields)
        path = f"/{self._root}/{segment('name', name, longest=None)}"
        return Call(operation, "POST", path, models.Operation, content, Resend.IF_UNPROCESSED)

    def get(self, endpoint_id: str, answer: type[AnswerT]) -> Call[AnswerT]:
        return Call(f"get-{self._root}", "GET", self._path(endpoint_id), answer)

    def update(self, endpoint_id: str, body: type, fields: Mapping[str, object]) -> Call[models.Operation]:
        operation = f"update-{self._root}"
        content = bodies.encode(operation, body, fields)
        return Call(operation, "PUT", self._path(endpoint_id), models.Operation, content)

    def delete(self, endpoint_id: str) -> Call[models.Operation]:
        return Call(f"delete-{self._root}", "DELETE", self._path(endpoint_id), models.Operation)
