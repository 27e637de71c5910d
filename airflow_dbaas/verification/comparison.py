"""Compares two servers after a migration, database by database, whatever kind of server they are."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.verification.connections import Server

_SECONDS_BETWEEN_LOOKS = 2.0

#: Number of rows, and their checksum if it was asked for.
Digest = tuple[int, Any]
SessionT = TypeVar("SessionT")
FoundT = TypeVar("FoundT")

log = logging.getLogger(__name__)


@dataclass
class Report:
    """What a comparison found.

    :param databases: ``name``, ``tables``, ``rows`` and ``bytes`` (in the target) of each database.
    :param differences: one text for each difference.
    """

    databases: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


class Pair(ABC, Generic[SessionT]):
    """One database at both ends.

    :param dbname: its name.
    :param source: session at the source.
    :param target: session in the target.
    :param replicating: replication goes on: what it leaves out is not compared.
    """

    #: Opens a session: server, name of the database or None for the server's own.
    session: ClassVar[Callable[..., AbstractContextManager[Any]]]
    #: Databases that every server has; an empty one is nobody's.
    everywhere: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, dbname: str, source: SessionT, target: SessionT, *, replicating: bool) -> None:
        self.dbname = dbname
        self.source = source
        self.target = target
        self.replicating = replicating

    @staticmethod
    @abstractmethod
    def databases(session: Any) -> list[str]:
        """Names of the user's databases of a server."""

    @staticmethod
    @abstractmethod
    def is_empty(session: Any) -> bool:
        """Whether a database holds nothing of the user's."""

    @abstractmethod
    def objects(self) -> tuple[Mapping[Any, str | None], Mapping[Any, str | None]]:
        """Definitions at the source and in the target, by what names the object. None: it cannot be read there."""

    @abstractmethod
    def tables(self) -> set[str]:
        """Whatever holds rows at both ends, as ``digest`` takes it."""

    @abstractmethod
    def digest(self, session: SessionT, table: str, *, content: bool) -> Digest:
        """Number of rows and, with ``content``, a checksum that does not depend on their order."""

    @staticmethod
    @abstractmethod
    def size(session: Any) -> int:
        """Bytes of the user's tables and indexes."""

    def compare_what_is_left_out(self, report: Report) -> None:
        """Compare what replication leaves out; nothing by default."""

    def compare_objects(self, report: Report) -> None:
        """Compare definitions."""
        wanted, found = self.objects()
        for key in sorted(wanted.keys() | found.keys()):
            if key in wanted and key in found and wanted[key] == found[key]:
                continue
            report.differences.append(f"{self.dbname}: {key} {_how(key, wanted, found)}")

    def compare_tables(self, report: Report, *, content: bool, settle_seconds: float) -> None:
        """Compare rows, and note what there is."""
        both = self.tables()
        deadline = time.monotonic() + settle_seconds
        rows = 0
        pending = sorted(both)
        differing: dict[str, tuple[Digest, Digest]] = {}
        while pending:
            differing = {}
            for table in pending:
                wanted, found = self.at_both(partial(self.digest, table=table, content=content))
                if wanted == found:
                    rows += found[0]
                    log.info("Equal: %s", one_line(f"{self.dbname}, {table}: {found[0]:,} rows"))
                else:
                    differing[table] = (wanted, found)
            if not differing or time.monotonic() >= deadline:
                break
            log.info("%s: not equal yet: %s", self.dbname, one_line(", ".join(differing)))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            pending = list(differing)
        for table, (wanted, found) in differing.items():
            rows += found[0]
            what = "the same number of rows, other content" if wanted[0] == found[0] else "rows"
            report.differences.append(
                f"{self.dbname}: table {table}: {what} ({wanted[0]} at the source, {found[0]} in the target)"
            )
        size = self.size(self.target)
        report.databases.append({"name": self.dbname, "tables": len(both), "rows": rows, "bytes": size})

    def at_both(self, read: Callable[[SessionT], FoundT]) -> tuple[FoundT, FoundT]:
        """What there is to read at the source and in the target, read at the same time."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            ends = [pool.submit(read, end) for end in (self.source, self.target)]
            return ends[0].result(), ends[1].result()


def compare(
    pair: type[Pair[Any]],
    source: Server,
    target: Server,
    *,
    ignore: set[str],
    content: bool,
    settle_seconds: float,
    replicating: bool,
) -> Report:
    """Compare all databases of the source with those of the target.

    :param pair: what knows this kind of server.
    :param source: where the data came from.
    :param target: where it is to be now.
    :param ignore: databases to leave out.
    :param content: compare checksums of all rows, not only their number.
    :param settle_seconds: seconds for which differing tables are looked at again.
    :param replicating: replication goes on: what it leaves out is not compared.
    """
    report = Report()
    there = set(databases(pair, target))
    for dbname in databases(pair, source):
        if dbname in ignore:
            continue
        with pair.session(source, dbname) as at_source:
            if (dbname not in there or dbname in pair.everywhere) and pair.is_empty(at_source):
                continue
            if dbname not in there:
                report.differences.append(f"{dbname}: missing in the target")
                continue
            with pair.session(target, dbname) as at_target:
                both = pair(dbname, at_source, at_target, replicating=replicating)
                both.compare_objects(report)
                both.compare_tables(report, content=content, settle_seconds=settle_seconds)
                if not replicating:
                    both.compare_what_is_left_out(report)
    return report


def databases(pair: type[Pair[Any]], server: Server) -> list[str]:
    """Names of the user's databases of a server."""
    with pair.session(server) as opened:
        return pair.databases(opened)


def to_complete(
    pair: type[Pair[SessionT]], source: Server, target: Server, *, ignore: set[str]
) -> Iterator[tuple[SessionT, SessionT]]:
    """Sessions at the source and, to write, in the target, for one database after the other that both have.

    :param pair: what knows this kind of server.
    :param source: where it is seen what is to be done.
    :param target: what is completed.
    :param ignore: databases to leave out.
    """
    there = set(databases(pair, target)) - ignore
    for dbname in databases(pair, source):
        if dbname in there:
            with pair.session(source, dbname) as at_source, pair.session(target, dbname, read_only=False) as at_target:
                yield at_source, at_target


def _how(key: Any, wanted: Mapping[Any, str | None], found: Mapping[Any, str | None]) -> str:
    if key not in found:
        return "is missing in the target"
    if key not in wanted:
        return "is in the target only"
    for definitions, where in ((wanted, "at the source"), (found, "in the target")):
        if definitions[key] is None:
            return f"cannot be compared: the login {where} may not read its definition"
    return "is defined differently"
