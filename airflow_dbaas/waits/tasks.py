"""Waiting for a task of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasMigrationCheckError
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.waits.base import Done, Failed, Pending, Verdict, Wait
from airflow_dbaas.waits.ids import is_nothing

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.operations import Task


@dataclass(frozen=True)
class TaskWait(Wait):
    """Until a task of a service, such as a migration check, has ended well."""

    service_name: str
    dbaas_task_id: str
    kind: ClassVar[str] = "task"
    keys: ClassVar[tuple[str, ...]] = ("task_id", "service", "result", "zone")

    @property
    def subject(self) -> str:
        return f"task {self.dbaas_task_id} of service {self.service_name}"

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:
        task_id = fields["dbaas_task_id"]
        if is_nothing(task_id):
            # Something runs, and must not be taken for done.
            raise DbaasConfigurationError(
                f"dbaas_task_id must be a UUID, got {calls.shown(task_id)}: the API had not named the task when it was "
                "started; wait for its operation_id with a DbaasOperationSensor, whose reference_id is the task"
            )
        return None

    def call(self) -> Call[Task]:
        from airflow_dbaas.api.operations import Operations

        return Operations.get_task.call(service=self.service_name, id=self.dbaas_task_id)

    def verdict(self, answer: Task) -> Verdict:
        if answer.success is None:
            return Pending(f"{self.subject} is running")
        words = redact(answer.result or "")
        if answer.success:
            result = {"task_id": self.dbaas_task_id, "service": self.service_name, "result": words}
            return Done(result, note=words or "success")
        codes = [f"{code.dbname or 'all databases'}: {code.code}" for code in answer.result_codes]
        what = (answer.task_type or "task").replace("_", " ")
        text = f"The {what} for service {self.service_name} was refused: {words or 'no reason given'}"
        return Failed(DbaasMigrationCheckError("; ".join([text, *codes])))
