"""Workers: what waits cost in a whole Airflow 3.3, and how soon the tasks after them run.

All cases share one Airflow (LocalExecutor with four workers, SQLite). Each has a DAG of ten waits, all of which are
over at the same moment. The metadata database itself notes when a task changes its state.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.frame import Case, Quantity, Role, Subject, Values

SUBJECT = Subject(
    title="Workers",
    quantities=(
        Quantity("workers", "processes started for a wait", digits=1, most=0),
        Quantity("waiting", "CPU of all Airflow while ten wait, ms per second"),
        Quantity("delay", "operation ended to next task running, s", digits=1),
        Quantity("cpu", "CPU of all Airflow from then to then, ms per wait"),
    ),
    cases=(
        Case("ours", "airflow-dbaas, sensor in the triggerer", Role.OURS),
        Case("http", "HTTP provider, HttpSensor deferred, every 5 s", Role.PEER),
        Case("dms", "Amazon provider, DmsTaskCompletedSensor rescheduled, every 10 s", Role.PEER),
        Case("nothing", "tasks that follow no wait", Role.LIMIT),
    ),
    together=True,
    pinned=False,
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    from benchmarks.workers.world import world

    return lambda: world(url).measure(case)
