"""Tasks: work of a service, such as the check of a migration."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Items, Needed


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
