"""Operations and tasks: work that the API has taken on."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items, Needed


class Reference(Answer):
    """The resource that an operation is about."""

    id: str | None = None
    link: str | None = None
    command: str | None = None


class Operation(Answer):
    """Work that the API has taken on.

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
