"""Waits that share, in a real triggerer: a thousand on services of one connection."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.frame import Case, Quantity, Role, Subject, Values

SUBJECT = Subject(
    title="1,000 waits in one triggerer",
    quantities=(
        Quantity("requests", "requests a minute", digits=1),
        Quantity("cpu", "CPU of the triggerer, ms per second"),
        Quantity("own", "of it more than without waits, µs per wait and request", digits=1, most=20),
    ),
    cases=(Case("many", "airflow-dbaas, sensors on services", Role.OURS),),
    together=True,
    pinned=False,
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    from benchmarks.workers.world import world

    return lambda: world(url).share(case)
