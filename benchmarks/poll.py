"""A poll: CPU per completed poll of a wait in an event loop, with 1, 100 and 1,000 waits at once."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from benchmarks.frame import Case, Quantity, Role, Subject, Values

WAITS = (1, 100, 1000)

#: Seconds for which the polls of one measurement are counted.
_SECONDS = 0.8

SUBJECT = Subject(
    title="A poll, µs of CPU",
    quantities=tuple(
        Quantity(str(n), f"{n:,} waits at once" if n > 1 else "one wait", most=300 if n == 1000 else None, share=0.5)
        for n in WAITS
    ),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS),
        Case("httpx", "httpx, one client", Role.PLAIN),
        Case("aiohttp", "aiohttp, one session", Role.LIMIT),
    ),
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    run, most = _CASES[case]
    return lambda: {str(n): asyncio.run(run(url, n)) for n in WAITS if n <= most}


class Polls:
    """Waits in an event loop, and how many polls they have completed."""

    def __init__(self) -> None:
        self.done = 0

    async def _completed(self, count: int) -> None:
        while self.done < count:  # noqa: ASYNC110 - an event would be set at each poll, and be measured
            await asyncio.sleep(0.01)

    async def for_ever(self, poll: Callable[[str], Awaitable[object]]) -> None:
        """A wait for an operation of its own, without pauses."""
        operation = str(uuid.uuid4())
        while True:
            await poll(operation)
            self.done += 1

    async def cpu(self, waits: Iterable[Coroutine[Any, Any, None]]) -> float:
        """Microseconds of CPU per poll of waits without an end.

        As many polls as there are waits come first and do not count: they open the connections.
        """
        tasks = [asyncio.create_task(wait) for wait in waits]
        await self._completed(len(tasks))
        before, cpu = self.done, time.process_time()
        await asyncio.sleep(_SECONDS)
        # At least one of each wait: some ways do all at once, and are done with all at once.
        await self._completed(before + len(tasks))
        cpu = (time.process_time() - cpu) / (self.done - before)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return cpu * 1e6


async def _ours(url: str, n: int) -> float:
    from airflow_dbaas import polling, sharing
    from airflow_dbaas.hooks.dbaas import DbaasHook
    from airflow_dbaas.waits import OperationWait

    connection = {"conn_type": "exoscale", "login": "EXOkey", "password": "secret", "host": f"{url}/v2"}
    os.environ["AIRFLOW_CONN_EXOSCALE_DEFAULT"] = json.dumps(connection)
    polls = Polls()

    class Watch(polling.Watch):
        """Without the pauses that it would make."""

        def see(self, outcome: Any) -> Any:
            polls.done += 1
            return super().see(outcome)

        def pause(self) -> float:
            return 0.0

    async def wait() -> None:
        async with sharing.client_of(DbaasHook()) as client:
            await polling.run_async(client, Watch(OperationWait(str(uuid.uuid4()))))

    return await polls.cpu(wait() for _ in range(n))


async def _httpx(url: str, n: int) -> float:
    import httpx

    polls = Polls()
    async with httpx.AsyncClient(timeout=60) as client:

        async def poll(operation: str) -> object:
            return (await client.get(f"{url}/v2/operation/{operation}")).json()

        return await polls.cpu(polls.for_ever(poll) for _ in range(n))


async def _aiohttp(url: str, n: int) -> float:
    import aiohttp

    polls = Polls()
    async with aiohttp.ClientSession() as session:

        async def poll(operation: str) -> object:
            async with session.get(f"{url}/v2/operation/{operation}") as response:
                return await response.json()

        return await polls.cpu(polls.for_ever(poll) for _ in range(n))


#: With how many waits at once a case is measured at most: with more, a round of some takes minutes.
_CASES: dict[str, tuple[Callable[[str, int], Coroutine[Any, Any, float]], int]] = {
    "ours": (_ours, 1000),
    "httpx": (_httpx, 100),
    "aiohttp": (_aiohttp, 1000),
}
