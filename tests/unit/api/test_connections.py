"""What polling by the thousand takes: connections, certificates read. Counted, not timed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_dbaas.api import AsyncClient, Client, trust
from benchmarks import processes
from benchmarks.server import counted


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that keeps its connections and counts them."""
    with processes.server(tmp_path_factory.mktemp("server")) as url:
        yield url


async def poll(client: AsyncClient, waits: int) -> None:
    """One poll of each of many waits, all at once."""
    states = [
        each.state for each in await asyncio.gather(*(client.operations.get(str(uuid.uuid4())) for _ in range(waits)))
    ]
    assert states == ["pending"] * waits


@pytest.mark.parametrize("waits", [1, 40, 300])
async def test_connections_are_kept_and_a_hundred_at_most(server: str, waits: int) -> None:
    """Whoever finds none free waits for one; the next polls open no more."""
    before = counted(server, "connections")
    async with AsyncClient("EXOkey", "secret", url=f"{server}/v2") as client:
        await poll(client, waits)
        opened = counted(server, "connections") - before - 1
        assert opened == min(waits, 100)
        for _ in range(3):
            await poll(client, waits)
    assert counted(server, "connections") - before - 2 == opened


def test_threads_share_the_connections(server: str) -> None:
    """Of a blocking client: as many as there are calls at a time, kept for the next ones."""
    before = counted(server, "connections")
    with Client("EXOkey", "secret", url=f"{server}/v2") as client, ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            answers = threads.map(client.operations.get, [str(uuid.uuid4()) for _ in range(40)])
            assert {each.state for each in answers} == {"pending"}
    assert counted(server, "connections") - before - 1 <= 8


async def test_the_authorities_are_read_once(server: str) -> None:
    """By as many clients as there are, and by none that does without: it takes longer than a hundred polls."""
    trust._usual.cache_clear()
    for _ in range(5):
        with Client("EXOkey", "secret", url=f"{server}/v2") as client:
            client.operations.get(str(uuid.uuid4()))
        async with AsyncClient("EXOkey", "secret", url=f"{server}/v2") as client_of_loop:
            await poll(client_of_loop, 1)
    assert trust._usual.cache_info().misses == 0
    for _ in range(5):
        with Client("EXOkey", "secret", zone="ch-gva-2"):
            pass
        async with AsyncClient("EXOkey", "secret", zone="ch-gva-2"):
            pass
    assert trust._usual.cache_info().misses == 1


def test_a_server_that_ends_leaves_no_warning(tmp_path: Path) -> None:
    """The next request says that there is no answer."""
    from airflow_dbaas.api.errors import DbaasTransportError
    from airflow_dbaas.api.retries import NO_RETRY

    async def story() -> None:
        with processes.server(tmp_path) as url:
            client = AsyncClient("EXOkey", "secret", url=f"{url}/v2", retry=NO_RETRY)
            await poll(client, 3)
        with pytest.raises(DbaasTransportError):
            await poll(client, 1)
        await client.aclose()

    asyncio.run(story())
