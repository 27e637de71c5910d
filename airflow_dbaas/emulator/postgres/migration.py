"""A migration of a PostgreSQL source: every database by replication or by dump, into one service."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from airflow_dbaas.emulator.migration_run import (
    DOWN_SECONDS,
    DOWN_STALL_SECONDS,
    POLL_SECONDS,
    STALL_SECONDS,
    TROUBLE_SECONDS,
    DatabaseState,
    MigrationFailed,
    MigrationRun,
    ReplicationStalled,
    SourceAway,
)
from airflow_dbaas.emulator.order import source_record
from airflow_dbaas.emulator.postgres import checks, databases, dump, roles
from airflow_dbaas.emulator.postgres.databases import Database
from airflow_dbaas.emulator.postgres.endpoint import Endpoint
from airflow_dbaas.emulator.postgres.replication import Replication
from airflow_dbaas.emulator.postgres.target import Target
from airflow_dbaas.emulator.postgres.workerlog import last_error

logger = logging.getLogger(__name__)

State = DatabaseState[Database]

_AT_ONCE = 2
"""Number of databases copied at the same time."""
_CLEAN_UP_SECONDS = 10.0


# A replication refused by the source with one of these may still be a dump.
_NO_REPLICATION = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.ConfigurationLimitExceeded,
    psycopg.errors.LockNotAvailable,
)


@dataclass(kw_only=True)
class Migration(MigrationRun[Database]):
    """One run, from ``start`` to ``stop``. Its outcome stays readable until it is stopped or replaced."""

    source: Endpoint
    target: Target
    disk: int
    """Bytes of disk that the target's plan has."""
    learn_passwords: Callable[[dict[str, str]], None]
    """Told the placeholder passwords of roles that were carried over."""
    _replications: dict[str, Replication] = field(default_factory=dict)
    _watchers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _obstacles: list[str] = field(default_factory=list)
    """Why nothing can be replicated from the source."""
    _scanned: bool = False
    """Whether it is known what to migrate, and the roles are there."""
    _made: set[str] = field(default_factory=set)
    """Databases made, or filled, in the target."""
    _present: set[str] = field(default_factory=set)
    """Empty databases that the target had before."""

    database_kind = Database

    def record(self) -> dict[str, Any]:
        """All there is to know of it, where it comes from included."""
        return (
            super().record()
            | source_record(self.source, self.method, self.ignored)
            | {
                "replications": {dbname: each.record() for dbname, each in self._replications.items()},
                "scanned": self._scanned,
                "obstacles": self._obstacles,
                "made": sorted(self._made),
                "present": sorted(self._present),
            }
        )

    def resume(self, record: dict[str, Any]) -> None:
        """Continue from the recorded state, instead of ``start``."""
        for dbname, replication in record["replications"].items():
            self._add_replication(dbname).take(replication)
        self._scanned, self._obstacles = record["scanned"], record["obstacles"]
        self._made, self._present = set(record["made"]), set(record["present"])
        super().resume(record)

    async def _migrate_all(self) -> None:
        try:
            if not self._scanned:
                found = await self._scan()
                self._databases = {each.name: DatabaseState(each) for each in found}
                self.learn_passwords(await roles.carry(self.source, self.target.admin))
                self._scanned = True
                self.changed()
            turn = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._migrate(state, turn) for state in self._databases.values()))
        except psycopg.Error as error:
            raise SourceAway(self.source.words(error)) from error

    def _watch_again(self) -> None:
        for dbname in self._replications:
            self._begin_to_watch(self._databases[dbname])

    def _add_replication(self, dbname: str) -> Replication:
        replication = Replication(self.source, self.target.superuser, dbname, self.changed)
        self._replications[dbname] = replication
        return replication

    def _begin_to_watch(self, state: State) -> None:
        watching = self._watch(self._replications[state.dbname], state)
        self._watchers[state.dbname] = asyncio.create_task(watching)

    def _replicating(self) -> bool:
        return bool(self._replications)

    def _watching(self) -> list[asyncio.Task[None]]:
        return list(self._watchers.values())

    async def _clean_up(self) -> None:
        begun = {*self._replications, *(name for name in self._made if not self._databases[name].whole)}
        await asyncio.gather(*(self._undo(self._databases[name]) for name in begun))

    async def _catch_up(self) -> list[str]:
        whole = [name for name in self._replications if self._databases[name].whole]
        return [doubt for doubt in await asyncio.gather(*map(self._catch_up_one, whole)) if doubt]

    async def _catch_up_one(self, dbname: str) -> str:
        """Wait until the target has all of a database; returns doubts, if any."""
        down = self._databases[dbname].status == "failed"
        try:
            await self._replications[dbname].catch_up(DOWN_STALL_SECONDS if down else STALL_SECONDS)
        except psycopg.OperationalError as error:
            return f"the source could not be queried: {self.source.words(error)}"
        except ReplicationStalled as stalled:
            cause = self._databases[dbname].error
            text = f"{stalled}: {cause}" if cause else str(stalled)
            if not down:
                raise ReplicationStalled(text) from stalled
            return text
        return ""

    async def _scan(self) -> list[Database]:
        """Databases to migrate; refuses what cannot work for any of them."""
        report = await checks.examine(
            self.source, self.target.admin, self.ignored, self.disk, binaries=self.target.binaries
        )
        if report.refusals:
            raise MigrationFailed(". ".join(report.refusals))
        self._obstacles = report.no_replication
        return report.databases

    async def _migrate(self, state: State, turn: asyncio.Semaphore) -> None:
        async with turn:
            try:
                if await self._taken_up(state):
                    await state.settled.wait()
                    return
                await self._make_room(state.database)
                await self._move(state)
            except (MigrationFailed, dump.CopyFailed, psycopg.Error) as error:
                state.status, state.error = "failed", self.source.words(error)
                logger.warning("Database %s was not migrated: %s", state.dbname, state.error)
            self.changed()

    async def _taken_up(self, state: State) -> bool:
        """Whether nothing is left to do for a database after a restart but to wait; if not, it is as never touched."""
        replication = self._replications.get(state.dbname)
        if replication is not None and await replication.subscribed():
            # Its copying and following are the two servers' business.
            self._begin_to_watch(state)
            return True
        if state.dbname in self._made and not state.settled.is_set():
            await self._undo(state)
        return state.settled.is_set()

    async def _make_room(self, database: Database) -> None:
        """See to it that the target has the database, and that it is empty."""
        if database.closed:
            raise MigrationFailed(database.closed)
        if not await databases.exists(self.target.admin, database.name):
            self._note_made(database)
            await databases.create(self.target.admin, database)
        elif await databases.has_objects(self.target.superuser, database.name):
            raise MigrationFailed(
                f"Database '{database.name}' of the target is not empty: migrating into it would mix or double "
                "its rows. Drop it, or migrate to a new service"
            )
        else:
            self._present.add(database.name)
            self._note_made(database)
            await databases.give(self.target.superuser, database.name, self.target.admin.user)

    def _note_made(self, database: Database) -> None:
        """Before its creation: after a restart, a database without a record belongs to the user."""
        self._made.add(database.name)
        self.changed()

    async def _move(self, state: State) -> None:
        try:
            await databases.copy_settings(self.source, self.target.admin, state.dbname)
            if await self._prepare_replication(state):
                await self._replicate(state)
            else:
                state.method = "pg_dump"
                await self._copy(state)
                state.status, state.whole = "done", True
                state.settled.set()
        except BaseException:
            if not self._suspended:
                await self._undo(state)
            raise

    async def _copy(self, state: State, *, schema_only: bool = False) -> None:
        servers = (self.target.binaries, self.source, self.target.admin)
        await dump.copy(*servers, state.dbname, schema_only=schema_only)
        await dump.copy_privileges(*servers, state.dbname)

    async def _prepare_replication(self, state: State) -> bool:
        """Prepare the source for replication; False if the database will be dumped instead."""
        if self.method == "dump":
            return False
        obstacles = self._obstacles
        if not obstacles:
            replication = self._add_replication(state.dbname)
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

    async def _replicate(self, state: State) -> None:
        """Start the replication of a prepared database and return when its initial copy is complete."""
        state.method = "replication"
        self.changed()
        await self._copy(state, schema_only=True)
        await self._replications[state.dbname].subscribe()
        self._begin_to_watch(state)
        await state.settled.wait()

    async def _watch(self, replication: Replication, state: State) -> None:
        """Keep ``state`` up to date while the replication runs."""
        errors, last_trouble, last_connected = 0, float("-inf"), time.monotonic()
        try:
            async with await self.target.superuser.connect(state.dbname) as connection:
                while True:
                    seen, now = await replication.progress(connection), time.monotonic()
                    if seen.connected:
                        last_connected = now
                    if seen.errors > errors or now - last_connected > DOWN_SECONDS:
                        errors, last_trouble = seen.errors, now
                    if now - last_trouble < TROUBLE_SECONDS:
                        cause = await asyncio.to_thread(last_error, self.target.log, replication.subscription)
                        state.status = "failed"
                        state.error = self.source.words(cause or "Logical replication is currently down")
                    else:
                        state.status, state.error = ("running" if seen.tables_left else "syncing"), ""
                        state.whole = state.whole or not seen.tables_left
                    if state.status != "running":
                        state.settled.set()
                    await asyncio.sleep(POLL_SECONDS)
        except psycopg.Error as error:
            state.status, state.error = "failed", f"The target cannot be queried: {self.source.words(error)}"
            state.settled.set()

    async def _end_replication(self, dbname: str) -> None:
        replication = self._replications.get(dbname)
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
        # Only now: if the emulator ends before, the removal of the service completes this.
        self._replications.pop(dbname, None)
        self.changed()

    async def _undo(self, state: State) -> None:
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
        self._made.discard(state.dbname)
