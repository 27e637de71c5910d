"""Compares two PostgreSQL servers after a migration, and completes what replication leaves out."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification import catalog
from airflow_dbaas.verification.connections import Server, Session, session

_SECONDS_BETWEEN_LOOKS = 2.0

log = logging.getLogger(__name__)


@dataclass
class Report:
    """What a comparison found.

    :param databases: ``name``, ``tables``, ``rows`` and ``bytes`` (in the target) of each database.
    :param differences: one text for each difference.
    """

    databases: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def compare(
    source: Server,
    target: Server,
    *,
    ignore: set[str],
    content: bool,
    settle_seconds: float,
    replicating: bool,
) -> Report:
    """Compare all databases of the source with those of the target.

    :param source: where the data came from.
    :param target: where it is to be now.
    :param ignore: databases to leave out.
    :param content: compare checksums of all rows, not only their number.
    :param settle_seconds: seconds for which differing tables are looked at again.
    :param replicating: replication goes on: what it leaves out is not compared.
    """
    report = Report()
    there = set(_databases(target))
    for dbname in _databases(source):
        if dbname in ignore:
            continue
        with session(source, dbname) as at_source:
            # Every server has a database "postgres"; an empty one is nobody's.
            if (dbname not in there or dbname == "postgres") and catalog.is_empty(at_source):
                continue
            if dbname not in there:
                report.differences.append(f"{dbname}: missing in the target")
                continue
            with session(target, dbname) as at_target:
                pair = _Pair(dbname, at_source, at_target)
                pair.compare_objects(report)
                pair.compare_tables(report, content=content, settle_seconds=settle_seconds)
                if not replicating:
                    pair.compare_sequences(report)
                    pair.compare_filled_views(report)
    return report


def complete_replication(source: Server, target: Server, *, ignore: set[str]) -> tuple[int, int]:
    """Do what logical replication leaves out: bring sequences over, fill materialized views.

    Sequences are moved on to the source's positions, never back. Views are filled if those of the source are.

    :param source: where the positions are read.
    :param target: what is completed.
    :param ignore: databases to leave out.
    :return: how many sequences were moved, and how many views filled.
    """
    moved = filled = 0
    there = set(_databases(target))
    for dbname in _databases(source):
        if dbname in ignore or dbname not in there:
            continue
        with session(source, dbname) as at_source, session(target, dbname, read_only=False) as at_target:
            moved += _carry_sequences(at_source, at_target)
            filled += _fill_views(at_target, catalog.unfilled_views(at_target) - catalog.unfilled_views(at_source))
    return moved, filled


def _carry_sequences(source: Session, target: Session) -> int:
    behind = catalog.sequences(target)
    ahead = {
        name: position
        for name, position in catalog.sequences(source).items()
        if name in behind and position.is_ahead_of(behind[name])
    }
    for name, position in ahead.items():
        target.run("SELECT pg_catalog.setval(%s, %s, %s)", (name, position.position, position.called))
    return len(ahead)


def _fill_views(target: Session, views: set[str]) -> int:
    left = sorted(views)
    while left:
        unfilled, refusal = [], None
        for view in left:
            try:
                target.run(f"REFRESH MATERIALIZED VIEW {view}")
            except DbaasDatabaseError as error:
                # It may read from another one that is still to be filled.
                unfilled.append(view)
                refusal = error
        if refusal is not None and len(unfilled) == len(left):
            raise refusal
        left = unfilled
    return len(views)


def _databases(server: Server) -> list[str]:
    with session(server) as opened:
        return catalog.databases(opened)


class _Pair:
    """One database at both ends."""

    def __init__(self, dbname: str, source: Session, target: Session) -> None:
        self.dbname = dbname
        self.source = source
        self.target = target
        # Before PostgreSQL 12 floats are written in another way; 15 digits read the same everywhere.
        digits = 0 if min(source.major, target.major) < 12 else 3
        for end in (source, target):
            end.run(f"SET extra_float_digits = {digits}")

    def compare_objects(self, report: Report) -> None:
        same_major = self.source.major == self.target.major
        wanted = catalog.objects(self.source, view_definitions=same_major)
        found = catalog.objects(self.target, view_definitions=same_major)
        for key in sorted(wanted.keys() | found.keys()):
            if wanted.get(key) != found.get(key):
                report.differences.append(f"{self.dbname}: {key} {_how(key in wanted, key in found)}")

    def compare_tables(self, report: Report, *, content: bool, settle_seconds: float) -> None:
        both = catalog.tables(self.source) & catalog.tables(self.target)
        deadline = time.monotonic() + settle_seconds
        rows = 0
        pending = sorted(both)
        differing: dict[str, tuple[catalog.Digest, catalog.Digest]] = {}
        while pending:
            differing = {}
            for table in pending:
                wanted, found = self._digests(table, content=content)
                if wanted == found:
                    rows += found[0]
                else:
                    differing[table] = (wanted, found)
            if not differing or time.monotonic() >= deadline:
                break
            log.info("%s: not equal yet: %s", self.dbname, ", ".join(differing))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            pending = list(differing)
        for table, (wanted, found) in differing.items():
            rows += found[0]
            what = "the same number of rows, other content" if wanted[0] == found[0] else "rows"
            report.differences.append(
                f"{self.dbname}: table {table}: {what} ({wanted[0]} at the source, {found[0]} in the target)"
            )
        size = catalog.size(self.target)
        report.databases.append({"name": self.dbname, "tables": len(both), "rows": rows, "bytes": size})

    def _digests(self, table: str, *, content: bool) -> tuple[catalog.Digest, catalog.Digest]:
        with ThreadPoolExecutor(max_workers=2) as pool:
            ends = [pool.submit(catalog.digest, end, table, content=content) for end in (self.source, self.target)]
            return ends[0].result(), ends[1].result()

    def compare_sequences(self, report: Report) -> None:
        wanted, found = catalog.sequences(self.source), catalog.sequences(self.target)
        for name in sorted(wanted.keys() & found.keys()):
            if wanted[name] != found[name]:
                report.differences.append(
                    f"{self.dbname}: sequence {name}: {wanted[name]} at the source, {found[name]} in the target"
                )

    def compare_filled_views(self, report: Report) -> None:
        for name in sorted(catalog.unfilled_views(self.target) - catalog.unfilled_views(self.source)):
            report.differences.append(f"{self.dbname}: materialized view {name} is not filled in the target")


def _how(wanted: bool, found: bool) -> str:
    if wanted and found:
        return "is defined differently"
    return "is missing in the target" if wanted else "is in the target only"
