"""Operations: what a request that changes something returns, pending until the work is done."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.background import Background

logger = logging.getLogger(__name__)


class WorkFailed(Exception):
    """The work of an operation ended in failure, for one of the reasons that the API knows."""

    def __init__(self, reason: str, message: str, state: str = "failure") -> None:
        super().__init__(message)
        self.reason = reason
        self.state = state


@dataclass(frozen=True)
class Reference:
    """The resource an operation is about."""

    id: str
    link: str
    command: str


@dataclass
class Operation:
    """One operation, as the API shows it."""

    reference: Reference
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "pending"
    reason: str | None = None
    message: str | None = None
    then: Callable[[], Awaitable[None]] | None = None
    """What has to happen besides, once the work is done; may raise ``WorkFailed``, or never end."""

    def view(self) -> dict[str, Any]:
        """The operation as the API answers it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "state": self.state,
            "reference": {"id": self.reference.id, "link": self.reference.link, "command": self.reference.command},
        }
        if self.reason is not None:
            shown["reason"] = self.reason
        if self.message is not None:
            shown["message"] = self.message
        return shown


class Operations(Background):
    """All operations since the emulator started."""

    def __init__(self, pending_seconds: float) -> None:
        super().__init__()
        self._pending_seconds = pending_seconds
        self._known: dict[str, Operation] = {}

    def get(self, identifier: str) -> Operation | None:
        """The operation with this id."""
        return self._known.get(identifier)

    def begin(self, reference: Reference, work: Callable[[], Awaitable[None]] | None = None) -> Operation:
        """A new operation that ends when ``work`` does, and not before its pending time is over."""
        operation = Operation(reference)
        self._known[operation.id] = operation
        self.start(self._run(operation, work))
        return operation

    async def _run(self, operation: Operation, work: Callable[[], Awaitable[None]] | None) -> None:
        pending = asyncio.create_task(asyncio.sleep(self._pending_seconds))
        try:
            try:
                if work is not None:
                    await work()
            finally:
                await pending
            if operation.then is not None:
                await operation.then()
        except WorkFailed as failure:
            operation.state, operation.reason, operation.message = failure.state, failure.reason, str(failure)
        except Exception:
            logger.exception("Operation %s failed", operation.id)
            operation.state, operation.reason = "failure", "fault"
            operation.message = "internal error of the emulator; its log says more"
        else:
            operation.state = "success"
        finally:
            pending.cancel()
