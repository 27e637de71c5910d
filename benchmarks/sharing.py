"""Waits that share: what 1,000 waits on services, or on integrations, of one connection cost from poll to poll."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from benchmarks.frame import Case, Quantity, Role, Subject, Values
from benchmarks.polls import connect, exoscale
from benchmarks.server import SERVICES, counted, integration, service

WAITS = 1000

#: Intervals that are counted; they are short, but no shorter than what one takes.
_INTERVALS = 5
_PAUSE = 0.3

SUBJECT = Subject(
    title="Waits that share",
    quantities=(
        Quantity("services-requests", "1,000 waits on services, requests per interval", digits=1, most=1),
        Quantity("services-cpu", "1,000 waits on services, µs of CPU per wait and interval", digits=1, most=20),
        Quantity("integrations-requests", "1,000 waits on integrations, requests per interval", digits=1, most=1),
        Quantity("integrations-cpu", "1,000 waits on integrations, µs of CPU per wait and interval", digits=1, most=20),
    ),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS),
        Case("alone", "airflow-dbaas, each wait for itself (10 of them)", Role.PLAIN),
        Case("limit", "one request by aiohttp, for all", Role.LIMIT),
    ),
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    run = {"ours": _ours, "alone": _alone, "limit": _limit}[case]

    def measure() -> Values:
        values: dict[str, float] = {}
        for kind in ("services", "integrations"):
            requests, cpu = asyncio.run(run(url, kind))
            values |= {f"{kind}-requests": requests, f"{kind}-cpu": cpu}
        return values

    return measure


def _wait(kind: str, number: int) -> Any:
    from airflow_dbaas.waiting.conditions import IntegrationWait, ServiceWait

    number %= SERVICES
    return ServiceWait(service(number)) if kind == "services" else IntegrationWait(integration(number))


async def _run(url: str, kind: str, waits: int, *, shared: bool) -> tuple[float, float]:
    from airflow_dbaas.hooks.dbaas import DbaasHook
    from airflow_dbaas.waiting import poller, shared_requests

    connect("exoscale_default", **exoscale(url))
    # What a poll costs is measured, not how often there may be one.
    vars(shared_requests)["REQUESTS_PER_SECOND"] = math.inf
    seen = 0

    class Watch(poller.Watch):
        """With short pauses."""

        def see(self, outcome: Any) -> Any:
            nonlocal seen
            seen += 1
            return super().see(outcome)

        def pause(self, *_: Any, **__: Any) -> float:
            return _PAUSE

    async def wait(number: int) -> None:
        async with shared_requests.client_of(DbaasHook()) as client:
            # Alone: questions of its own, with the same connections.
            asked = client if shared else shared_requests.SharedClient(client.client)
            await poller.run_async(asked, Watch(_wait(kind, number)))

    async def interval(count: int) -> None:
        while seen < count:  # noqa: ASYNC110 - an event would be set at each poll, and be measured
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(wait(number)) for number in range(waits)]
    # The first looks are spread.
    await interval(2 * waits)
    began, requests, cpu = seen, counted(url), time.process_time()
    await interval(began + _INTERVALS * waits)
    cpu, requests, done = time.process_time() - cpu, counted(url) - requests, seen - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Of a thousand, also where there are fewer.
    return requests / done * WAITS, cpu / done * 1e6


async def _ours(url: str, kind: str) -> tuple[float, float]:
    return await _run(url, kind, WAITS, shared=True)


async def _alone(url: str, kind: str) -> tuple[float, float]:
    return await _run(url, kind, WAITS // 100, shared=False)


async def _limit(url: str, _kind: str) -> tuple[float, float]:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        best = math.inf
        for _ in range(_INTERVALS + 1):
            cpu = time.process_time()
            async with session.get(f"{url}/v2/dbaas-service") as response:
                await response.json()
            best = min(best, time.process_time() - cpu)
    return 1, best / WAITS * 1e6
