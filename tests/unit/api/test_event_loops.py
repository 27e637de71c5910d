"""The asynchronous client in the event loops that Airflow runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from airflow_dbaas.api import AsyncClient
from airflow_dbaas.api.retries import NO_RETRY
from tests.unit.conftest import ScriptedServer


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_calls_in_every_loop(server: ScriptedServer, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The triggerer has asyncio's own loop, the API server has uvloop; both can ask, and use a connection again."""

    async def twice() -> None:
        async with AsyncClient("EXOkey", "api-secret", url=server.url, retry=NO_RETRY) as client:
            for _ in range(2):
                await client.services.list()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(twice())
    assert len(server.requests) == 2
