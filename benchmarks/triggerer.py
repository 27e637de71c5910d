"""Waits that share, in a real triggerer: a thousand on services of one connection.

What Airflow takes to hold a thousand waits, whatever they do, is measured with a thousand that only sleep.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.frame import Case, Quantity, Role, Subject, Values

SUBJECT = Subject(
    title="1,000 waits in one triggerer",
    quantities=(
        Quantity("requests", "requests a minute", digits=1),
        Quantity("cpu", "CPU of the triggerer, ms per second"),
        Quantity("own", "of it more than of waits that sleep, µs per wait and request", digits=1, most=20),
    ),
    cases=(
        Case("many", "airflow-dbaas, sensors on services", Role.OURS),
        Case("asleep", "sensors that only sleep", Role.LIMIT),
    ),
    together=True,
    pinned=False,
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    from benchmarks.workers.world import world

    return lambda: world(url).share(case)
