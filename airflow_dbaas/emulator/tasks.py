"""Tasks: checks that run in the background and whose result is fetched later."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_dbaas.emulator.background import Background
from airflow_dbaas.emulator.sources import UnusableUri

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
    then: Callable[[], Awaitable[tuple[bool, str]]] | None = None
    """What takes the place of the check's result, once there is one; may never end."""

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

    def check(self, service: str, kind: str, work: Callable[[], Awaitable[tuple[bool, str]]]) -> Task:
        """Begin a check of a service.

        :param kind: the task's type, as the API names it.
        :param work: returns whether the check was passed, and the text for it; may raise ``UnusableUri``.
        """
        task = Task(service=service, kind=kind)
        self._known[service, task.id] = task
        self.start(_check(task, work))
        return task


async def _check(task: Task, work: Callable[[], Awaitable[tuple[bool, str]]]) -> None:
    try:
        success, result = await work()
    except UnusableUri as error:
        success, result = False, str(error)
    except Exception:
        logger.exception("Check %s failed", task.id)
        success, result = False, "internal error of the emulator; its log says more"
    if task.then is not None:
        success, result = await task.then()
    task.success, task.result = success, result
