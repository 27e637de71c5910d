"""Resource usage of a server's processes, from ``/proc`` (Linux only)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Use of a server's first process and its children, which are all the processes a server has."""

    cpu_seconds: float
    """CPU time since the server started, processes that have ended included."""
    memory: int
    """Bytes of memory now. What the processes share is counted once."""
    reads: int | None
    """Read calls to files since the server started; None where this process may not know."""
    writes: int | None
    """Write calls, as above."""


def of_process(pid: int) -> Usage | None:
    """Use of the server whose first process is ``pid``; None if it has gone, or where there is no ``/proc``."""
    try:
        children = (_PROC / f"{pid}/task/{pid}/children").read_text().split()
        # The first process has inherited the figures of those that ended.
        cpu = _cpu_seconds(pid, inherited=True)
    except OSError:
        return None
    pages = shared = 0
    calls: list[tuple[int, int] | None] = []
    for process in (pid, *map(int, children)):
        try:
            resident, common = map(int, (_PROC / f"{process}/statm").read_text().split()[1:3])
            if process != pid:
                cpu += _cpu_seconds(process, inherited=False)
            calls.append(_calls(process))
        except OSError:
            # The process has ended meanwhile.
            continue
        pages += resident - common
        shared = max(shared, common)
    known = [each for each in calls if each is not None]
    reads, writes = map(sum, zip(*known, strict=True)) if calls and len(known) == len(calls) else (None, None)
    return Usage(cpu, (pages + shared) * os.sysconf("SC_PAGE_SIZE"), reads, writes)


def _cpu_seconds(pid: int, *, inherited: bool) -> float:
    # The program's name is in parentheses and may hold anything.
    fields = (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = map(int, fields[11:15])
    ticks = user + system + (children_user + children_system if inherited else 0)
    return ticks / os.sysconf("SC_CLK_TCK")


def _calls(pid: int) -> tuple[int, int] | None:
    """Calls that read and write, of processes that have ended too; None where the machine keeps that to itself.

    Messages to and from clients are sent another way and do not count.
    """
    try:
        fields = dict(line.split(": ") for line in (_PROC / f"{pid}/io").read_text().splitlines())
    except PermissionError:
        return None
    return int(fields["syscr"]), int(fields["syscw"])


def of_folder(folder: str) -> int:
    """Bytes of disk that a folder takes. Takes some milliseconds for a thousand files."""
    size = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        size += of_folder(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                except FileNotFoundError:
                    # Servers remove files all the time.
                    continue
    except FileNotFoundError:
        return size
    return size
