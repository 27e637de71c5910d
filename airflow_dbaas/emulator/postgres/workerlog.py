"""Why a replication worker failed: only the server's log knows."""

from __future__ import annotations

import re
from pathlib import Path

_TAIL = 256 * 1024
_LINE = re.compile(r"^\S+ \S+ \S+ \[(\d+)\] (\w+): +(.*)$")


def last_error(log: Path, subscription: str) -> str:
    """Text of the last error of a worker of ``subscription``; empty if there is none in the log's end."""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        lines = file.read().decode(errors="replace").splitlines()
    # A worker names its subscription when it starts; its errors carry its process id only.
    workers: set[str] = set()
    found = ""
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        process, level, text = match.groups()
        if f'subscription "{subscription}"' in text:
            workers.add(process)
        if level in {"ERROR", "FATAL"} and process in workers:
            found = text
    return found
