"""``verify``: whether two database servers are equal. Imports Airflow, and the rest, only when it is run."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dbaas.migration.source import MigrationSource
    from airflow_dbaas.verification.progress import Progress
    from airflow_dbaas.verification.report import Report

_EQUAL, _DIFFERENT, _NOT_COMPARED = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--source-conn-id", metavar="ID", required=True, help="Airflow connection to the source")
    parser.add_argument("--target-conn-id", metavar="ID", required=True, help="Airflow connection to the target")
    parser.add_argument("--ignore-dbs", metavar="NAMES", help="databases to leave out, separated by commas")
    parser.add_argument(
        "--content",
        choices=("all", "sample", "count"),
        default="all",
        help="compare all rows, one in 64, or only their number (default: %(default)s)",
    )
    parser.add_argument(
        "--parallel", metavar="N", type=int, help="tables that are read at once at each end, at most 16"
    )
    parser.add_argument(
        "--table", metavar="NAME", action="append", help="compare the rows of this table only; repeatable"
    )
    parser.add_argument("--strict", action="store_true", help="notes are differences, too")
    parser.add_argument("--show-values", action="store_true", help="show what differs in rows, not only their keys")
    parser.add_argument("--allow-empty", action="store_true", help="comparing no database at all is no failure")
    parser.add_argument("--report", metavar="PATH", help="write a report to keep, as PATH.json and PATH.html")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Compare, and print what was found."""
    # Of Airflow's start, and of each table, which is shown in another way.
    logging.disable(logging.CRITICAL)

    from airflow_dbaas._compat.commands import find_all_connections

    find_all_connections()

    from airflow_dbaas.api.errors import DbaasError

    try:
        source, target = (_server(args, end) for end in ("source", "target"))
        report = _compare(args, source, target)
    except DbaasError as error:
        sys.stderr.write(f"Could not compare: {error}\n")
        return _NOT_COMPARED
    if args.report:
        _keep(report, args)
    if args.json:
        sys.stdout.write(json.dumps(report.to_dict(strict=args.strict), indent=2, ensure_ascii=False) + "\n")
    else:
        _print(report, strict=args.strict)
    if not report.databases and not args.allow_empty:
        return _NOT_COMPARED
    return _DIFFERENT if report.failures(strict=args.strict) else _EQUAL


def _server(args: argparse.Namespace, end: str) -> MigrationSource:
    from airflow_dbaas.migration.source import MigrationSource

    return MigrationSource.from_conn_id(getattr(args, f"{end}_conn_id"), parameter=f"--{end}-conn-id")


def _compare(args: argparse.Namespace, source: MigrationSource, target: MigrationSource) -> Report:
    from airflow_dbaas.api.errors import DbaasConfigurationError
    from airflow_dbaas.migration import login, registry
    from airflow_dbaas.verification import module_for

    if source.engine is not target.engine:
        raise DbaasConfigurationError(f"source is {source.engine.name}, target is {target.engine.name}")
    engine = module_for(source.engine.service_type)
    if login.same_address((source.host, source.port), (target.host, target.port)) or engine.same_server(source, target):
        raise DbaasConfigurationError("both connections lead to the same server")
    with _shown_progress(quiet=args.json) as on_progress:
        report: Report = engine.compare(
            source,
            target,
            ignore=set(registry.names(args.ignore_dbs)),
            content=args.content,
            parallel=args.parallel,
            tables=args.table,
            show_values=args.show_values,
            allow_empty=args.allow_empty,
            on_progress=on_progress,
        )
    report.about |= {"source": source.address, "target": target.address}
    return report


@contextmanager
def _shown_progress(*, quiet: bool) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[tables]}"))
    shown = Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True, disable=quiet)
    with shown as bar:
        task = bar.add_task("Comparing", total=None, tables="")

        def on_progress(progress: Progress) -> None:
            tables = f"{progress.tables_done:,}/{progress.tables:,} tables, {progress.rows:,} rows"
            bar.update(task, total=progress.bytes or None, completed=progress.bytes_done, tables=tables)

        yield on_progress


def _keep(report: Report, args: argparse.Namespace) -> None:
    stem = Path(args.report)
    for suffix, text in report.files(strict=args.strict).items():
        stem.with_name(f"{stem.name}{suffix}").write_text(text)


def _print(report: Report, *, strict: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from airflow_dbaas.api.redaction import one_line
    from airflow_dbaas.verification.report import Level

    console = Console(soft_wrap=True)
    table = Table("database", "tables", "rows", "MB", "seconds", "result")
    for column in table.columns[1:5]:
        column.justify = "right"
    different = {finding.database for finding in report.failures(strict=strict)}
    for one in report.databases:
        result = "[red]different[/red]" if one["name"] in different else "[green]equal[/green]"
        numbers = (f"{one['tables']:,}", f"{one['rows']:,}", f"{one['bytes'] / 1e6:,.1f}", f"{one['seconds']:.1f}")
        table.add_row(escape(one_line(one["name"])), *numbers, result)
    console.print(table)
    for level, colour in ((Level.DIFFERENCE, "red"), (Level.NOTE, "yellow"), (Level.NOT_COMPARED, "cyan")):
        found = [finding for finding in report.findings if finding.level is level]
        if found:
            console.print(f"[{colour}]{level.heading} ({len(found):,})[/{colour}]")
        for finding in found:
            console.print(f"  {escape(one_line(str(finding)))}", highlight=False)
    failures = report.failures(strict=strict)
    console.print(
        f"[red]{len(failures):,} differences[/red]" if failures else "[green]Source and target are equal[/green]"
    )
