"""A poll: CPU per completed poll of a wait in an event loop, with 1, 100 and 1,000 waits at once."""

from __future__ import annotations

import asyncio
import math
import sys
import uuid
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any, cast

from benchmarks import poll_peers
from benchmarks.frame import Case, Quantity, Role, Subject, Values
from benchmarks.polls import Polls, connect, exoscale

WAITS = (1, 100, 1000)

SUBJECT = Subject(
    title="A poll, µs of CPU",
    quantities=tuple(Quantity(str(n), f"{n:,} waits at once" if n > 1 else "one wait") for n in WAITS),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS, share=1),
        Case("ours-aiohttp", "airflow-dbaas[aiohttp]", Role.OURS, share=0.5),
        Case("http", "HTTP provider, HttpSensorTrigger", Role.PEER),
        Case("dbt-cloud", "dbt Cloud provider, DbtCloudRunJobTrigger", Role.PEER),
        Case("dms", "Amazon provider, DmsReplicationTerminalStatusTrigger", Role.PEER),
        Case("sdk", "Exoscale's SDK, a thread per wait", Role.PEER),
        Case("httpx", "httpx, one client", Role.PLAIN),
        Case("httpx-fresh", "httpx, a client per poll", Role.PLAIN),
        Case("aiohttp", "aiohttp, one session", Role.LIMIT),
    ),
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    run, most = _CASES[case]
    return lambda: {str(n): asyncio.run(run(url, n)) for n in WAITS if n <= most}


async def _ours_httpx(url: str, n: int) -> float:
    # As if the extra were not installed.
    sys.modules["airflow_dbaas.api.aiohttp_reads"] = cast("ModuleType", None)
    return await _ours(url, n)


async def _ours(url: str, n: int) -> float:
    from airflow_dbaas.hooks.dbaas import DbaasHook
    from airflow_dbaas.waiting import poller, shared_requests
    from airflow_dbaas.waiting.conditions import OperationWait

    connect("exoscale_default", **exoscale(url))
    polls = Polls()
    # What a poll costs is measured, not how often there may be one.
    vars(shared_requests)["REQUESTS_PER_SECOND"] = math.inf

    class Watch(poller.Watch):
        """Without the pauses that it would make."""

        def see(self, outcome: Any) -> Any:
            polls.seen += 1
            return super().see(outcome)

        def pause(self, *_: Any, **__: Any) -> float:
            return 0.0

    async def wait() -> None:
        async with shared_requests.client_of(DbaasHook()) as client:
            await poller.run_async(client, Watch(OperationWait(str(uuid.uuid4()))))

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


async def _httpx_fresh(url: str, n: int) -> float:
    import httpx

    polls = Polls()

    async def poll(operation: str) -> object:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{url}/v2/operation/{operation}")).json()

    return await polls.cpu(polls.for_ever(poll) for _ in range(n))


#: With how many waits at once a case is measured at most: with more, a round of some takes minutes.
_CASES: dict[str, tuple[Callable[[str, int], Coroutine[Any, Any, float]], int]] = {
    "ours": (_ours_httpx, 1000),
    "ours-aiohttp": (_ours, 1000),
    "http": (poll_peers.http, 1000),
    "dbt-cloud": (poll_peers.dbt_cloud, 1000),
    "dms": (poll_peers.dms, 100),
    "sdk": (poll_peers.sdk, 100),
    "httpx": (_httpx, 100),
    "httpx-fresh": (_httpx_fresh, 1),
    "aiohttp": (_aiohttp, 1000),
}
