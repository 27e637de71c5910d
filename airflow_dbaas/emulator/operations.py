"""Operations: the answer to a request that changes something, pending until the work is done."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from airflow_dbaas.emulator.background import Background

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class WorkFailed(Exception):
    """The work of an operation ended in failure, for one of the reasons that the API knows."""

    def __init__(self, reason: str, message: str, state: str = "failure") -> None:
        super().__init__(message)
        self.reason = reason
        self.state = state


@dataclass(frozen=True)
class Reference:
    """The resource of an operation."""

    id: str
    link: str
    command: str


@dataclass(frozen=True)
class Ending:
    """A fixed end of an operation, independent of its work; with the state ``pending``, it never ends."""

    state: str
    reason: str = ""
    message: str = ""


@dataclass
class Operation:
    """One operation, as the API shows it."""

    reference: Reference
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "pending"
    reason: str | None = None
    message: str | None = None
    kind: str = ""
    """Its remaining work, for a restart; empty if it only waits."""
    ending: Ending | None = None

    def view(self) -> dict[str, Any]:
        """The operation as the API answers it."""
        shown: dict[str, Any] = {"id": self.id, "state": self.state, "reference": asdict(self.reference)}
        if self.reason is not None:
            shown["reason"] = self.reason
        if self.message is not None:
            shown["message"] = self.message
        return shown

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Operation:
        """The operation that was recorded."""
        ending = record["ending"]
        return cls(
            **record | {"reference": Reference(**record["reference"]), "ending": Ending(**ending) if ending else None}
        )


class Operations(Background):
    """All operations, by id."""

    def __init__(self, pending_seconds: float, changed: Callable[[], None]) -> None:
        """:param changed: called when an operation has ended."""
        super().__init__()
        self._pending_seconds = pending_seconds
        self._changed = changed
        self._known: dict[str, Operation] = {}

    def all(self) -> list[Operation]:
        """All operations, oldest first."""
        return list(self._known.values())

    def get(self, identifier: str) -> Operation | None:
        """The operation with this id."""
        return self._known.get(identifier)

    def begin(self, reference: Reference, work: Work | None = None, kind: str = "") -> Operation:
        """A new operation that ends when ``work`` does, and not before its pending time is over."""
        operation = Operation(reference, kind=kind)
        self.take(operation, work)
        return operation

    def take(self, operation: Operation, work: Work | None) -> None:
        """Take over an operation, and work on it if it is pending."""
        self._known[operation.id] = operation
        if operation.state == "pending":
            self.start(self._run(operation, work))

    async def _run(self, operation: Operation, work: Work | None) -> None:
        pending = asyncio.create_task(asyncio.sleep(self._pending_seconds))
        try:
            try:
                if work is not None:
                    await work()
            finally:
                await pending
            if operation.ending is not None:
                await _end_as(operation.ending)
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
        self._changed()


async def _end_as(ending: Ending) -> None:
    if ending.state == "pending":
        await asyncio.Event().wait()
    raise WorkFailed(ending.reason, ending.message, state=ending.state)
