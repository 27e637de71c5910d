"""Every wait, stated once: what to fetch, and the verdict on it.

A poking sensor, the trigger of a deferred task and an operator's own wait all run the same ``Watch`` over one of
these waits, so that what counts as done, as failed and as passing trouble is decided in one place.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from airflow_dbaas.api import endpoints, models
from airflow_dbaas.api.endpoints import Call
from airflow_dbaas.api.errors import (
    DbaasError,
    DbaasMigrationCheckError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasOperationError,
    DbaasServiceError,
)
from airflow_dbaas.api.redaction import redact

#: Seconds for which something just made may still be unknown to the API (404).
APPEARANCE_SECONDS = 60.0

#: Reasons of a failed operation that somebody has to mend; after all others a later try may succeed.
FINAL_REASONS = frozenset({"incorrect", "forbidden", "not-found", "unsupported", "conflict"})


@dataclass(frozen=True)
class Pending:
    """Not there yet. ``note`` says how far it is."""

    note: str


@dataclass(frozen=True)
class Done:
    """What was waited for is there. ``result`` is plain JSON."""

    result: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """It will not come. With ``patience`` it still may: the failure counts only if it lasts that many seconds."""

    error: DbaasError
    patience: float = 0.0


Verdict = Pending | Done | Failed


@dataclass(frozen=True)
class Wait(ABC):
    """What to fetch and the verdict on it. Its fields are ids and choices only, never a secret."""

    kind: ClassVar[str]

    @abstractmethod
    def call(self) -> Call[Any]:
        """The request that shows how far it is."""

    @abstractmethod
    def verdict(self, answer: Any) -> Verdict:
        """The verdict on the answer to ``call``."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """What is waited for, in words."""

    def absent(self, error: DbaasNotFoundError) -> Verdict:
        """The verdict on a 404: it may have been made a moment ago."""
        return Failed(error, patience=APPEARANCE_SECONDS)

    def serialize(self) -> dict[str, Any]:
        """Plain JSON from which ``restore`` makes the same wait in another process."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class OperationWait(Wait):
    """Until an operation has ended. Success of an operation is not readiness of the service it is about."""

    id: str
    kind: ClassVar[str] = "operation"

    @property
    def subject(self) -> str:
        return f"operation {self.id}"

    def call(self) -> Call[models.Operation]:
        return endpoints.get_operation(self.id)

    def verdict(self, answer: models.Operation) -> Verdict:
        if answer.state == "success":
            reference = answer.reference or models.Reference()
            result = {"operation_id": self.id, "reference_id": reference.id, "reference_link": reference.link}
            return Done(result)
        if answer.state in {"failure", "timeout"}:
            reason = answer.reason or "no reason given"
            words = redact(answer.message or "no message")
            text = f"{self.subject} ended in {answer.state} ({reason}): {words}"
            return Failed(DbaasOperationError(text, retryable=answer.reason not in FINAL_REASONS))
        return Pending(f"{self.subject} is {answer.state}")


@dataclass(frozen=True)
class TaskWait(Wait):
    """Until a task of a service, such as a migration check, has ended well."""

    service: str
    id: str
    kind: ClassVar[str] = "task"

    @property
    def subject(self) -> str:
        return f"task {self.id} of service {self.service}"

    def call(self) -> Call[models.Task]:
        return endpoints.get_dbaas_task(service=self.service, id=self.id)

    def verdict(self, answer: models.Task) -> Verdict:
        if answer.success is None:
            return Pending(f"{self.subject} is running")
        words = redact(answer.result or "")
        if answer.success:
            return Done({"task_id": self.id, "service": self.service, "result": words})
        codes = [f"{code.dbname or 'all databases'}: {code.code}" for code in answer.result_codes]
        what = (answer.task_type or "task").replace("_", " ")
        text = f"The {what} for service {self.service} was refused: {words or 'no reason given'}"
        return Failed(DbaasMigrationCheckError("; ".join([text, *codes])))


@dataclass(frozen=True)
class ServiceWait(Wait):
    """Until a service is in a state, or gone (``absent``).

    The list of all services is what is fetched: one request answers the waits on many services.
    """

    name: str
    state: Literal["running", "poweroff", "absent"] = "running"
    kind: ClassVar[str] = "service"

    @property
    def subject(self) -> str:
        return f"service {self.name}"

    def call(self) -> Call[models.ServiceList]:
        return endpoints.list_dbaas_services()

    def verdict(self, answer: models.ServiceList) -> Verdict:
        service = answer.named(self.name)
        state = service.state if service else "absent"
        if state == self.state:
            shown = service or models.Service(name=self.name)
            return Done(
                {
                    "service": self.name,
                    "state": state,
                    "type": shown.type,
                    "plan": shown.plan,
                    "zone": shown.zone,
                }
            )
        if service is None:
            error = DbaasServiceError(f"{self.subject} does not exist (waiting for {self.state})")
            return Failed(error, patience=APPEARANCE_SECONDS)
        if state == "poweroff":
            text = f"{self.subject} is powered off (waiting for {self.state}); power it on in the portal"
            return Failed(DbaasServiceError(text))
        return Pending(f"{self.subject} is {state}")


@dataclass(frozen=True)
class MigrationWait(Wait):
    """Until every database of a migration is copied.

    The top-level status is not trusted: a migration that never reached its source has been seen as ``done``. It
    is finished only if no error is shown and every database is ``done`` or, ``until="synced"``, ``syncing``.
    While it replicates, ``failed`` may pass; it counts only if it lasts.

    :param until: ``synced``: the copy is complete, replication may go on; ``done``: replication has ended too.
    :param patience: seconds for which a replicating migration may be shown as failed.
    """

    name: str
    until: Literal["synced", "done"] = "synced"
    patience: float = 180.0
    kind: ClassVar[str] = "migration"

    @property
    def subject(self) -> str:
        return f"the migration into service {self.name}"

    def call(self) -> Call[models.MigrationStatus]:
        return endpoints.get_dbaas_migration_status(self.name)

    def absent(self, error: DbaasNotFoundError) -> Verdict:  # noqa: ARG002 - said in other words
        text = f"There is no migration into service {self.name}: it was not started, or has been stopped"
        return Failed(DbaasMigrationError(text), patience=APPEARANCE_SECONDS)

    def verdict(self, answer: models.MigrationStatus) -> Verdict:
        details = answer.details
        states = [detail.status for detail in details]
        troubled = (
            bool(answer.error or answer.status == "failed" or any(d.error for d in details)) or "failed" in states
        )
        if troubled:
            return self._trouble(answer)
        wanted = {"done", "syncing"} if self.until == "synced" else {"done"}
        if details and all(state in wanted for state in states) and answer.status not in {"running", "waiting"}:
            return Done(migration_result(self.name, answer))
        if not details and answer.status in {"done", "syncing"}:
            # "Done" without a single database is either a moment's view or a copy of nothing.
            text = f"The migration into service {self.name} says {answer.status} but names no database"
            return Failed(DbaasMigrationError(text), patience=APPEARANCE_SECONDS)
        return Pending(describe_migration(answer))

    def _trouble(self, answer: models.MigrationStatus) -> Verdict:
        failed = [d for d in answer.details if d.status == "failed" or d.error]
        under_way = [d for d in answer.details if d.status not in {"done", "syncing", "failed"}]
        if under_way and not answer.error:
            # Others are still being copied: the failure is told, with all there is to say, when they are over.
            return Pending(describe_migration(answer))
        suspects = [d.method for d in failed] or [answer.method, *(d.method for d in answer.details)]
        passing = bool(under_way) or "replication" in suspects
        text = f"The migration into service {self.name} failed: {describe_migration(answer)}"
        return Failed(DbaasMigrationError(text), patience=self.patience if passing else 0.0)


def outcome(verdict: Done | Failed) -> dict[str, Any]:
    """The result of a final verdict.

    :raises DbaasError: the verdict's error, if it is a failure.
    """
    if isinstance(verdict, Failed):
        raise verdict.error
    return verdict.result


def describe_migration(status: models.MigrationStatus) -> str:
    """A migration's status in one line, without secrets."""
    parts = [f"status {status.status or 'unknown'}"]
    if status.method:
        parts.append(f"method {status.method}")
    if status.error:
        parts.append(f"error: {redact(status.error)}")
    for detail in status.details:
        how = f" by {detail.method}" if detail.method else ""
        why = f" ({redact(detail.error)})" if detail.error else ""
        parts.append(f"{detail.dbname}: {detail.status}{how}{why}")
    return ", ".join(parts)


def migration_result(name: str, status: models.MigrationStatus) -> dict[str, Any]:
    """A migration's status as plain JSON, for XCom."""
    return {
        "service": name,
        "status": status.status,
        "method": status.method,
        "databases": [
            {"name": detail.dbname, "method": detail.method, "status": detail.status} for detail in status.details
        ],
    }


_KINDS: dict[str, type[Wait]] = {kind.kind: kind for kind in (OperationWait, TaskWait, ServiceWait, MigrationWait)}


def restore(serialized: dict[str, Any]) -> Wait:
    """The wait that ``Wait.serialize`` described."""
    fields = dict(serialized)
    return _KINDS[fields.pop("kind")](**fields)
