"""Tasks: checks that run in the background and whose result is fetched later."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_dbaas.emulator.background import Background
from airflow_dbaas.emulator.migration_state import Target
from airflow_dbaas.emulator.postgres import checks
from airflow_dbaas.emulator.postgres.endpoint import Endpoint, UnusableUri

logger = logging.getLogger(__name__)


@dataclass
class Task:
    """One task, as the API shows it."""

    service: str
    kind: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    success: bool | None = None
    result: str = ""

    def view(self) -> dict[str, Any]:
        """The task as the API answers it; without ``success`` while it is going on."""
        shown: dict[str, Any] = {
            "id": self.id,
            "create-time": self.created_at.isoformat(),
            "task-type": self.kind,
            "result": self.result,
            "result-codes": [],
        }
        return shown if self.success is None else shown | {"success": self.success}


class Tasks(Background):
    """All tasks since the emulator started."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, str], Task] = {}

    def get(self, service: str, identifier: str) -> Task | None:
        """The task of a service with this id."""
        return self._known.get((service, identifier))

    def check_migration(
        self, service: str, target: Target, uri: str, *, method: str | None, ignored: frozenset[str], disk: int
    ) -> Task:
        """Begin to check whether the server that ``uri`` names can be migrated to ``target``."""
        task = Task(service=service, kind="pg_migration_check")
        self._known[service, task.id] = task
        self.start(_check(task, target, uri, method=method, ignored=ignored, disk=disk))
        return task


async def _check(
    task: Task, target: Target, uri: str, *, method: str | None, ignored: frozenset[str], disk: int
) -> None:
    try:
        report = await checks.check(Endpoint.from_uri(uri), target.admin, ignored, disk, binaries=target.binaries)
        success, result = report.verdict(method)
    except UnusableUri as error:
        success, result = False, str(error)
    except Exception:
        logger.exception("Migration check %s failed", task.id)
        success, result = False, "internal error of the emulator; its log says more"
    task.success, task.result = success, result
