"""Waiting for an operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas.api.errors import DbaasOperationError
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.waits.base import Done, Failed, Pending, Verdict, Wait
from airflow_dbaas.waits.ids import is_nothing

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.operations import Operation

#: Reasons of a failed operation that somebody has to mend; after all others a later try may succeed.
FINAL_REASONS = frozenset({"incorrect", "forbidden", "not-found", "unsupported", "conflict"})


@dataclass(frozen=True)
class OperationWait(Wait):
    """Until an operation has ended. Success of an operation is not readiness of the service it is about."""

    operation_id: str
    kind: ClassVar[str] = "operation"
    keys: ClassVar[tuple[str, ...]] = ("operation_id", "reference_id", "reference_link")

    @property
    def subject(self) -> str:
        return f"operation {self.operation_id}"

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:
        if not is_nothing(fields["operation_id"]):
            return None
        return Done(
            dict.fromkeys(cls.keys), "There is no operation to wait for: nothing was started (operation_id is None)"
        )

    def call(self) -> Call[Operation]:
        from airflow_dbaas.api.operations import Operations

        return Operations.get.call(self.operation_id)

    def verdict(self, answer: Operation) -> Verdict:
        from airflow_dbaas.api.operations import Reference

        if answer.state == "success":
            reference = answer.reference or Reference()
            result = {"operation_id": self.operation_id, "reference_id": reference.id, "reference_link": reference.link}
            return Done(result, note="success")
        if answer.state in {"failure", "timeout"}:
            reason = answer.reason or "no reason given"
            words = redact(answer.message or "no message")
            text = f"{self.subject} ended in {answer.state} ({reason}): {words}"
            return Failed(DbaasOperationError(text, retryable=answer.reason not in FINAL_REASONS))
        return Pending(f"{self.subject} is {answer.state}")
