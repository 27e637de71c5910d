"""The first call of a new process: import, client, call; and the memory it takes.

Once in a bare Python, once where a task of Airflow has loaded what it always does: its SDK, httpx and pydantic.
"""

from __future__ import annotations

import importlib
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import call
from benchmarks.frame import Case, Quantity, Role, Subject, Values

_TITLES = {
    "ours": ("airflow-dbaas", Role.OURS),
    "sdk": ("Exoscale's SDK", Role.PEER),
    "httpx": ("httpx, not signed, JSON only", Role.PLAIN),
}

SUBJECT = Subject(
    title="The first call",
    quantities=(
        Quantity("bare ms", "in a bare Python, ms of CPU"),
        Quantity("airflow ms", "in a task of Airflow, ms of CPU", share=0.5),
        Quantity("bare MB", "in a bare Python, MB of memory", digits=1),
        Quantity("airflow MB", "in a task of Airflow, MB of memory", digits=1),
    ),
    cases=tuple(Case(f"{where} {name}", *_TITLES[name]) for name in _TITLES for where in ("bare", "airflow")),
    fresh=True,
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    where, name = case.split()
    sys.dont_write_bytecode = False
    if where == "airflow":
        for module in ("httpx", "pydantic", "airflow.sdk.bases.operator"):
            importlib.import_module(module)

    def measure() -> Values:
        memory, cpu = _resident(), time.process_time()
        calls = call.CASES[name](url)
        calls["operation"]()
        return {f"{where} ms": (time.process_time() - cpu) * 1e3, f"{where} MB": _resident() - memory}

    return measure


def _resident() -> float:
    """Memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20
