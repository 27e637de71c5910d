"""What the benchmarks of the verification share: how large the tables are, and what is measured in which order."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.frame import Values

NARROW_ROWS = 400_000
WIDE_ROWS = 60_000
TABLES = 40

KindT = TypeVar("KindT")


def mixed_tables(narrow: KindT, wide: KindT) -> Iterator[tuple[str, KindT, int]]:
    """The tables of the mixed database: name, what makes it, and how many rows it has.

    :param narrow: makes a table of narrow rows.
    :param wide: makes one of wide rows.
    """
    for number in range(TABLES):
        kind, most = ((narrow, 60_000), (wide, 12_000))[number % 2]
        yield f"t{number}", kind, most // (1 + number // 4)


def measure(
    case: str,
    source: Any,
    target: Any,
    cost_of_a_row: Callable[[str, Any, str, int], float],
    comparisons: Mapping[str, Callable[[Any, Any], None]],
) -> Values:
    """What a row costs, and how long the mixed database takes, if the case compares databases.

    :param case: name of the case.
    :param source: one server.
    :param target: another one with the same databases.
    :param cost_of_a_row: nanoseconds of CPU: case, server, table, number of its rows.
    :param comparisons: compares the mixed database, by case.
    """
    values: dict[str, float | None] = {
        name: cost_of_a_row(case, source, name, rows) for name, rows in (("narrow", NARROW_ROWS), ("wide", WIDE_ROWS))
    }
    compare = comparisons.get(case)
    if compare is not None:
        before, began = _cpu_of(source, target), time.perf_counter()
        compare(source, target)
        values["database"] = time.perf_counter() - began
        # The servers have seen by then that the sessions are over.
        time.sleep(0.2)
        values["servers"] = _cpu_of(source, target) - before
    return values


def pid_of(server: Any) -> str:
    """The first process of a server."""
    return str(server.pid_file.read_text().split()[0])


def _cpu_of(*servers: Any) -> float:
    """CPU of servers, in seconds: of their first process and of those of its children that are over."""
    ticks = 0
    for server in servers:
        stat = Path(f"/proc/{pid_of(server)}/stat").read_text()
        # Behind the name, which may have blanks: user and system time, its own and its children's.
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
