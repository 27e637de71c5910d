"""Waiting for a migration."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas.api.errors import DbaasMigrationError, DbaasNotFoundError
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.waits.base import APPEARANCE_SECONDS, Done, Failed, Pending, Verdict, Wait, in_seconds

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.migrations import MigrationDetail, MigrationStatus


#: Seconds for which a replicating migration may be shown as failed, unless the user says otherwise.
FAILURE_GRACE_PERIOD = 180.0


@dataclass(frozen=True)
class MigrationWait(Wait):
    """Until every database of a migration is copied.

    The top-level status is not trusted: a migration that never reached its source has been seen as ``done``. It
    is finished only if no error is shown and every database is ``done`` or, ``until="synced"``, ``syncing``.

    Its verdict is the one definition of a failed migration, for sensors, operators and the page: ``Failed`` without a
    grace period has failed for good; ``Failed`` with one replicates and may recover, and has failed for good only if it
    is still shown as failed when the grace period is over.

    :param until: ``synced``: the copy is complete, replication may go on; ``done``: replication has ended too.
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
            text = f"The migration into service {self.service_name} says {answer.status} but names no database"
            return Failed(DbaasMigrationError(text), grace_period=APPEARANCE_SECONDS)
        return _pending(self.subject, answer)

    def _trouble(self, answer: MigrationStatus) -> Verdict:
        under_way = [d for d in answer.details if d.status not in {"done", "syncing", "failed"}]
        if under_way and not answer.error:
            # Others are still being copied: the failure is told, with all there is to say, when they are over.
            return _pending(self.subject, answer)
        passing = bool(under_way) or _replicates(answer)
        text = f"The migration into service {self.service_name} failed: {describe_migration(answer)}"
        return Failed(DbaasMigrationError(text), grace_period=self.failure_grace_period if passing else 0.0)


@dataclass(frozen=True)
class MigrationRecoveryWait(Wait):
    """Until a migration that is shown as failed has recovered, or has failed for good.

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
        return Done({"failed": True}, note="has failed for good")


def _replicates(status: MigrationStatus) -> bool:
    """Whether what a migration shows as failed replicates, so that it may recover.

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
        progress="" if behind is None else f"greatest lag: {lags[behind]:g}, {behind}",
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
    """How far a replicating database is behind, where the API tells; its document has no property for it."""
    extras = (detail.model_extra or {}).items()
    return next((value for name, value in extras if "lag" in name and isinstance(value, int | float)), None)
