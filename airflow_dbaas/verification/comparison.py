"""Compares two servers after a migration, database by database, whatever kind of server they are."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, reduce
from operator import add
from typing import Any, Generic

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.verification.connections import Server
from airflow_dbaas.verification.engine import Content, Digest, Entry, Pair, SessionT, Table
from airflow_dbaas.verification.memory import Equal, Memory
from airflow_dbaas.verification.progress import Progress, ignored
from airflow_dbaas.verification.readers import Readers, View
from airflow_dbaas.verification.report import Database, Level, Report, TableResult

_SECONDS_BETWEEN_LOOKS = 2.0
# What is known for a retry is kept as often.
_SECONDS_BETWEEN_SAVES = 10.0
#: Databases that are compared at once, at most: each holds a snapshot at both ends.
_DATABASES_AT_ONCE = 4
#: Readers at each end, at most.
MOST_PARALLEL = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How to compare.

    :param ignore: databases to leave out.
    :param content: how deep rows are compared: ``all``, ``sample`` or ``count``.
    :param settle_seconds: seconds for which differing tables are looked at again.
    :param replicating: replication goes on: what it leaves out is not compared.
    :param parallel: how many tables, or parts of one, are read at once at each end; by default the servers' size says.
    :param tables: compare the rows of these only, ``table`` or ``database.table`` as findings name them.
    :param show_values: show values of rows that differ, not only their keys.
    :param allow_empty: comparing no database at all is no failure.
    :param expected: databases that must be there, such as those of the migration's status.
    :param memory: tables that an earlier try has found equal.
    :param on_progress: called when a table is done.
    """

    ignore: Collection[str] = ()
    content: Content = "all"
    settle_seconds: float = 0
    replicating: bool = False
    parallel: int | None = None
    tables: Collection[str] | None = None
    show_values: bool = False
    allow_empty: bool = False
    expected: Collection[str] = ()
    memory: Memory = field(default_factory=Memory)
    on_progress: Callable[[Progress], None] = ignored

    def wants(self, dbname: str, table: str) -> bool:
        """Whether to compare the rows of a table."""
        return self.tables is None or table in self.tables or f"{dbname}.{table}" in self.tables


def compare(pair: type[Pair[Any]], source: Server, target: Server, **options: Any) -> Report:
    """Compare all databases of the source with those of the target.

    :param pair: what knows this kind of server.
    :param source: where the data came from.
    :param target: where the data went.
    :param options: see ``Options``.
    :raises DbaasDatabaseError: if a server cannot be reached.
    """
    began = datetime.now(UTC)
    comparison = _Comparison(pair, source, target, Options(**options))
    try:
        report = comparison.run()
    finally:
        comparison.options.memory.flush()
    report.about = {
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        **comparison.about,
    }
    return report


def databases(pair: type[Pair[Any]], server: Server) -> list[str]:
    """Names of the user's databases of a server."""
    with pair.session(server) as opened:
        return [entry.name for entry in pair.databases(opened)]


def to_complete(
    pair: type[Pair[SessionT]], source: Server, target: Server, *, ignore: Collection[str]
) -> Iterator[tuple[SessionT, SessionT]]:
    """Sessions at the source and, to write, in the target, for one database after the other that both have.

    :param pair: what knows this kind of server.
    :param source: shows what there is to do.
    :param target: what is completed.
    :param ignore: databases to leave out.
    """
    there = {entry.name for entry in _entries(pair, target) if not entry.hidden} - set(ignore)
    for entry in _entries(pair, source):
        if entry.name in there and not entry.hidden:
            with (
                pair.session(source, entry.name) as at_source,
                pair.session(target, entry.name, read_only=False) as at_target,
            ):
                yield at_source, at_target


def _entries(pair: type[Pair[Any]], server: Server) -> list[Entry]:
    with pair.session(server) as opened:
        return pair.databases(opened)


class _Comparison(Generic[SessionT]):
    """One run."""

    def __init__(self, pair: type[Pair[SessionT]], source: Server, target: Server, options: Options) -> None:
        self.pair = pair
        self.source = source
        self.target = target
        self.options = options
        self.progress = Progress(report_to=options.on_progress)
        self.about: dict[str, Any] = {}
        self._asked_for = set(options.tables or ())

    def run(self) -> Report:
        """Compare."""
        report = Report()
        names, parallel = self._both_servers(report)
        self.parallel = parallel
        self.about |= {"content": self.options.content, "parallel": parallel}
        self.at_source: Readers[SessionT] = Readers("source", parallel)
        self.at_target: Readers[SessionT] = Readers("target", parallel)
        with self.at_source, self.at_target:
            at_once = max(1, min(_DATABASES_AT_ONCE, parallel, len(names)))
            with ThreadPoolExecutor(at_once, thread_name_prefix="verify-database") as pool:
                pending = [pool.submit(self._database, name) for name in names]
                try:
                    while wait(pending, timeout=_SECONDS_BETWEEN_SAVES).not_done:
                        self.options.memory.flush()
                except BaseException:
                    # Its threads end with what they read.
                    for readers in (self.at_source, self.at_target):
                        readers.interrupt()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
                found = [future.result() for future in pending]
        for _, each in sorted(zip(names, found, strict=True), key=lambda one: one[0]):
            report.extend(each)
        if not report.databases and not self.options.allow_empty:
            report.add(
                Level.DIFFERENCE,
                "",
                "",
                "",
                "no database was compared: the source has none that this login sees, or all are empty or left out",
            )
        for table in sorted(self._asked_for):
            report.add(Level.DIFFERENCE, "", "table", table, "is not there at both ends, and was asked for")
        return report

    def _both_servers(self, report: Report) -> tuple[list[str], int]:
        """The databases to compare, and how many tables to read at once."""
        with self.pair.session(self.source) as at_source, self.pair.session(self.target) as at_target:
            wanted = {entry.name: entry.hidden for entry in self.pair.databases(at_source)}
            there = {entry.name: entry.hidden for entry in self.pair.databases(at_target)}
            if self.options.tables is None:
                self.pair.compare_servers(at_source, at_target, report, replicating=self.options.replicating)
            default = min(self.pair.parallel(at_source), self.pair.parallel(at_target))
        names = []
        ignore = set(self.options.ignore)
        for name in sorted({*wanted, *self.options.expected} - ignore):
            hidden = wanted.get(name) or there.get(name)
            if name not in wanted:
                report.add(Level.DIFFERENCE, name, "", "", "the migration has it, and the source does not show it")
            elif hidden:
                end = "at the source" if wanted[name] else "in the target"
                report.add(Level.DIFFERENCE, name, "", "", f"cannot be compared: {end} {hidden}")
            elif (name not in there or name in self.pair.everywhere) and self._is_empty(self.source, name):
                continue
            elif name not in there:
                report.add(Level.DIFFERENCE, name, "", "", "missing in the target")
            else:
                names.append(name)
        for name in sorted(set(there) - set(wanted) - ignore):
            if name not in self.pair.everywhere and not there[name] and not self._is_empty(self.target, name):
                report.add(Level.NOTE, name, "database", "", "in the target only")
        return names, max(1, min(self.options.parallel or default, MOST_PARALLEL))

    def _is_empty(self, server: Server, name: str) -> bool:
        with self.pair.session(server, name) as opened:
            return self.pair.is_empty(opened)

    def _database(self, name: str) -> Report:
        began = time.monotonic()
        report = Report()
        try:
            self._compare_database(name, report)
        except DbaasDatabaseError as error:
            # The other databases are compared all the same.
            report.add(Level.DIFFERENCE, name, "", "", f"cannot be compared: {error}", retryable=error.retryable)
        for database in report.databases:
            database["seconds"] = round(time.monotonic() - began, 3)
        return report

    def _compare_database(self, name: str, report: Report) -> None:
        deadline = time.monotonic() + self.options.settle_seconds
        only: set[str] | None = None
        while True:
            with ExitStack() as stack:
                both = [stack.enter_context(self.pair.session(end, name)) for end in (self.source, self.target)]
                compared = self.pair(name, both[0], both[1], replicating=self.options.replicating)
                if only is None and self.options.tables is None:
                    self._definitions(compared, report)
                rows = _Rows(self, compared, report, only)
                differing = rows.compare()
                settled = not differing or time.monotonic() >= deadline
                if settled:
                    rows.report_differing(differing)
                if only is None:
                    report.databases.append(rows.summary())
                else:
                    report.databases[-1]["rows"] += rows.rows
                if settled:
                    return
            log.info("%s: not equal yet: %s", name, one_line(", ".join(differing)))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            only = set(differing)

    def _definitions(self, compared: Pair[SessionT], report: Report) -> None:
        compared.compare_objects(report)
        if self.options.replicating:
            return
        try:
            compared.compare_what_is_left_out(report)
        except DbaasDatabaseError as error:
            message = f"what replication leaves out cannot be compared: {error}"
            report.add(Level.DIFFERENCE, compared.dbname, "", "", message, retryable=error.retryable)

    def asked_for(self, dbname: str, tables: Collection[str]) -> list[str]:
        """Those of a database's tables whose rows are compared."""
        self._asked_for -= {*tables, *(f"{dbname}.{table}" for table in tables)}
        return [table for table in tables if self.options.wants(dbname, table)]


class _Reading:
    """One table, being read at both ends."""

    def __init__(self, tables: tuple[Table, Table]) -> None:
        self.bytes = max(table.bytes for table in tables)
        self.tables = tables
        self.futures: tuple[list[Future[Digest]], list[Future[Digest]]] = ([], [])
        self.began: float | None = None
        self.seconds = 0.0

    def result(self) -> tuple[Digest, Digest]:
        """The whole table at both ends."""
        at_source, in_target = (reduce(add, [future.result() for future in futures]) for futures in self.futures)
        return at_source, in_target


class _Rows(Generic[SessionT]):
    """The rows of one database, as one pair of snapshots has them."""

    def __init__(
        self, comparison: _Comparison[SessionT], pair: Pair[SessionT], report: Report, only: set[str] | None
    ) -> None:
        self.comparison = comparison
        self.options = comparison.options
        self.pair = pair
        self.report = report
        self.only = only
        self.rows = 0
        #: Of all tables, and how many of these rows were hashed.
        self.counted = self.hashed = 0
        self._tables = 0
        self._fingerprints: dict[str, tuple[str | None, str | None]] = {}

    def compare(self) -> dict[str, tuple[Digest, Digest]]:
        """Compare; returns those tables that differ."""
        dbname = self.pair.dbname
        # What cannot be compared is told once, not at each look.
        tables = self.pair.tables(self.report if self.only is None else Report())
        wanted = self.comparison.asked_for(dbname, tables) if self.only is None else sorted(self.only & tables.keys())
        self._tables = len(wanted)
        with ExitStack() as stack:
            self._views = [
                self._view(stack, readers, server, session)
                for readers, server, session in (
                    (self.comparison.at_source, self.comparison.source, self.pair.source),
                    (self.comparison.at_target, self.comparison.target, self.pair.target),
                )
            ]
            skipped = self._skipped(wanted)
            left = [name for name in wanted if name not in skipped]
            readings = {name: _Reading(tables[name]) for name in left}
            self.comparison.progress.expect(len(readings), sum(reading.bytes for reading in readings.values()))
            if self.options.memory.save is not None:
                # Before anything is read: the sessions are the readers' from then on.
                self._fingerprints = {name: self._fingerprint(name) for name in left}
            for name, reading in readings.items():
                self._submit(name, reading)
            by_size = sorted(readings.items(), key=lambda one: -one[1].bytes)
            differing = {name: ends for name, reading in by_size if (ends := self._differing(name, reading))}
            self.pair.look_closer(self.report, sorted(readings.keys() - differing.keys()))
        if self.options.content == "sample" and self.hashed:
            self._say_what_a_sample_says()
        return differing

    def _say_what_a_sample_says(self) -> None:
        # Of n rows that are equal, with 95 % confidence fewer than 3/n of all are not.
        text = (
            f"a sample of {self.hashed:,} of {self.counted:,} rows was compared; if they are equal, then with 95 % "
            f"confidence, fewer than {3 / self.hashed:.2%} of the rows differ"
        )
        self.report.add(Level.NOT_COMPARED, self.pair.dbname, "rows", "", text)

    def _view(self, stack: ExitStack, readers: Readers[SessionT], server: Server, session: SessionT) -> Any:
        # Alone, a reader needs no further session, which counts behind a pooler that has few.
        alone = self.comparison.parallel == 1
        snapshot = None if alone else self.pair.snapshot(session)

        def opening() -> AbstractContextManager[SessionT]:
            return nullcontext(session) if alone else self.pair.join(server, self.pair.dbname, snapshot)

        view: View[SessionT] = View(opening)
        stack.callback(readers.leave, view)
        return readers, view

    def _skipped(self, wanted: list[str]) -> set[str]:
        """Tables that an earlier try found equal, and that were not written to since."""
        known = self.options.memory.of(self.pair.dbname, self.pair.rule(self.options.content))
        checks = {}
        for name in wanted:
            if name in known and self.only is None:
                fingerprints = known[name]["source"], known[name]["target"]
                checks[name] = [
                    readers.submit(
                        view,
                        0,
                        partial(self.pair.unchanged, table=name, fingerprint=fingerprint, rows=known[name]["rows"]),
                    )
                    for (readers, view), fingerprint in zip(self._views, fingerprints, strict=True)
                ]
        skipped = set()
        for name, futures in checks.items():
            try:
                unchanged = all(future.result() for future in futures)
            except DbaasDatabaseError:
                continue
            if unchanged:
                skipped.add(name)
                self.rows += known[name]["rows"]
                log.info("Equal since an earlier try: %s", one_line(f"{self.pair.dbname}, {name}"))
        return skipped

    def _submit(self, name: str, reading: _Reading) -> None:
        for (readers, view), table, futures in zip(self._views, reading.tables, reading.futures, strict=True):
            # The larger end tells how far it is.
            share = reading.bytes // len(table.parts) if table.bytes == reading.bytes else 0
            for part in table.parts:
                work = partial(self._digest, name=name, part=part, reading=reading, share=share)
                futures.append(readers.submit(view, table.bytes, work))

    def _digest(self, session: SessionT, *, name: str, part: Any, reading: _Reading, share: int) -> Digest:
        began = time.monotonic()
        reading.began = reading.began or began
        try:
            return self.pair.digest(session, name, part=part, content=self.options.content)
        finally:
            reading.seconds = time.monotonic() - reading.began
            self.comparison.progress.read(share)

    def _differing(self, name: str, reading: _Reading) -> tuple[Digest, Digest] | None:
        """How a table differs, None if it does not; noted in the report, unless it may be looked at again."""
        dbname = self.pair.dbname
        try:
            wanted, found = reading.result()
        except DbaasDatabaseError as error:
            self.comparison.progress.done(dbname, name, 0)
            message = f"cannot be compared: {error}"
            self.report.add(Level.DIFFERENCE, dbname, self.pair.kind_of(name), name, message, retryable=error.retryable)
            return None
        self.comparison.progress.done(dbname, name, found.rows)
        self.counted += found.rows
        self.hashed += found.hashed
        result = TableResult(
            database=dbname,
            name=name,
            equal=wanted == found,
            rows=(wanted.rows, found.rows),
            digest=(str(wanted), str(found)),
            bytes=reading.bytes,
            seconds=round(reading.seconds, 3),
            rule=self.pair.rule(self.options.content),
        )
        if self.only is not None:
            # It was looked at before.
            self.report.tables = [one for one in self.report.tables if one.name != name]
        self.report.tables.append(result)
        if wanted != found:
            self.options.memory.forget(dbname, name)
            return wanted, found
        self.rows += found.rows
        speed = reading.bytes / max(reading.seconds, 1e-3) / 1_000_000
        text = f"{dbname}, {name}: {found.rows:,} rows, {speed:,.1f} MB/s, {reading.seconds:,.1f} s"
        log.info("Equal: %s", one_line(text))
        self._remember(name, found)
        return None

    def _fingerprint(self, name: str) -> tuple[str | None, str | None]:
        return self.pair.fingerprint(self.pair.source, name), self.pair.fingerprint(self.pair.target, name)

    def _remember(self, name: str, found: Digest) -> None:
        source, target = self._fingerprints.get(name, (None, None))
        if source is not None and target is not None:
            rule = self.pair.rule(self.options.content)
            equal: Equal = {"source": source, "target": target, "rows": found.rows, "rule": rule}
            self.options.memory.note(self.pair.dbname, name, equal)

    def report_differing(self, differing: dict[str, tuple[Digest, Digest]]) -> None:
        """Say which tables differ, and in which rows."""
        for name, (wanted, found) in sorted(differing.items()):
            self.rows += found.rows
            kind = self.pair.kind_of(name)
            reason = self._tried(partial(self.pair.explain, name, found))
            if reason:
                self.report.add(Level.NOTE, self.pair.dbname, kind, name, reason)
                continue
            what = "the same number of rows, other content" if wanted.rows == found.rows else "rows"
            text = f"{what} ({wanted.rows} at the source, {found.rows} in the target)"
            if self.options.content != "count" and (where := self._tried(partial(self._where, name))):
                text += f": {where}"
            self.report.add(Level.DIFFERENCE, self.pair.dbname, kind, name, text)

    def _where(self, name: str) -> str:
        return self.pair.differing_rows(name, show_values=self.options.show_values)

    def _tried(self, describe: Callable[[], str]) -> str:
        """A description that is good to have, and whose lack is no reason to end."""
        try:
            return describe()
        except DbaasDatabaseError as error:
            log.info("%s: %s", self.pair.dbname, one_line(str(error)))
            return ""

    def summary(self) -> Database:
        """What there is in the database."""
        return {
            "name": self.pair.dbname,
            "tables": self._tables,
            "rows": self.rows,
            "bytes": self.pair.size(self.pair.target),
            "seconds": 0.0,
        }
