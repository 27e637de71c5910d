"""No answer takes longer than it may, or has more bytes, however it comes: in both clients, and in waits."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, Client, exchange
from airflow_dbaas.api.answer import Answer
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasResponseError, DbaasTransportError, DbaasWaitTimeoutError
from airflow_dbaas.api.observability import Observability
from airflow_dbaas.api.retries import NO_RETRY, RetryPolicy
from airflow_dbaas.api.services import Services
from airflow_dbaas.waiting import poller, shared_requests
from airflow_dbaas.waiting.conditions import Failed, OperationWait
from tests.unit.api.test_wire import CALL, RawServer, aiohttp_client, all_ways

Ask = Callable[..., list[Any]]


class Dripping(RawServer):
    """Sends a beginning at once and then a byte each tenth of a second, until nobody listens.

    :param beginning: what is sent at once.
    :param drip: what is sent bit by bit.
    """

    def __init__(self, beginning: bytes, drip: bytes) -> None:
        self.beginning, self.drip = beginning, drip
        super().__init__()

    def _answer(self, taken: socket.socket) -> None:
        with taken:
            try:
                self.heard.append(taken.recv(65536))
                taken.sendall(self.beginning)
                while True:
                    taken.sendall(self.drip)
                    time.sleep(0.1)
            except OSError:
                pass


DRIPS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "body without length": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "headers": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "status line": (b"HTTP/1.1 200 ", b"x"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.fixture(params=DRIPS.values(), ids=DRIPS)
def dripping(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    """A server that never comes to an end."""
    made = Dripping(*request.param)
    yield made
    made.close()


@all_ways
def test_a_dripping_answer_ends_in_time(dripping: Dripping, ask: Ask) -> None:
    """Although each byte comes soon after the last one."""
    began = time.monotonic()
    (error,) = ask(dripping.url, timeout=0.8)
    assert 0.7 < time.monotonic() - began < 15
    assert isinstance(error, DbaasTransportError)
    assert "no answer: ReadTimeout: no complete answer within 0.8 seconds" in str(error)
    assert (error.retryable, error.unprocessed) == (True, False)


@all_ways
def test_so_does_one_that_never_begins(ask: Ask) -> None:
    """Where connections are not taken."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        began = time.monotonic()
        (error,) = ask(f"http://127.0.0.1:{full.getsockname()[1]}/v2", timeout=0.6)
        assert time.monotonic() - began < 15
        for each in waiting:
            each.close()
    # What is sent by aiohttp only reads, so it makes no difference whether it was.
    unprocessed = ask is not aiohttp_client
    phase = "ConnectTimeout" if unprocessed else "ReadTimeout"
    assert f"no answer: {phase}: no complete answer within 0.6 seconds" in str(error)
    assert (error.retryable, error.unprocessed) == (True, unprocessed)


@pytest.mark.parametrize("blocks", [True, False])
def test_within_bounds_a_call_with_all_that_is_sent_again(dripping: Dripping, blocks: bool) -> None:
    """It takes what is left of the time, not the client's time-out, nor the patience of its retries."""
    patient = RetryPolicy(max_seconds=60, first_pause=0.01, longest_pause=0.02)
    settings: dict[str, Any] = {"url": dripping.url, "timeout": 0.5, "retry": patient}

    async def main() -> None:
        async with AsyncClient("EXOkey", "s", **settings) as client:
            await client.send(CALL, within=1)

    began = time.monotonic()
    if blocks:
        with Client("EXOkey", "s", **settings) as client, pytest.raises(DbaasTransportError):
            client.send(CALL, within=1)
    else:
        with pytest.raises(DbaasTransportError):
            asyncio.run(main())
    assert time.monotonic() - began < 15
    assert len(dripping.heard) >= 2


@pytest.mark.parametrize("within", [0, -1])
def test_without_time_nothing_is_sent(within: float) -> None:
    """The error says so."""
    with (
        Client("EXOkey", "s", url="http://127.0.0.1:1/v2") as client,
        pytest.raises(DbaasTransportError, match="no time was left to send it") as caught,
    ):
        client.send(CALL, within=within, retry=NO_RETRY)
    assert caught.value.unprocessed


@pytest.mark.parametrize("blocks", [True, False])
def test_a_wait_ends_at_its_deadline(blocks: bool) -> None:
    """Whatever the time-out of one request; in a triggerer also if others share the request, and wait longer."""
    dripping = Dripping(*DRIPS["body"])
    ask = OperationWait("a02baf5a-a3e4-49a0-857b-8a08d276c1c0")
    settings: dict[str, Any] = {"url": dripping.url, "timeout": 20}

    async def main() -> Any:
        async with AsyncClient("EXOkey", "s", **settings) as client:
            shared = shared_requests.SharedClient(client)
            patient = asyncio.create_task(poller.run_async(shared, poller.Watch(ask)))
            try:
                return await poller.run_async(shared, poller.Watch(ask, deadline=time.time() + 1.5))
            finally:
                patient.cancel()
                await asyncio.gather(patient, return_exceptions=True)

    began = time.monotonic()
    if blocks:
        with Client("EXOkey", "s", **settings) as client:
            verdict: Any = poller.run(client, poller.Watch(ask, deadline=time.time() + 1.5))
    else:
        verdict = asyncio.run(main())
    assert time.monotonic() - began < 15
    dripping.close()
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasWaitTimeoutError)


def test_a_blocking_call_takes_no_thread(dripping: Dripping) -> None:
    """Its time is kept by its own reads."""
    seen = set()
    with Client("EXOkey", "s", url=dripping.url, timeout=0.5, retry=NO_RETRY) as client:
        # The server's own.
        before = {each.name for each in threading.enumerate()}
        with pytest.raises(DbaasTransportError):
            client.send(CALL)
        seen = {each.name for each in threading.enumerate() if "_answer" not in each.name} - before
    assert seen == set()


def bomb(megabytes: int) -> bytes:
    """An answer that is small as it comes."""
    packed = gzip.compress(b" " * (megabytes * 2**20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    return head % len(packed) + packed


class Whole(RawServer):
    """Sends its answers in one piece."""

    def _answer(self, taken: socket.socket) -> None:
        with taken:
            try:
                taken.recv(65536)
                for answer in self.answers:
                    taken.sendall(answer)
                taken.shutdown(socket.SHUT_WR)
                # The body of the request, which would end the connection if it stayed unread.
                while taken.recv(65536):
                    pass
            except OSError:
                pass


@pytest.fixture
def whole() -> Iterator[Whole]:
    """A server that sends whatever it is given."""
    made = Whole()
    yield made
    made.close()


@all_ways
def test_a_small_answer_that_becomes_large(whole: Whole, ask: Ask) -> None:
    """It is refused as it is decompressed, and not kept: 300 kB of gzip become 300 MB."""
    whole.answers = [bomb(300)]
    tracemalloc.start()
    try:
        (error,) = ask(whole.url)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(error, DbaasResponseError)
    assert "get-operation" in str(error)
    assert "the answer has more than 32 MiB" in str(error)
    assert most < 3 * exchange.LARGEST_ANSWER


LARGE = {
    "announced": [b"HTTP/1.1 200 OK\r\nContent-Length: 40000000000\r\n\r\n"],
    "chunked": [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[b"100000\r\n" + b" " * 2**20 + b"\r\n"] * 40,
    ],
    "until the end": [b"HTTP/1.1 200 OK\r\n\r\n", *[b" " * 2**20] * 40],
    "an error": [b"HTTP/1.1 500 Oops\r\n\r\n", *[b" " * 2**20] * 40],
}


@pytest.mark.parametrize("answers", LARGE.values(), ids=LARGE)
@all_ways
def test_a_large_answer(whole: Whole, ask: Ask, answers: list[bytes]) -> None:
    """No more of it is read than may be."""
    whole.answers = answers
    (error,) = ask(whole.url)
    assert isinstance(error, DbaasResponseError)
    assert "the answer has more than 32 MiB" in str(error)


async def test_others_have_their_turn_meanwhile(whole: Whole) -> None:
    """The event loop is never blocked for long while an answer is decompressed."""
    whole.answers = [bomb(300)]
    gaps, over = [], asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            # CPU of this thread, not time: other processes may have their turn, too.
            before = resource.getrusage(resource.RUSAGE_THREAD).ru_utime
            await asyncio.sleep(0)
            gaps.append(resource.getrusage(resource.RUSAGE_THREAD).ru_utime - before)

    watching = asyncio.create_task(watch())
    async with AsyncClient("EXOkey", "s", url=whole.url, retry=NO_RETRY) as client:
        with pytest.raises(DbaasResponseError):
            await client.send(CALL)
    over.set()
    await watching
    assert max(gaps) < 0.15


@all_ways
def test_the_largest_answers_of_the_api_are_far_below(whole: Whole, ask: Ask) -> None:
    """500 lines of a log of 4 kB each, and more services than anybody has."""
    logs = {"logs": [{"time": "2026-01-01T00:00:00Z", "node": "n", "unit": "u", "message": "x" * 4096}] * 500}
    services = {
        "dbaas-services": [{"name": f"service-{number}", "type": "pg", "notes": "x" * 1000} for number in range(2000)]
    }
    cases: list[tuple[Call[Any], Any]] = [
        (Observability.logs.call(service_name="db"), logs),
        (Services.list.call(), services),
    ]
    for call, body in cases:
        content = json.dumps(body).encode()
        assert len(content) < exchange.LARGEST_ANSWER / 8
        whole.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content]
        (answer,) = ask(whole.url, call=call, whole=True)
        assert isinstance(answer, Answer), answer
