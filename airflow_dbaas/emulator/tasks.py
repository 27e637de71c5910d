"""Tasks: checks that run in the background and whose result is fetched later."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_dbaas.emulator.background import Background
from airflow_dbaas.emulator.sources import UnusableUri

logger = logging.getLogger(__name__)

Check = Callable[[], Awaitable[tuple[bool, str]]]


@dataclass(frozen=True)
class Verdict:
    """Replaces the result of a check; ``never`` for no result at all."""

    result: str = ""
    never: bool = False


@dataclass
class Task:
    """One task, as the API shows it."""

    service: str
    kind: str
    request: dict[str, Any] = field(repr=False)
    """The parameters of the check, including secrets."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    success: bool | None = None
    result: str = ""
    verdict: Verdict | None = None

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

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return asdict(self) | {"created_at": self.created_at.isoformat()}

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Task:
        """The task that was recorded."""
        verdict = record["verdict"]
        return cls(
            **record
            | {
                "created_at": datetime.fromisoformat(record["created_at"]),
                "verdict": Verdict(**verdict) if verdict else None,
            }
        )


class Tasks(Background):
    """All tasks, by service and id."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """:param changed: called when a task has its result."""
        super().__init__()
        self._changed = changed
        self._known: dict[tuple[str, str], Task] = {}

    def all(self) -> list[Task]:
        """All tasks, oldest first."""
        return list(self._known.values())

    def get(self, service: str, identifier: str) -> Task | None:
        """The task of a service with this id."""
        return self._known.get((service, identifier))

    def take(self, task: Task, check: Check) -> None:
        """Take over a task, and begin its check if it has no result.

        :param check: returns whether it passed, and the text; may raise ``UnusableUri``.
        """
        self._known[task.service, task.id] = task
        if task.success is None:
            self.start(self._run(task, check))

    async def _run(self, task: Task, check: Check) -> None:
        try:
            success, result = await check()
        except UnusableUri as error:
            success, result = False, str(error)
        except Exception:
            logger.exception("Check %s failed", task.id)
            success, result = False, "internal error of the emulator; its log says more"
        if task.verdict is not None:
            if task.verdict.never:
                await asyncio.Event().wait()
            success, result = False, task.verdict.result
        task.success, task.result = success, result
        self._changed()
