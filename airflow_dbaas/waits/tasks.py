"""Waiting for a task of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from airflow_dbaas.api.errors import DbaasMigrationCheckError
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.waits.base import Done, Failed, Pending, Verdict, Wait

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.operations import Task


@dataclass(frozen=True)
class TaskWait(Wait):
    """Until a task of a service, such as a migration check, has ended well."""

    service_name: str
    dbaas_task_id: str
    kind: ClassVar[str] = "task"

    @property
    def subject(self) -> str:
        return f"task {self.dbaas_task_id} of service {self.service_name}"

    def call(self) -> Call[Task]:
        from airflow_dbaas.api.operations import Operations

        return Operations.get_task.call(service=self.service_name, id=self.dbaas_task_id)

    def verdict(self, answer: Task) -> Verdict:
        if answer.success is None:
            return Pending(f"{self.subject} is running")
        words = redact(answer.result or "")
        if answer.success:
            result = {"task_id": self.dbaas_task_id, "service": self.service_name, "result": words}
            return Done(result, note=words)
        codes = [f"{code.dbname or 'all databases'}: {code.code}" for code in answer.result_codes]
        what = (answer.task_type or "task").replace("_", " ")
        text = f"The {what} for service {self.service_name} was refused: {words or 'no reason given'}"
        return Failed(DbaasMigrationCheckError("; ".join([text, *codes])))
