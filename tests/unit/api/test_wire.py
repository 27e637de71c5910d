"""HTTP as servers may speak it: forms of answers, and connections that end early.

Both clients read them alike, the one for an event loop by httpx's own transport and by aiohttp.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, Client, client
from airflow_dbaas.api.answers import Reply
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasError, DbaasTransportError
from airflow_dbaas.api.operations import Operation, Operations
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.emulator.certificates import Authority

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


def blocking_client(
    url: str, times: int = 1, call: Call[Any] = CALL, pause: float = 0, *, whole: bool = False, **settings: Any
) -> list[Any]:
    def one() -> Any:
        time.sleep(pause)
        try:
            answer = client.send(call)
        except DbaasError as error:
            return error
        return answer if whole else answer.state

    with Client("EXOkey", "s", url=url, retry=NO_RETRY, **settings) as client:
        return [one() for _ in range(times)]


def aiohttp_client(
    url: str, times: int = 1, call: Call[Any] = CALL, pause: float = 0, *, whole: bool = False, **settings: Any
) -> list[Any]:
    async def one(client: AsyncClient) -> Any:
        await asyncio.sleep(pause)
        try:
            answer = await client.send(call)
        except DbaasError as error:
            return error
        return answer if whole else answer.state

    async def main() -> list[Any]:
        async with AsyncClient("EXOkey", "s", url=url, retry=NO_RETRY, **settings) as client:
            return [await one(client) for _ in range(times)]

    return asyncio.run(main())


def looped_client(*arguments: Any, **settings: Any) -> list[Any]:
    """As ``aiohttp_client`` where the extra is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "airflow_dbaas.api.aiohttp_reads", None)
        return aiohttp_client(*arguments, **settings)


all_ways = pytest.mark.parametrize("ask", [blocking_client, looped_client, aiohttp_client])


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
@all_ways
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
@all_ways
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
        (PLAIN[:-5], "received 15 bytes, expected 20|the answer is incomplete"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "RemoteProtocolError: "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n", "RemoteProtocolError: "),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + BODY, "DecodingError: "),
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP", "no chunk", "not compressed"],
)
@all_ways
def test_what_is_no_answer(server: RawServer, ask: Ask, answer: bytes, said: str) -> None:
    """It is an error that may pass, and leaves open whether the API acted."""
    server.answers = [answer]
    (error,) = ask(server.url)
    assert isinstance(error, DbaasTransportError)
    assert re.search(said, str(error))
    # What was received may be a password.
    assert "OpenSSH" not in str(error)
    assert "s3cret" not in str(error)
    assert (error.retryable, error.unprocessed) == (True, False)


@all_ways
def test_what_is_sent(server: RawServer, ask: Ask) -> None:
    """Nothing that the API need not know."""
    ask(server.url)
    line, *headers = server.heard[0].decode().split("\r\n")
    assert line == f"GET /v2{CALL.path} HTTP/1.1"
    names = [header.partition(":")[0].lower() for header in headers if header]
    assert sorted(names) == ["accept", "accept-encoding", "authorization", "host", "user-agent"]
    assert f"host: {server.url.split('/')[2]}" in [header.replace("Host", "host") for header in headers]


@all_ways
def test_nobody_waits_for_a_connection_for_ever(server: RawServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets none in time is told so, and certainly nothing was sent."""
    monkeypatch.setattr(client, "MOST", 0)
    (error,) = ask(server.url, timeout=0.1)
    assert "no answer: PoolTimeout" in str(error)
    assert (error.retryable, error.unprocessed) == (True, True)
    assert server.heard == []


@all_ways
def test_who_does_not_read_is_not_waited_for(server: RawServer, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """A request that does not go away ends in time."""
    server.listens.clear()
    (error,) = ask(server.url, call=LONG, timeout=1)
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


def test_a_reply_does_not_show_what_it_holds() -> None:
    """A debugger, a log or a report of an error may show any object: passwords stay within."""
    reply = Reply(200, "OK", {"x": "s3cret"}, b'{"password": "s3cret"}')
    assert f"{reply!r} {reply}" == "<Reply 200 OK> <Reply 200 OK>"


def operation(state: str) -> bytes:
    """A whole answer: an operation in that state."""
    body = b'{"state": "%s"}' % state.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


EXTRA = {
    "an answer": operation("poison"),
    "half an answer": b"HTTP/1.1 200 OK\r\nX-Poison: ",
    "a chunk": b"0\r\n\r\n",
    "line break": b"\r\n",
    "a byte": b"x",
}


class Splitting(RawServer):
    """Sends more than it was asked for, at once or a little later; the first answer is right.

    :param extra: what follows each answer.
    :param later: whether it is sent by itself.
    """

    def __init__(self, extra: bytes, *, later: bool, context: ssl.SSLContext | None = None) -> None:
        self.extra, self.later, self.context = extra, later, context
        super().__init__()
        self.url = self.url.replace("http", "https") if context else self.url

    def _answer(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            served = self.context.wrap_socket(taken, server_side=True) if self.context else taken
            with served:
                while served.recv(65536):
                    self.heard.append(b"")
                    answer = operation(f"answer {len(self.heard)}")
                    if self.later:
                        served.sendall(answer)
                        time.sleep(0.05)
                        served.sendall(self.extra)
                    else:
                        # With TLS two records in one segment.
                        raw = answer + self.extra
                        served.sendall(raw)


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
@all_ways
def test_what_follows_an_answer_is_not_the_next_one(ask: Ask, extra: bytes, later: bool) -> None:
    """Each request gets its own answer or an error, never what was left over."""
    server = Splitting(extra, later=later)
    try:
        given = ask(server.url, 3, pause=0.15)
    finally:
        server.close()
    states = [each for each in given if isinstance(each, str)]
    assert "poison" not in states
    if later or ask is not aiohttp_client:
        assert states == ["answer 1", "answer 2", "answer 3"]
    for each in given:
        assert isinstance(each, str) or (isinstance(each, DbaasTransportError) and "answer 1" not in str(each))
    # Half an answer stays in aiohttp's parser, which is thrown away with it.
    if not (ask is aiohttp_client and extra in {EXTRA["half an answer"], EXTRA["line break"]}):
        assert server.connections == 3


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
@all_ways
def test_nor_is_it_with_tls(ask: Ask, later: bool, tmp_path: Path) -> None:
    """What TLS has read but not given out yet is not on the socket any more."""
    authority = Authority()
    identity = authority.issue(["127.0.0.1"])
    (tmp_path / "chain.pem").write_bytes(identity.certificate + identity.key)
    (tmp_path / "ca.pem").write_text(authority.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "chain.pem")
    server = Splitting(EXTRA["an answer"], later=later, context=context)
    try:
        given = ask(server.url, 3, pause=0.15, ca_file=str(tmp_path / "ca.pem"))
    finally:
        server.close()
    assert given == ["answer 1", "answer 2", "answer 3"]
    assert server.connections == 3
