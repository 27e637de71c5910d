"""What is looked at once a second while a fleet is moved."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass

import psutil
import psycopg

from benchmarks.fleet.world import World

#: A task that holds its worker for longer than this is taken to wait there: its work takes a few seconds.
WAITS_SECONDS = 12

_STATES = "SELECT id::text, state FROM task_instance WHERE state IN ('running', 'deferred')"


@dataclass
class Samples:
    """What was seen."""

    held: int = 0
    """Most worker slots at once that were held by tasks that waited there."""
    waiting: int = 0
    """Most tasks at once that waited in the triggerer."""
    waited: float = 0
    """Seconds that they waited there, all together."""
    cpu: float = 0
    """Seconds of CPU of the triggerers, since the first look."""
    memory: int = 0
    """Bytes that the triggerers had more at most than at first."""


class Sampler(threading.Thread):
    """Looks, within a ``with`` block.

    :param world: what is looked at.
    """

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.samples = Samples()
        self._world = world
        self._over = threading.Event()
        self._running: Counter[str] = Counter()

    def run(self) -> None:
        """Look once a second."""
        before, memory = self._triggerers()
        with psycopg.connect(self._world.metadata, autocommit=True) as connection:
            while not self._over.wait(1):
                self._tasks(connection)
                cpu, now = self._triggerers()
                self.samples.cpu = cpu - before
                self.samples.memory = max(self.samples.memory, now - memory)

    def __enter__(self) -> Samples:
        self.start()
        return self.samples

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def _tasks(self, connection: psycopg.Connection) -> None:
        found = connection.execute(_STATES).fetchall()
        running = {task for task, state in found if state == "running"}
        self._running = Counter({task: self._running[task] + 1 for task in running})
        held = sum(seconds > WAITS_SECONDS for seconds in self._running.values())
        waiting = len(found) - len(running)
        self.samples.held = max(self.samples.held, held)
        self.samples.waiting = max(self.samples.waiting, waiting)
        self.samples.waited += waiting

    def _triggerers(self) -> tuple[float, int]:
        """Seconds of CPU and bytes of memory that the triggerers have used, with their processes."""
        cpu, memory = 0.0, 0
        for pid in self._world.triggerers:
            process = psutil.Process(pid)
            for each in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    cpu += times.user + times.system
                    memory += each.memory_full_info().uss
        return cpu, memory
