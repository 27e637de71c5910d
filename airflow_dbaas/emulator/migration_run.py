"""One run of a migration of any engine: its status, and its stop."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from airflow_dbaas.emulator.operations import WorkFailed
from airflow_dbaas.emulator.order import Address

logger = logging.getLogger(__name__)

STALL_SECONDS = 60.0
DOWN_STALL_SECONDS = 5.0
"""How long a stop waits for a replication to move that works, and for one that is shown as failed."""
TROUBLE_SECONDS = 4.0
"""A replication is shown as failed until this long after the last sign of trouble. Longer than it takes to try
again, so that one which never succeeds does not flicker."""
DOWN_SECONDS = 3.0
"""A replication without a connection for this long has a problem; shorter gaps are normal."""
POLL_SECONDS = 0.3


class MigrationFailed(RuntimeError):
    """The migration, or one of its databases, cannot continue; the text is for the user."""


class ReplicationStalled(RuntimeError):
    """The target stopped catching up with the source."""


class SourceAway(RuntimeError):
    """The source cannot be asked how far it is; the text says why."""


class Named(Address, Protocol):
    """A database of any engine."""

    @property
    def name(self) -> str:
        """The database's name."""


DatabaseT = TypeVar("DatabaseT", bound=Named)
_KEPT = ("status", "method", "error", "whole")


@dataclass
class DatabaseState(Generic[DatabaseT]):
    """How far one database is."""

    database: DatabaseT
    status: str = "running"
    method: str = ""
    error: str = ""
    whole: bool = False
    """Whether the target has a complete copy, which a stop may leave there."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the next database may start."""

    @property
    def dbname(self) -> str:
        """The database's name."""
        return self.database.name

    def view(self) -> dict[str, Any]:
        """The state as the API answers it."""
        shown = {"dbname": self.dbname, "status": self.status, "method": self.method}
        return shown | ({"error": self.error} if self.error else {})

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return {"database": asdict(self.database)} | {name: getattr(self, name) for name in _KEPT}

    @classmethod
    def of_record(cls, record: dict[str, Any], database: DatabaseT) -> DatabaseState[DatabaseT]:
        """The recorded state of a database."""
        state = cls(database, **{name: record[name] for name in _KEPT})
        if state.status != "running":
            state.settled.set()
        return state


@dataclass(kw_only=True)
class MigrationRun(ABC, Generic[DatabaseT]):
    """One run, from ``start`` to ``stop``. Its outcome stays readable until it is stopped or replaced."""

    method: str | None
    ignored: frozenset[str]
    changed: Callable[[], None]
    """Called when the state that a restart needs has changed."""
    database_kind: ClassVar[type[Any]]
    _databases: dict[str, DatabaseState[DatabaseT]] = field(default_factory=dict)
    _run_task: asyncio.Task[None] | None = None
    _ended: bool = False
    _stopped: bool = False
    _status: str = ""
    _error: str = ""
    _doubts: list[str] = field(default_factory=list)
    """Why the target may not have had everything at the stop."""
    _suspended: bool = False
    """Whether a later emulator continues this."""

    @property
    def active(self) -> bool:
        """Whether anything is still being copied or replicated; a replication that is down for now is."""
        return self._replicating() or not (self._stopped or self._ended)

    def start(self) -> None:
        """Begin, in the background."""
        self._run_task = asyncio.create_task(self._run())

    async def suspend(self) -> None:
        """Stop working on it, and leave everything for a later emulator to continue."""
        self._suspended = True
        await self._cancel()

    def record(self) -> dict[str, Any]:
        """All there is to know of it."""
        return {
            "databases": [state.record() for state in self._databases.values()],
            "ended": self._ended,
            "stopped": self._stopped,
            "status": self._status,
            "error": self._error,
            "doubts": self._doubts,
        }

    def resume(self, record: dict[str, Any]) -> None:
        """Continue from the recorded state, instead of ``start``."""
        for each in record["databases"]:
            state = DatabaseState.of_record(each, self.database_kind(**each["database"]))
            self._databases[state.dbname] = state
        self._ended, self._stopped, self._doubts = record["ended"], record["stopped"], record["doubts"]
        self._status, self._error = record["status"], record["error"]
        if self._stopped:
            # The next stop does the rest.
            return
        if self._ended:
            self._watch_again()
        else:
            self.start()

    def view(self) -> dict[str, Any]:
        """The migration status as the API answers it."""
        states = list(self._databases.values())
        statuses = {each.status for each in states}
        error = self._error
        if self._status:
            status = self._status
        elif not self._ended or "running" in statuses:
            status = "running"
        elif "failed" in statuses:
            status, error = "failed", "Migration process failed"
        else:
            # With several methods, the service says "done" although some databases are still being replicated.
            status = "syncing" if statuses == {"syncing"} else "done"
        methods = {each.method for each in states}
        return {
            "status": status,
            "method": methods.pop() if len(methods) == 1 and not error else "",
            "error": error,
            "details": [each.view() for each in states],
        }

    async def stop(self) -> None:
        """Stop copying, or stop replicating once the target has all the source had when this was called.

        Raises ``WorkFailed`` if the target does not catch up. A working replication then continues. One that was
        already down is ended, because it could not be ended otherwise.
        """
        # Otherwise it was broken off while it cleaned up, and there may be nothing left to catch up with.
        if not self._stopped:
            try:
                self._doubts = await self._catch_up()
            except ReplicationStalled as stalled:
                raise WorkFailed("interrupted", f"Migration continues: {stalled}", state="timeout") from stalled
        await self.abandon()
        if self._doubts:
            doubts = "; ".join(self._doubts)
            raise WorkFailed("partial", f"Migration stopped, but the target may lack changes of the source: {doubts}")

    async def abandon(self) -> None:
        """Stop at once and clean up on both sides as far as they can be reached."""
        self._stopped = True
        self.changed()
        await self._cancel()
        await self._clean_up()

    async def _cancel(self) -> None:
        tasks = [task for task in (self._run_task, *self._watching()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("A migration failed", exc_info=error)

    async def _run(self) -> None:
        try:
            await self._migrate_all()
        except MigrationFailed as failure:
            self._status, self._error = "failed", str(failure)
        except SourceAway as error:
            # Observed at the real service: "done", although nothing was.
            self._status, self._error = "done", f"Failed to run query on source db: '{error}'"
            self._databases.clear()
        except Exception:
            logger.exception("Migration failed")
            self._status, self._error = "failed", "internal error of the emulator; its log says more"
        finally:
            if not self._suspended:
                self._ended = True
                self.changed()

    @abstractmethod
    async def _migrate_all(self) -> None:
        """Migrate; returns when every database is copied or failed. Raises ``MigrationFailed``, ``SourceAway``.

        After a restart, ``_databases`` is filled: databases that are neither complete nor failed are continued.
        """

    @abstractmethod
    def _watch_again(self) -> None:
        """Watch the replications that continue after a restart."""

    @abstractmethod
    def _replicating(self) -> bool:
        """Whether a replication is set up."""

    @abstractmethod
    def _watching(self) -> list[asyncio.Task[None]]:
        """Tasks that watch replications."""

    @abstractmethod
    async def _catch_up(self) -> list[str]:
        """Wait until the target has everything that the source has now; returns doubts, if any.

        Raises ``ReplicationStalled`` if a replication that worked does not get there.
        """

    @abstractmethod
    async def _clean_up(self) -> None:
        """End replications, and take copies that are not whole out of the target again."""
