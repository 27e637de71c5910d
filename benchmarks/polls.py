"""Waits that poll without pauses, and what a poll of theirs costs."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from benchmarks.server import counted

#: Seconds for which the polls of one measurement are counted.
_SECONDS = 0.8


def connect(name: str, **fields: Any) -> str:
    """Make an Airflow connection for this process; its id.

    :param name: the id.
    :param fields: as Airflow's JSON has them.
    """
    os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(fields)
    return name


def exoscale(url: str) -> dict[str, str]:
    """The fields of our connection.

    :param url: the local server.
    """
    return {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": f"{url}/v2"}


class Polls:
    """Waits in an event loop, and how many polls they have completed.

    :param url: the local server, if it is to count them, as those of others that do not tell.
    """

    def __init__(self, url: str | None = None) -> None:
        self.seen = 0
        self._url = url

    def _done(self) -> int:
        if self._url is None:
            return self.seen
        return counted(self._url)

    async def _completed(self, count: int) -> int:
        while (done := self._done()) < count:  # noqa: ASYNC110 - an event would be set at each poll, and be measured
            await asyncio.sleep(0.1)
        return done

    async def for_ever(self, poll: Callable[[str], Awaitable[object]]) -> None:
        """A wait for an operation of its own, without pauses."""
        operation = str(uuid.uuid4())
        while True:
            await poll(operation)
            self.seen += 1

    async def cpu(self, waits: Iterable[Coroutine[Any, Any, object]]) -> float:
        """Microseconds of CPU per poll of waits without an end.

        As many polls as there are waits come first and do not count: they open the connections.
        """
        before = self._done()
        tasks = [asyncio.create_task(wait) for wait in waits]
        before, cpu = await self._completed(before + len(tasks)), time.process_time()
        await asyncio.sleep(_SECONDS)
        # At least one of each wait: some ways do all at once, and are done with all at once.
        done = await self._completed(before + len(tasks))
        cpu = (time.process_time() - cpu) / (done - before)
        if any(task.done() for task in tasks):
            raise RuntimeError("a wait has ended")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return cpu * 1e6
