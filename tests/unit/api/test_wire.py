"""HTTP as servers may speak it: forms of answers, and connections that end early. Both clients read them alike."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, Client, blocking, looped
from airflow_dbaas.api.answers import Reply
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.connections import Request
from airflow_dbaas.api.errors import DbaasError, DbaasTransportError
from airflow_dbaas.api.operations import Operation, Operations
from airflow_dbaas.api.retries import NO_RETRY

CALL = Operations.get.call("a02baf5a-a3e4-49a0-857b-8a08d276c1c0")
BODY = b'{"state": "success"}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + BODY
PACKED = gzip.compress(BODY)
#: More than fits into the buffers of a connection that nobody reads.
LONG = Call("get-operation", "POST", "/x", Operation, b"x" * 20_000_000)

Ask = Callable[..., list[Any]]


class RawServer:
    """Answers each request on a connection with the next of some texts, and closes it after the last."""

    def __init__(self) -> None:
        self.answers: list[bytes] = [PLAIN]
        self.heard: list[bytes] = []
        self.connections = 0
        self.listens = threading.Event()
        self.listens.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v2"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(taken,), daemon=True).start()

    def _answer(self, taken: socket.socket) -> None:
        with taken, contextlib.suppress(OSError):
            for answer in self.answers:
                self.listens.wait(5)
                if not (heard := taken.recv(65536)):
                    return
                self.heard.append(heard)
                # In pieces, as a network may.
                for start in range(0, len(answer), 7):
                    taken.sendall(answer[start : start + 7])

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A server on a free loopback port."""
    made = RawServer()
    yield made
    made.close()


def blocking_client(url: str, times: int = 1, call: Call[Any] = CALL, **settings: Any) -> list[Any]:
    def one() -> Any:
        try:
            return client.send(call).state
        except DbaasError as error:
            return error

    with Client("EXOkey", "s", url=url, retry=NO_RETRY, **settings) as client:
        return [one() for _ in range(times)]


def looped_client(url: str, times: int = 1, call: Call[Any] = CALL, **settings: Any) -> list[Any]:
    async def one(client: AsyncClient) -> Any:
        try:
            return (await client.send(call)).state
        except DbaasError as error:
            return error

    async def main() -> list[Any]:
        async with AsyncClient("EXOkey", "s", url=url, retry=NO_RETRY, **settings) as client:
            return [await one(client) for _ in range(times)]

    return asyncio.run(main())


both = pytest.mark.parametrize("ask", [blocking_client, looped_client])


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + PLAIN,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n"
        + BODY[:8]
        + b"\r\nc\r\n"
        + BODY[8:]
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED,
    ],
    ids=["plain", "early hints", "chunks", "compressed"],
)
@both
def test_forms_of_answers(server: RawServer, ask: Ask, answer: bytes) -> None:
    """They are read, and the connection is kept."""
    server.answers = [answer] * 3
    assert ask(server.url, 3) == ["success"] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n" + BODY,
        b"HTTP/1.0 200 OK\r\nContent-Length: 20\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    ],
    ids=["says so", "old", "no length"],
)
@both
def test_connections_that_the_server_does_not_keep(server: RawServer, ask: Ask, answer: bytes) -> None:
    """The answer counts; the next request has a connection of its own."""
    server.answers = [answer]
    assert ask(server.url, 3) == ["success"] * 3
    assert server.connections == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "RemoteProtocolError: Server disconnected without sending a response."),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "RemoteProtocolError: "),
        (PLAIN[:-5], "received 15 bytes, expected 20"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "RemoteProtocolError: "),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + BODY, "DecodingError: "),
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP", "not compressed"],
)
@both
def test_what_is_no_answer(server: RawServer, ask: Ask, answer: bytes, said: str) -> None:
    """It is an error that may pass, and leaves open whether the API acted."""
    server.answers = [answer]
    (error,) = ask(server.url)
    assert isinstance(error, DbaasTransportError)
    assert said in str(error)
    assert (error.retryable, error.unprocessed) == (True, False)


@both
def test_what_is_sent(server: RawServer, ask: Ask) -> None:
    """Nothing that the API need not know."""
    ask(server.url)
    line, *headers = server.heard[0].decode().split("\r\n")
    assert line == f"GET /v2{CALL.path} HTTP/1.1"
    names = [header.partition(":")[0] for header in headers if header]
    assert names == ["Host", "Accept-Encoding", "Accept", "User-Agent", "Authorization"]
    assert f"Host: {server.url.split('/')[2]}" in headers


@both
def test_nobody_waits_for_a_connection_for_ever(server: RawServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets none in time is told so, and certainly nothing was sent."""
    for module in (blocking, looped):
        monkeypatch.setattr(module, "MOST", 0)
    (error,) = ask(server.url, timeout=0.1)
    assert "no answer: PoolTimeout" in str(error)
    assert (error.retryable, error.unprocessed) == (True, True)
    assert server.heard == []


@both
def test_who_does_not_read_is_not_waited_for(server: RawServer, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """A request that does not go away ends in time."""
    server.listens.clear()
    (error,) = ask(server.url, call=LONG, timeout=0.3)
    server.listens.set()
    assert "no answer: WriteTimeout" in str(error)
    assert (error.retryable, error.unprocessed) == (True, False)
    gc.collect()
    assert caplog.messages == []


def test_a_wait_that_is_cancelled_takes_its_connection_along(server: RawServer) -> None:
    """The answer to it is not taken for that to the next request."""
    server.listens.clear()

    async def main() -> str | None:
        async with AsyncClient("EXOkey", "s", url=server.url, retry=NO_RETRY) as client:
            asked = asyncio.create_task(client.send(CALL))
            await asyncio.sleep(0.05)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            server.listens.set()
            return (await client.send(CALL)).state

    assert asyncio.run(main()) == "success"
    assert server.connections == 2


def test_neither_request_nor_reply_shows_what_it_holds() -> None:
    """A debugger, a log or a report of an error may show any object: passwords and signatures stay within."""
    request = Request("POST", "/v2/x", {"Authorization": "EXO2 signature=s3cret"}, b'{"password": "s3cret"}')
    reply = Reply(200, "OK", {"x": "s3cret"}, b'{"password": "s3cret"}')
    assert [f"{each!r} {each}" for each in (request, reply)] == [
        "<Request POST /v2/x> <Request POST /v2/x>",
        "<Reply 200 OK> <Reply 200 OK>",
    ]
