"""Every wait, stated once: what to fetch, and the verdict on it."""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas.api import calls
from airflow_dbaas.api.conversions import as_text, is_nothing
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasError,
    DbaasIntegrationError,
    DbaasMigrationCheckError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasOperationError,
    DbaasResumeError,
    DbaasServiceError,
)
from airflow_dbaas.api.redaction import redact

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.external_endpoints import ExternalIntegration
    from airflow_dbaas.api.integrations import Integration
    from airflow_dbaas.api.migrations import MigrationDetail, MigrationStatus
    from airflow_dbaas.api.operations import Operation, Task
    from airflow_dbaas.api.services import Service, ServiceList

#: Seconds for which something just made may still be unknown to the API (404).
APPEARANCE_SECONDS = 60.0


@dataclass(frozen=True)
class Pending:
    """Not there yet.

    :param note: how far it is, in one line.
    :param details: the same in parts, each a line of the log, where there are several.
    :param progress: details that change all the time: they are logged with other changes, but do not count as a change.
    """

    note: str
    details: tuple[str, ...] = ()
    progress: str = ""


@dataclass(frozen=True)
class Done:
    """The condition is met. ``result`` is plain JSON; ``note`` describes the outcome for the log."""

    result: dict[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Failed:
    """It has failed. With a grace period it may still recover: the failure counts only if it lasts that many seconds.

    With a grace period of 0 it has failed permanently.
    """

    error: DbaasError
    grace_period: float = 0.0


Verdict = Pending | Done | Failed


@dataclass(frozen=True)
class Wait(ABC):
    """What to fetch and the verdict on it. Its fields are ids and choices only, never a secret."""

    kind: ClassVar[str]
    #: The keys of its result.
    keys: ClassVar[tuple[str, ...]]
    #: Whether the verdict on the same answer may be another one later.
    timed: ClassVar[bool] = False
    #: Whether it takes minutes, if it is not over at once: no worker waits for that, not even briefly.
    slow: ClassVar[bool] = False

    @abstractmethod
    def call(self) -> Call[Any]:
        """The request that shows how far it is."""

    @abstractmethod
    def verdict(self, answer: Any) -> Verdict:
        """The verdict on the answer to ``call``."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """A description of the condition."""

    def absent(self, error: DbaasNotFoundError) -> Verdict:
        """The verdict on a 404: it may have been made a moment ago."""
        return Failed(error, grace_period=APPEARANCE_SECONDS)

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:  # noqa: ARG003 - those that override it use it
        """The verdict if the previous task had nothing to do and returned no id, so that there is nothing to wait for.

        :param fields: the fields of the wait, perhaps templates still.
        :return: None if there is something to wait for.
        :raises DbaasConfigurationError: if the id is missing of something that there must be.
        """
        return None

    def serialize(self) -> dict[str, Any]:
        """Plain JSON from which ``restore`` makes the same wait in another process."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


def in_seconds(duration: float | str | timedelta) -> float:
    """A duration in seconds: from a number, a number as text (as rendered by a template), or a timedelta."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


def outcome(verdict: Done | Failed) -> dict[str, Any]:
    """The result of a final verdict.

    :raises DbaasError: the verdict's error, if it is a failure.
    """
    if isinstance(verdict, Failed):
        raise verdict.error
    return verdict.result


def id_or_nothing(parameter: str, value: Any) -> str | None:
    """A UUID, or nothing; whether that will do, ``Wait.nothing`` says."""
    if is_nothing(value):
        return None
    calls.identifier(parameter, as_text(value))  # type: ignore[arg-type]  # what is not a text is refused there
    return str(value)


#: Non-retryable reasons of a failed operation; after all others, a later try may succeed.
FINAL_REASONS = frozenset({"incorrect", "forbidden", "not-found", "unsupported", "conflict"})


@dataclass(frozen=True)
class OperationWait(Wait):
    """Until an operation has ended. The service may not run yet when it has succeeded."""

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
            # Something is running and must not count as done.
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


@dataclass(frozen=True)
class ServiceWait(Wait):
    """Until a service is in a state, or gone (``absent``).

    It fetches the list of all services: one request answers the waits on many services.
    """

    service_name: str
    state: Literal["running", "poweroff", "absent"] = "running"
    kind: ClassVar[str] = "service"
    keys: ClassVar[tuple[str, ...]] = ("service", "state", "type", "plan", "zone")
    slow: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        return f"service {self.service_name}"

    def call(self) -> Call[ServiceList]:
        from airflow_dbaas.api.services import Services

        return Services.list.call()

    def verdict(self, answer: ServiceList) -> Verdict:
        from airflow_dbaas.api.services import Service

        service = answer.named(self.service_name)
        state = service.state if service else "absent"
        if state == self.state:
            found = service or Service(name=self.service_name, state="absent")
            return Done(service_result(found), note="absent" if service is None else str(state))
        if service is None:
            error = DbaasServiceError(f"{self.subject} does not exist (waiting for {self.state})")
            return Failed(error, grace_period=APPEARANCE_SECONDS)
        if state == "poweroff":
            text = f"{self.subject} is powered off (waiting for {self.state}); power it on in the portal"
            return Failed(DbaasServiceError(text))
        return Pending(f"{self.subject} is {state}")


@dataclass(frozen=True)
class ServiceUpdateWait(ServiceWait):
    """Until a changed service runs again with its new settings.

    A service may be shown as running for a moment after a change. So ``running`` counts only with the requested plan,
    and only some time after the change.

    :param plan: the new plan, if it was changed.
    :param not_before: Unix time from which on ``running`` counts.
    """

    plan: str | None = None
    not_before: float = 0.0
    kind: ClassVar[str] = "service-update"
    timed: ClassVar[bool] = True

    def verdict(self, answer: ServiceList) -> Verdict:
        verdict = super().verdict(answer)
        if isinstance(verdict, Done):
            plan = verdict.result["plan"]
            if self.plan not in {None, plan}:
                return Pending(f"{self.subject} runs, but still with plan {plan}, not {self.plan}")
            if time.time() < self.not_before:
                return Pending(f"{self.subject} still runs; waiting to see whether the change restarts it")
        return verdict


def service_result(service: Service) -> dict[str, Any]:
    """A service as plain JSON, for XCom."""
    return {
        "service": service.name,
        "state": service.state,
        "type": service.type,
        "plan": service.plan,
        "zone": service.zone,
    }


#: Seconds for which an integration may be shown as failed or switched off: it is while a service restarts.
INTEGRATION_GRACE_PERIOD = 120.0

State = Literal["active", "absent"]


@dataclass(frozen=True)
class IntegrationWait(Wait):
    """Until an integration between two services is active, or gone (``absent``).

    It is read off the list of all services: one request answers the waits on many integrations.
    """

    integration_id: str
    state: State = "active"
    kind: ClassVar[str] = "integration"
    keys: ClassVar[tuple[str, ...]] = (
        "integration_id",
        "integration_type",
        "source_service",
        "dest_service",
        "status",
        "service",
        "zone",
    )

    @property
    def subject(self) -> str:
        return f"integration {self.integration_id}"

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:
        return _nothing(cls, "integration", fields)

    @cached_property
    def _id(self) -> str:
        # A UUID can be written in several ways.
        return calls.identifier("integration_id", self.integration_id)

    def call(self) -> Call[ServiceList]:
        # The request does not need the id, but an invalid id should be found before it.
        from airflow_dbaas.api.services import Services

        _ = self._id
        return Services.list.call()

    def verdict(self, answer: ServiceList) -> Verdict:
        found = answer.integration_with(self._id)
        if self.state == "absent":
            gone = Done(_gone(type(self), self.integration_id), note="absent")
            return Pending(f"{self.subject} is still there") if found else gone
        if found is None:
            return Failed(DbaasIntegrationError(f"{self.subject} does not exist"), grace_period=APPEARANCE_SECONDS)
        status = found.status or "unknown"
        # Older answers have no is-active; then the status is all there is.
        if found.is_active or (found.is_active is None and status in {"running", "active"}):
            return Done(integration_result(found), note="active")
        where = f"{self.subject} ({found.type}, {found.source} → {found.dest})"
        if status == "failed" or found.is_enabled is False:
            what = "failed" if status == "failed" else "is disabled"
            return Failed(
                DbaasIntegrationError(f"{where} {what}", retryable=True), grace_period=INTEGRATION_GRACE_PERIOD
            )
        ends = (answer.named(name) for name in (found.source, found.dest) if name)
        off = [service.name for service in ends if service and service.state == "poweroff"]
        if off:
            text = f"{where} cannot become active: service {' and '.join(off)} is powered off"
            return Failed(DbaasIntegrationError(text))
        return Pending(f"{where} is {status}, not active yet")


@dataclass(frozen=True)
class ExternalIntegrationWait(Wait):
    """Until the integration of a service with an external endpoint is active, or gone (``absent``).

    An answer without a status counts as active, because the API need not show one.
    """

    integration_id: str
    state: State = "active"
    kind: ClassVar[str] = "external-integration"
    keys: ClassVar[tuple[str, ...]] = (
        "integration_id",
        "endpoint_type",
        "endpoint_id",
        "endpoint_name",
        "service",
        "status",
        "zone",
    )

    @property
    def subject(self) -> str:
        return f"external integration {self.integration_id}"

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:
        return _nothing(cls, "external integration", fields)

    def call(self) -> Call[ExternalIntegration]:
        from airflow_dbaas.api.external_endpoints import ExternalEndpoints

        return ExternalEndpoints.get_integration.call(self.integration_id)

    def absent(self, error: DbaasNotFoundError) -> Verdict:
        gone = Done(_gone(type(self), self.integration_id), note="absent")
        return gone if self.state == "absent" else super().absent(error)

    def verdict(self, answer: ExternalIntegration) -> Verdict:
        if self.state == "absent":
            return Pending(f"{self.subject} is still there")
        status = answer.status or "active"
        if status in {"running", "active"}:
            return Done(external_integration_result(answer), note="active")
        where = f"{self.subject} ({answer.type}, {answer.source_service_name} → {answer.dest_endpoint_name})"
        if status == "failed":
            return Failed(
                DbaasIntegrationError(f"{where} failed", retryable=True), grace_period=INTEGRATION_GRACE_PERIOD
            )
        return Pending(f"{where} is {status}, not active yet")


def _gone(wait: type[Wait], integration_id: str | None) -> dict[str, Any]:
    return {**dict.fromkeys(wait.keys), "integration_id": integration_id, "status": "absent"}


def _nothing(wait: type[Wait], kind: str, fields: Mapping[str, Any]) -> Done | None:
    """The end of the wait for the end of an integration that was not there."""
    integration_id = fields["integration_id"]
    if not is_nothing(integration_id):
        return None
    if fields["state"] != "absent":
        # One that is being created must not count as active.
        raise DbaasConfigurationError(
            f"integration_id must be a UUID, got {calls.shown(integration_id)}: the API did not show the {kind} when "
            "it was created; let the operator wait for it (wait_for_completion=True)"
        )
    text = f"There is no {kind} to wait for: nothing was deleted (integration_id is None)"
    return Done(_gone(wait, None), text)


def integration_result(integration: Integration) -> dict[str, Any]:
    """An integration between services as plain JSON, for XCom."""
    return {
        "integration_id": integration.id,
        "integration_type": integration.type,
        "source_service": integration.source,
        "dest_service": integration.dest,
        "status": integration.status,
        "service": integration.source,
    }


def external_integration_result(integration: ExternalIntegration) -> dict[str, Any]:
    """An integration with an external endpoint as plain JSON, for XCom."""
    return {
        "integration_id": integration.integration_id,
        "endpoint_type": integration.type,
        "endpoint_id": integration.dest_endpoint_id,
        "endpoint_name": integration.dest_endpoint_name,
        "service": integration.source_service_name,
        "status": integration.status,
    }


#: Seconds for which a replicating migration may be shown as failed, unless the user says otherwise.
FAILURE_GRACE_PERIOD = 180.0


@dataclass(frozen=True)
class MigrationWait(Wait):
    """Until every database of a migration is copied.

    The top-level status is not trusted: a migration that never reached its source has been seen as ``done``. It
    is finished only if no error is shown and every database is ``done`` or, ``until="synced"``, ``syncing``.

    Its verdict is the one definition of a failed migration, for sensors, operators and the page: ``Failed`` without a
    grace period has failed permanently; ``Failed`` with one replicates and may recover, and has failed permanently
    only if it
    is still shown as failed when the grace period is over.

    :param until: ``synced``: the copy is complete, replication may continue; ``done``: replication has ended as well.
    :param failure_grace_period: seconds for which a replicating migration may be shown as failed.
    """

    service_name: str
    until: Literal["synced", "done"] = "synced"
    failure_grace_period: float = FAILURE_GRACE_PERIOD
    kind: ClassVar[str] = "migration"
    keys: ClassVar[tuple[str, ...]] = ("service", "status", "method", "databases", "zone")
    slow: ClassVar[bool] = True

    def __post_init__(self) -> None:
        # From a user, or from a template that was rendered in the triggerer.
        given: float | str | timedelta = self.failure_grace_period
        object.__setattr__(self, "failure_grace_period", in_seconds(given))

    @property
    def subject(self) -> str:
        return f"the migration into service {self.service_name}"

    def call(self) -> Call[MigrationStatus]:
        from airflow_dbaas.api.migrations import Migrations

        return Migrations.status.call(self.service_name)

    def absent(self, error: DbaasNotFoundError) -> Verdict:  # noqa: ARG002 - said in other words
        text = f"There is no migration into service {self.service_name}: it was not started, or has been stopped"
        return Failed(DbaasMigrationError(text), grace_period=APPEARANCE_SECONDS)

    def verdict(self, answer: MigrationStatus) -> Verdict:
        details = answer.details
        states = [detail.status for detail in details]
        troubled = (
            bool(answer.error or answer.status == "failed" or any(d.error for d in details)) or "failed" in states
        )
        if troubled:
            return self._trouble(answer)
        wanted = {"done", "syncing"} if self.until == "synced" else {"done"}
        if details and all(state in wanted for state in states) and answer.status not in {"running", "waiting"}:
            return Done(migration_result(self.service_name, answer), note=_summary(answer))
        if not details and answer.status in {"done", "syncing"}:
            # "Done" without a single database is either a moment's view or a copy of nothing.
            text = f"The migration into service {self.service_name} has status {answer.status} but names no database"
            return Failed(DbaasMigrationError(text), grace_period=APPEARANCE_SECONDS)
        return _pending(self.subject, answer)

    def _trouble(self, answer: MigrationStatus) -> Verdict:
        under_way = [d for d in answer.details if d.status not in {"done", "syncing", "failed"}]
        if under_way and not answer.error:
            # Others are still being copied: the failure is reported, with all details, when they have ended.
            return _pending(self.subject, answer)
        passing = bool(under_way) or _replicates(answer)
        text = f"The migration into service {self.service_name} failed: {describe_migration(answer)}"
        return Failed(DbaasMigrationError(text), grace_period=self.failure_grace_period if passing else 0.0)


@dataclass(frozen=True)
class MigrationRecoveryWait(Wait):
    """Until a migration that is shown as failed has recovered, or has failed permanently.

    The result says which: ``failed`` is true if it was still shown as failed when its grace period was over.

    :param fails_at: Unix time at which the grace period is over.
    """

    service_name: str
    fails_at: float
    kind: ClassVar[str] = "migration-recovery"
    keys: ClassVar[tuple[str, ...]] = ("failed",)
    timed: ClassVar[bool] = True
    slow: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        return f"the migration into service {self.service_name}"

    def call(self) -> Call[MigrationStatus]:
        from airflow_dbaas.api.migrations import Migrations

        return Migrations.status.call(self.service_name)

    def absent(self, error: DbaasNotFoundError) -> Verdict:  # noqa: ARG002 - there is nothing more to it
        return Done({"failed": False}, note="is gone")

    def verdict(self, answer: MigrationStatus) -> Verdict:
        seen = MigrationWait(self.service_name).verdict(answer)
        if not isinstance(seen, Failed):
            return Done({"failed": False}, note=f"has recovered: {_summary(answer)}")
        if seen.grace_period and time.time() < self.fails_at:
            return Pending(f"{seen.error} (may recover)")
        return Done({"failed": True}, note="has failed permanently")


def _replicates(status: MigrationStatus) -> bool:
    """Whether the failed part of a migration replicates, so that it may recover.

    That need not be said by a method or a database: "Logical replication is currently down" may be all there is.
    """
    failed = [d for d in status.details if d.status == "failed" or d.error]
    suspects = [d.method for d in failed] or [status.method, *(d.method for d in status.details)]
    return "replication" in suspects or "replication is" in (status.error or "").lower()


def describe_migration(status: MigrationStatus) -> str:
    """A migration's status in one line, without secrets; the databases that failed come first."""
    parts = [_top(status)]
    for detail in sorted(status.details, key=lambda each: each.status != "failed" and not each.error):
        lag = _lag(detail)
        behind = "" if lag is None else f", lag {lag:g}"
        parts.append(f"{_database(detail)}{behind}")
    return ", ".join(parts)


def _top(status: MigrationStatus) -> str:
    parts = [f"status {status.status or 'unknown'}"]
    if status.method:
        parts.append(f"method {status.method}")
    if status.error:
        parts.append(f"error: {redact(status.error)}")
    return ", ".join(parts)


def _database(detail: MigrationDetail) -> str:
    how = f" by {detail.method}" if detail.method else ""
    why = f" ({redact(detail.error)})" if detail.error else ""
    return f"{detail.dbname}: {detail.status}{how}{why}"


def _summary(status: MigrationStatus) -> str:
    """A migration's status in one line, however many databases there are."""
    if not status.details:
        return _top(status)
    counts = Counter(detail.status or "unknown" for detail in status.details)
    many = "1 database" if len(status.details) == 1 else f"{len(status.details)} databases"
    return f"{_top(status)}, {many}: {', '.join(f'{count} {state}' for state, count in counts.most_common())}"


def _pending(subject: str, status: MigrationStatus) -> Pending:
    """How far a migration is: in sum, and a line for each database. A lag is another one at each poll."""
    lags = {detail.dbname: lag for detail in status.details if (lag := _lag(detail)) is not None}
    behind = max(lags, key=lambda name: lags[name], default=None)
    return Pending(
        f"{subject}: {_summary(status)}",
        details=tuple(_database(detail) for detail in status.details),
        progress="" if behind is None else f"largest lag: {lags[behind]:g}, {behind}",
    )


def migration_result(service_name: str, status: MigrationStatus) -> dict[str, Any]:
    """A migration's status as plain JSON, for XCom."""
    return {
        "service": service_name,
        "status": status.status,
        "method": status.method,
        "databases": [_database_result(detail) for detail in status.details],
    }


def _database_result(detail: MigrationDetail) -> dict[str, Any]:
    result: dict[str, Any] = {"name": detail.dbname, "method": detail.method, "status": detail.status}
    lag = _lag(detail)
    return result if lag is None else {**result, "lag": lag}


def _lag(detail: MigrationDetail) -> float | None:
    """The lag of a replicating database, where the API shows it; its document has no property for it."""
    extras = (detail.model_extra or {}).items()
    return next((value for name, value in extras if "lag" in name and isinstance(value, int | float)), None)


_KINDS: dict[str, type[Wait]] = {
    kind.kind: kind
    for kind in (
        OperationWait,
        TaskWait,
        ServiceWait,
        ServiceUpdateWait,
        MigrationWait,
        MigrationRecoveryWait,
        IntegrationWait,
        ExternalIntegrationWait,
    )
}


def restore(serialized: dict[str, Any]) -> Wait:
    """The wait that ``Wait.serialize`` described.

    :raises DbaasResumeError: if there is no such wait: another version of this package has described it.
    """
    fields = dict(serialized)
    kind = fields.pop("kind", None)
    try:
        return _KINDS[kind](**fields)
    except (KeyError, TypeError):
        raise DbaasResumeError(
            f"this task was deferred by another version of airflow-dbaas, to wait in a way that this one does not know "
            f"({kind}: {', '.join(fields)}). A retry begins again and finds what the task has started; without retries "
            "left, clear the task"
        ) from None


def is_known(wait: Wait) -> bool:
    """Whether ``restore`` returns the same wait from its serialized form; not true for other packages' classes."""
    return _KINDS.get(wait.kind) is type(wait)


def result_keys(kind: str) -> tuple[str, ...]:
    """The keys of the result of a kind of wait."""
    return _KINDS[kind].keys


def nothing(serialized: dict[str, Any]) -> Done | None:
    """The end of the wait that ``Wait.serialize`` described, if there is nothing to wait for."""
    fields = dict(serialized)
    return _KINDS[fields.pop("kind")].nothing(fields)
