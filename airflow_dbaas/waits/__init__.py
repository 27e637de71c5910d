"""Every wait, stated once: what to fetch, and the verdict on it.

A poking sensor, the trigger of a deferred task and an operator's own wait all run the same ``Watch`` over one of
these waits, so that what counts as done, as failed and as passing trouble is decided in one place.
"""

from __future__ import annotations

from typing import Any

from airflow_dbaas.waits.base import (
    APPEARANCE_SECONDS,
    Done,
    Failed,
    Pending,
    Verdict,
    Wait,
    in_seconds,
    outcome,
)
from airflow_dbaas.waits.integrations import ExternalIntegrationWait, IntegrationWait
from airflow_dbaas.waits.migrations import (
    FAILURE_GRACE_PERIOD,
    MigrationRecoveryWait,
    MigrationWait,
    describe_migration,
    migration_result,
)
from airflow_dbaas.waits.operations import OperationWait
from airflow_dbaas.waits.services import ServiceUpdateWait, ServiceWait, service_result
from airflow_dbaas.waits.tasks import TaskWait

__all__ = [
    "APPEARANCE_SECONDS",
    "FAILURE_GRACE_PERIOD",
    "Done",
    "ExternalIntegrationWait",
    "Failed",
    "IntegrationWait",
    "MigrationRecoveryWait",
    "MigrationWait",
    "OperationWait",
    "Pending",
    "ServiceUpdateWait",
    "ServiceWait",
    "TaskWait",
    "Verdict",
    "Wait",
    "describe_migration",
    "in_seconds",
    "is_known",
    "migration_result",
    "nothing",
    "outcome",
    "restore",
    "result_keys",
    "service_result",
]

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
    """The wait that ``Wait.serialize`` described."""
    fields = dict(serialized)
    return _KINDS[fields.pop("kind")](**fields)


def is_known(wait: Wait) -> bool:
    """Whether ``restore`` makes the same wait of what it serializes to; a wait of somebody else's class is not."""
    return _KINDS.get(wait.kind) is type(wait)


def result_keys(kind: str) -> tuple[str, ...]:
    """What the result of a kind of wait has."""
    return _KINDS[kind].keys


def nothing(serialized: dict[str, Any]) -> Done | None:
    """The end of the wait that ``Wait.serialize`` described, if there is nothing to wait for."""
    fields = dict(serialized)
    return _KINDS[fields.pop("kind")].nothing(fields)
