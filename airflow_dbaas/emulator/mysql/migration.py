"""A migration of a MySQL source: all databases by replication, or all by dump, into one service."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import pymysql

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
from airflow_dbaas.emulator.mysql import checks, databases, dump
from airflow_dbaas.emulator.mysql.databases import MysqlDatabase
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint
from airflow_dbaas.emulator.mysql.replication import MysqlReplication, Progress
from airflow_dbaas.emulator.mysql.target import MysqlTarget
from airflow_dbaas.emulator.order import source_record

logger = logging.getLogger(__name__)

_AT_ONCE = 4
"""Databases prepared at the same time."""
_RETRY_SECONDS = 2.0
"""How often a replica whose threads have stopped is started again. Less than ``TROUBLE_SECONDS``."""

State = DatabaseState[MysqlDatabase]


@dataclass(kw_only=True)
class MysqlMigration(MigrationRun[MysqlDatabase]):
    """One run, from ``start`` to ``stop``. Its outcome stays readable until it is stopped or replaced."""

    source: MysqlEndpoint
    target: MysqlTarget
    _replication: MysqlReplication | None = None
    _watcher: asyncio.Task[None] | None = None
    _made: dict[str, MysqlDatabase | None] = field(default_factory=dict)
    """Databases created or filled in the target, and empty ones that existed before."""

    database_kind = MysqlDatabase

    def record(self) -> dict[str, Any]:
        """All there is to know of it, where it comes from included."""
        return (
            super().record()
            | source_record(self.source, self.method, self.ignored)
            | {
                "replication": self._replication and self._replication.record(),
                "made": {dbname: before and asdict(before) for dbname, before in self._made.items()},
            }
        )

    def resume(self, record: dict[str, Any]) -> None:
        """Continue from the recorded state, instead of ``start``."""
        if record["replication"]:
            self._replication = MysqlReplication(self.source, self.target.superuser)
            self._replication.take(record["replication"])
        self._made = {dbname: before and MysqlDatabase(**before) for dbname, before in record["made"].items()}
        super().resume(record)

    async def _migrate_all(self) -> None:
        if not self._databases:
            await self._scan()
        elif self._replication is not None and self._replication.started:
            await self._follow_again()
            return
        else:
            await self._clean_up()
        left = [state for state in self._databases.values() if not state.settled.is_set()]
        turn = asyncio.Semaphore(_AT_ONCE)
        prepared = await asyncio.gather(*(self._prepare(state, turn) for state in left))
        states = [state for state in prepared if state is not None]
        if not states:
            return
        if states[0].method == "replication":
            await self._replicate(states)
        else:
            await self._copy(states)

    async def _scan(self) -> None:
        """Find out what to migrate and how; refuses what cannot work."""
        try:
            report = await checks.inspect(self.source, self.target, self.ignored)
        except pymysql.Error as error:
            raise SourceAway(self.source.words(error)) from error
        obstacles = report.obstacles(self.method)
        if obstacles:
            raise MigrationFailed(". ".join(map(str, obstacles)))
        replicate = report.by_replication(self.method)
        if not replicate and report.no_replication:
            logger.info("Dumped, not replicated: %s", "; ".join(map(str, report.no_replication)))
        method = "replication" if replicate else "mysqldump"
        self._databases = {each.name: DatabaseState(each, method=method) for each in report.databases}
        self.changed()

    async def _prepare(self, state: State, turn: asyncio.Semaphore) -> State | None:
        """Prepare the target for a readable database; None if that failed."""
        async with turn:
            try:
                await self._make_room(state.database)
                await dump.probe(self.target.binaries, self.source, state.dbname)
            except (MigrationFailed, dump.CopyFailed, pymysql.Error) as error:
                await self._fail(state, error)
                return None
        return state

    async def _make_room(self, database: MysqlDatabase) -> None:
        """See to it that the target has the database, and that it is empty."""
        if "\n" in database.name:
            raise MigrationFailed("A database with a line break in its name cannot be told from others in a dump")
        before = await databases.find(self.target.superuser, database.name)
        if before is not None and await databases.has_objects(self.target.superuser, database.name):
            raise MigrationFailed(
                f"Database '{database.name}' of the target is not empty: migrating into it would overwrite "
                "its tables. Drop it, or migrate to a new service"
            )
        # Before its creation: after a restart, a database without a record belongs to the user.
        self._made[database.name] = before
        self.changed()
        await databases.create(self.target.admin, database)

    async def _copy(self, states: list[State], *, for_replication: bool = False) -> str:
        """Copy databases, or mark them as failed; returns the global transaction id of a copy for replication."""
        failed: dict[str, str] = {}

        def finished(dbname: str, error: str) -> None:
            if error:
                failed[dbname] = error
            elif not for_replication:
                self._databases[dbname].status, self._databases[dbname].whole = "done", True
                self.changed()

        position = ""
        dbnames = [state.dbname for state in states]
        try:
            position = await dump.copy(
                self.target.binaries, self.source, self.target.admin, dbnames, finished, position=for_replication
            )
        except (dump.CopyFailed, OSError) as error:
            failed |= {state.dbname: str(error) for state in states if not state.whole and state.dbname not in failed}
        await asyncio.gather(*(self._fail(self._databases[dbname], error) for dbname, error in failed.items()))
        return position

    async def _replicate(self, states: list[State]) -> None:
        """Copy databases and then follow the source; returns when the replica has started."""
        replication = self._replication = MysqlReplication(self.source, self.target.superuser)
        try:
            await replication.rest_events()
            self.changed()
            position = await self._copy(states, for_replication=True)
            copied = [state for state in states if state.status == "running"]
            if copied:
                await replication.start(position, [state.dbname for state in copied])
        except pymysql.Error as error:
            copied = []
            await asyncio.gather(*(self._fail(state, error) for state in states if state.status == "running"))
        if not copied:
            await self._end_replication()
            return
        await self._follow(replication, copied)

    async def _follow(self, replication: MysqlReplication, copied: list[State]) -> None:
        self.changed()
        self._watcher = asyncio.create_task(self._watch(replication, copied))
        await asyncio.gather(*(state.settled.wait() for state in copied))

    async def _follow_again(self) -> None:
        """Go on with a replica that has its copy, and whose server was started again."""
        replication = self._replication
        assert replication is not None  # noqa: S101  (asked only then)
        copied = [state for state in self._databases.values() if state.dbname in self._made]
        while True:
            try:
                await replication.start(None, [state.dbname for state in copied])
                break
            except pymysql.Error as error:
                logger.warning("The replica was not started: %s", self._words(error))
                await asyncio.sleep(_RETRY_SECONDS)
        await self._follow(replication, copied)

    def _watch_again(self) -> None:
        if self._replication is not None:
            self._run_task = asyncio.create_task(self._follow_again())

    async def _watch(self, replication: MysqlReplication, states: list[State]) -> None:
        """Keep ``states`` up to date while the replication runs."""
        last_trouble, last_well, tried, cause = float("-inf"), time.monotonic(), time.monotonic(), ""
        while True:
            now = time.monotonic()
            try:
                seen = await replication.progress()
                if seen.foreign:
                    await replication.skip()
                    continue
                if not seen.well and now - tried > _RETRY_SECONDS:
                    tried = now
                    await replication.try_again()
            except pymysql.Error as error:
                seen = Progress(well=False, error=f"The target cannot be queried: {self._words(error)}")
            if seen.well:
                last_well = now
            elif seen.error or now - last_well > DOWN_SECONDS:
                last_trouble, cause = now, self._words(seen.error) or cause or "Replication is currently down"
            for state in states:
                if now - last_trouble < TROUBLE_SECONDS:
                    state.status, state.error = "failed", cause
                elif seen.well:
                    state.status, state.error, state.whole = "syncing", "", True
                if state.status != "running":
                    state.settled.set()
            await asyncio.sleep(POLL_SECONDS)

    async def _fail(self, state: State, error: Exception | str) -> None:
        """Mark a database as failed, and remove what was copied from the target."""
        state.error = self._words(error)
        logger.warning("Database %s was not migrated: %s", state.dbname, state.error)
        await self._undo(state.dbname)
        state.status = "failed"

    async def _undo(self, dbname: str) -> None:
        if dbname not in self._made:
            return
        before = self._made[dbname]
        try:
            # As superuser: sessions of any user have to be ended.
            await databases.drop(self.target.superuser, dbname)
            if before is not None:
                await databases.create(self.target.admin, before)
        except pymysql.Error as error:
            logger.warning("Remains of database %s were left: %s", dbname, self._words(error))
        del self._made[dbname]

    async def _end_replication(self) -> None:
        if self._replication is None:
            return
        try:
            await self._replication.remove()
        except pymysql.Error as error:
            logger.warning("The replication was not cleaned up: %s", self._words(error))
        self._replication = None

    def _replicating(self) -> bool:
        return self._replication is not None

    def _watching(self) -> list[asyncio.Task[None]]:
        return [] if self._watcher is None else [self._watcher]

    async def _catch_up(self) -> list[str]:
        if self._replication is None or not any(state.whole for state in self._databases.values()):
            return []
        down = not any(state.status == "syncing" for state in self._databases.values())
        try:
            await self._replication.catch_up(DOWN_STALL_SECONDS if down else STALL_SECONDS)
        except pymysql.Error as error:
            return [f"the source could not be queried: {self._words(error)}"]
        except ReplicationStalled as stalled:
            causes = {state.error for state in self._databases.values() if state.whole and state.error}
            text = ": ".join([str(stalled), *causes])
            if not down:
                raise ReplicationStalled(text) from stalled
            return [text]
        return []

    async def _clean_up(self) -> None:
        await self._end_replication()
        broken = [dbname for dbname in self._made if not self._databases[dbname].whole]
        await asyncio.gather(*map(self._undo, broken))

    def _words(self, error: Exception | str) -> str:
        return self.source.words(self.target.superuser.words(self.target.admin.words(error)))
