"""A migration: every database of a source, each by replication or by dump, into one service."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from airflow_dbaas.emulator.migration_state import DatabaseState, Target
from airflow_dbaas.emulator.operations import WorkFailed
from airflow_dbaas.emulator.postgres import checks, databases, dump, roles
from airflow_dbaas.emulator.postgres.databases import Database
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.postgres.replication import Replication, ReplicationStalled
from airflow_dbaas.emulator.postgres.workerlog import last_error

logger = logging.getLogger(__name__)

_AT_ONCE = 2
"""Databases copied at the same time; the others wait their turn."""
_POLL_SECONDS = 0.3
_TROUBLE_SECONDS = 4.0
"""A replication is shown as failed until this long after the last sign of trouble. Longer than its workers
take to try again, so that one which never succeeds does not flicker."""
_DOWN_SECONDS = 3.0
"""A replication without a worker for this long is in trouble; workers come and go for good reasons too."""
_STALL_SECONDS = 60.0
_DOWN_STALL_SECONDS = 10.0
"""How long a stop waits for a replication to move that works, and for one that is shown as failed."""
_CLEAN_UP_SECONDS = 10.0


class MigrationFailed(RuntimeError):
    """The migration, or one database of it, cannot go on; the text is for the user."""


# A replication refused by the source with one of these may still be a dump.
_NO_REPLICATION = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.ConfigurationLimitExceeded,
    psycopg.errors.LockNotAvailable,
)


@dataclass
class Migration:
    """One run, from ``start`` to ``stop``. Its outcome stays readable until it is stopped or replaced."""

    source: Endpoint
    target: Target
    method: str | None
    ignored: frozenset[str]
    disk: int
    """Bytes of disk that the target's plan has."""
    learn_passwords: Callable[[dict[str, str]], None]
    """Told the placeholder passwords of roles that were carried over."""
    _databases: dict[str, DatabaseState] = field(default_factory=dict)
    _replications: dict[str, Replication] = field(default_factory=dict)
    _watchers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _obstacles: list[str] = field(default_factory=list)
    """Why nothing can be replicated from the source."""
    _present: set[str] = field(default_factory=set)
    """Databases that the target had, empty, before."""
    _run_task: asyncio.Task[None] | None = None
    _ended: bool = False
    _stopped: bool = False
    _status: str = ""
    _error: str = ""

    @property
    def active(self) -> bool:
        """Whether anything is still being copied or replicated; a replication that is down for now is."""
        return bool(self._replications) or not (self._stopped or self._ended)

    def start(self) -> None:
        """Begin, in the background."""
        self._run_task = asyncio.create_task(self._run())

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
            # With several methods the service says "done" although some databases go on being replicated.
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

        Raises ``WorkFailed`` if the target does not catch up. A replication that worked goes on then; one that
        was down already is ended, for nobody could end it otherwise.
        """
        whole = [name for name in self._replications if self._databases[name].whole]
        try:
            doubts = [doubt for doubt in await asyncio.gather(*map(self._catch_up, whole)) if doubt]
        except ReplicationStalled as stalled:
            raise WorkFailed("interrupted", f"Migration goes on: {stalled}", state="timeout") from stalled
        await self.abandon()
        if doubts:
            raise WorkFailed(
                "partial", f"Migration stopped, but the target may lack changes of the source: {'; '.join(doubts)}"
            )

    async def _catch_up(self, dbname: str) -> str:
        """Wait until the target has all of a database; returns why that is not known."""
        down = self._databases[dbname].status == "failed"
        try:
            await self._replications[dbname].catch_up(_DOWN_STALL_SECONDS if down else _STALL_SECONDS)
        except psycopg.OperationalError as error:
            return f"the source could not be asked: {self.source.words(error)}"
        except ReplicationStalled as stalled:
            if not down:
                raise
            return str(stalled)
        return ""

    async def abandon(self) -> None:
        """Stop at once and clean up on both sides as far as they can be reached."""
        self._stopped = True
        tasks = [task for task in (self._run_task, *self._watchers.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(self._undo(self._databases[name]) for name in list(self._replications)))
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("A migration ended badly", exc_info=error)

    async def _run(self) -> None:
        try:
            found = await self._scan()
            self._databases = {each.name: DatabaseState(each) for each in found}
            self.learn_passwords(await roles.carry(self.source, self.target.admin))
            turn = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._migrate(state, turn) for state in self._databases.values()))
        except MigrationFailed as failure:
            self._status, self._error = "failed", str(failure)
        except psycopg.Error as error:
            # Observed at the real service: "done", although nothing was.
            self._status, self._error = "done", f"Failed to run query on source db: '{self.source.words(error)}'"
            self._databases.clear()
        except Exception:
            logger.exception("Migration failed")
            self._status, self._error = "failed", "internal error of the emulator; its log says more"
        finally:
            self._ended = True

    async def _scan(self) -> list[Database]:
        """Databases to migrate; refuses what cannot work for any of them."""
        report = await checks.examine(
            self.source, self.target.admin, self.ignored, self.disk, binaries=self.target.binaries
        )
        if report.refusals:
            raise MigrationFailed(". ".join(report.refusals))
        self._obstacles = report.no_replication
        return report.databases

    async def _migrate(self, state: DatabaseState, turn: asyncio.Semaphore) -> None:
        async with turn:
            try:
                await self._make_room(state.database)
                await self._move(state)
            except (MigrationFailed, dump.CopyFailed, psycopg.Error) as error:
                state.status, state.error = "failed", self.source.words(error)
                logger.warning("Database %s was not migrated: %s", state.dbname, state.error)

    async def _make_room(self, database: Database) -> None:
        """See to it that the target has the database, and that it is empty."""
        if database.closed:
            raise MigrationFailed(database.closed)
        if not await databases.exists(self.target.admin, database.name):
            await databases.create(self.target.admin, database)
        elif await databases.has_objects(self.target.superuser, database.name):
            raise MigrationFailed(
                f"Database '{database.name}' of the target is not empty: migrating into it would mix or double "
                "its rows. Drop it, or migrate to a new service"
            )
        else:
            self._present.add(database.name)
            await databases.give(self.target.superuser, database.name, self.target.admin.user)

    async def _move(self, state: DatabaseState) -> None:
        try:
            await databases.copy_settings(self.source, self.target.admin, state.dbname)
            if await self._prepare_replication(state):
                await self._replicate(state)
            else:
                state.method = "pg_dump"
                await self._copy(state)
                state.status, state.whole = "done", True
        except BaseException:
            await self._undo(state)
            raise

    async def _copy(self, state: DatabaseState, *, schema_only: bool = False) -> None:
        servers = (self.target.binaries, self.source, self.target.admin)
        await dump.copy(*servers, state.dbname, schema_only=schema_only)
        await dump.copy_privileges(*servers, state.dbname)

    async def _prepare_replication(self, state: DatabaseState) -> bool:
        """Make the source ready for replication; False if the database is to be dumped instead."""
        if self.method == "dump":
            return False
        obstacles = self._obstacles
        if not obstacles:
            replication = Replication(self.source, self.target.superuser, state.dbname)
            self._replications[state.dbname] = replication
            try:
                await replication.prepare_source()
            except _NO_REPLICATION as error:
                obstacles = [self.source.words(error)]
                await self._end_replication(state.dbname)
            else:
                return True
        if self.method == "replication":
            raise MigrationFailed("; ".join(obstacles))
        logger.info("Database %s is dumped, not replicated: %s", state.dbname, "; ".join(obstacles))
        return False

    async def _replicate(self, state: DatabaseState) -> None:
        """Start the replication of a prepared database and return when its first copy is there."""
        state.method = "replication"
        await self._copy(state, schema_only=True)
        replication = self._replications[state.dbname]
        await replication.subscribe()
        self._watchers[state.dbname] = asyncio.create_task(self._watch(replication, state))
        await state.settled.wait()

    async def _watch(self, replication: Replication, state: DatabaseState) -> None:
        """Keep ``state`` true for as long as the replication goes on."""
        errors, last_trouble, last_connected = 0, float("-inf"), time.monotonic()
        try:
            async with await self.target.superuser.connect(state.dbname) as connection:
                while True:
                    seen, now = await replication.progress(connection), time.monotonic()
                    if seen.connected:
                        last_connected = now
                    if seen.errors > errors or now - last_connected > _DOWN_SECONDS:
                        errors, last_trouble = seen.errors, now
                    if now - last_trouble < _TROUBLE_SECONDS:
                        cause = await asyncio.to_thread(last_error, self.target.log, replication.subscription)
                        state.status = "failed"
                        state.error = self.source.words(cause or "Logical replication is currently down")
                    else:
                        state.status, state.error = ("running" if seen.tables_left else "syncing"), ""
                        state.whole = state.whole or not seen.tables_left
                    if state.status != "running":
                        state.settled.set()
                    await asyncio.sleep(_POLL_SECONDS)
        except psycopg.Error as error:
            state.status, state.error = "failed", f"The target cannot be asked: {self.source.words(error)}"
            state.settled.set()

    async def _end_replication(self, dbname: str) -> None:
        replication = self._replications.pop(dbname, None)
        if replication is None:
            return
        watcher = self._watchers.pop(dbname, None)
        if watcher is not None:
            watcher.cancel()
            await asyncio.wait([watcher])
        for step in (replication.remove_subscription, replication.remove_from_source):
            try:
                await asyncio.wait_for(step(), _CLEAN_UP_SECONDS)
            except (psycopg.Error, TimeoutError) as error:
                logger.warning("Replication of %s was not cleaned up: %s", dbname, self.source.words(error))
            except asyncio.CancelledError:
                # The emulator ends: whoever removes the service finishes this.
                self._replications[dbname] = replication
                raise

    async def _undo(self, state: DatabaseState) -> None:
        """End a database's replication, and take a copy that is not whole out of the target again."""
        await self._end_replication(state.dbname)
        if state.whole:
            return
        try:
            # As superuser: sessions of any user have to be ended.
            await databases.drop(self.target.superuser, state.dbname)
            if state.dbname in self._present:
                await databases.create(self.target.admin, state.database)
        except psycopg.Error as error:
            logger.warning("Remains of database %s were left: %s", state.dbname, self.source.words(error))
