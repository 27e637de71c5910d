"""What users of httpx know works with both clients: transports, event hooks, signing, proxies."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_dbaas.api import AsyncClient, Client, auth, client, errors
from airflow_dbaas.api.accounts import PgAccounts
from airflow_dbaas.api.auth import Signature
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.api.retries import NO_RETRY, RetryPolicy
from airflow_dbaas.api.services import PgServices
from airflow_dbaas.api.transports import Lanes
from airflow_dbaas.emulator.certificates import Authority
from tests.unit.api.test_wire import CALL, PLAIN, RawServer
from tests.unit.conftest import Reply, ScriptedServer

KEY, SECRET = "EXOkey", "api-secret"
QUICK = RetryPolicy(max_seconds=2, first_pause=0.01, longest_pause=0.02)
CREATE = PgServices.create.call(name="db", plan="startup-4")

Run = Callable[..., Any]


def blocking(call: Call[Any], **settings: Any) -> Any:
    with Client(KEY, SECRET, **{"url": "https://api.test/v2", "retry": QUICK, **settings}) as made:
        return made.send(call)


def awaited(call: Call[Any], **settings: Any) -> Any:
    async def main() -> Any:
        async with AsyncClient(KEY, SECRET, **{"url": "https://api.test/v2", "retry": QUICK, **settings}) as made:
            return await made.send(call)

    return asyncio.run(main())


both = pytest.mark.parametrize("run", [blocking, awaited])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's settings."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@both
def test_a_mock_transport(run: Run) -> None:
    """It gets what would be sent, signed, and what it returns is read as an answer."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "x", "state": "success"})

    assert run(CREATE, transport=httpx.MockTransport(answer)).state == "success"
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "https://api.test/v2/dbaas-postgres/db")
    assert request.headers["authorization"].startswith("EXO2-HMAC-SHA256 credential=EXOkey,")
    assert request.content == CREATE.body


@both
def test_a_transport_of_ones_own_can_fail_and_stream(run: Run) -> None:
    """Errors of a mock say whether the request was sent, as httpx's own do; what streams is read to the end."""
    outcomes: list[Any] = [
        httpx.ConnectError("down"),
        httpx.Response(200, content=iter([b'{"state"', b': "success"}'])),
    ]
    if run is awaited:

        async def parts() -> Any:
            yield b'{"state": "success"}'

        outcomes[1] = httpx.Response(200, content=parts())

    def answer(_: httpx.Request) -> httpx.Response:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert run(CREATE, transport=httpx.MockTransport(answer)).state == "success"
    assert outcomes == []


@both
def test_an_unknown_transport_is_not_believed(run: Run) -> None:
    """Of one that calls a lost answer a failure to connect, as httpx-aiohttp does, a creation is not sent again."""
    sent = []

    class Misnaming(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            raise httpx.ConnectTimeout("Server disconnected")

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return self.handle_request(request)

    with pytest.raises(errors.DbaasTransportError) as caught:
        run(CREATE, transport=Misnaming())
    assert (len(sent), caught.value.unprocessed) == (1, False)


@both
def test_event_hooks(server: ScriptedServer, run: Run) -> None:
    """Those for requests see each signed request, those for responses each response; these may read it."""
    server.replies = [Reply(503), Reply(body={"state": "success"})]
    seen: list[Any] = []

    def on_request(request: httpx.Request) -> None:
        seen.append(request.headers["authorization"][:9])

    def on_response(response: httpx.Response) -> None:
        seen.append((response.status_code, response.request.method))
        if run is blocking:
            seen.append(response.read())

    async def on_request_async(request: httpx.Request) -> None:
        on_request(request)

    async def on_response_async(response: httpx.Response) -> None:
        on_response(response)
        seen.append(await response.aread())

    hooks = {"request": [on_request], "response": [on_response]}
    hooks_async = {"request": [on_request_async], "response": [on_response_async]}
    answer = run(CALL, url=server.url, event_hooks=hooks if run is blocking else hooks_async)
    assert answer.state == "success"
    assert seen == ["EXO2-HMAC", (503, "GET"), b"{}", "EXO2-HMAC", (200, "GET"), b'{"state": "success"}']


@pytest.mark.parametrize("name", ["a b", "é", "!$&'()*+,;=:@", "a%2Fb", "~._-", "x?y#z"])
@both
def test_what_is_signed_is_what_is_sent(server: ScriptedServer, run: Run, name: str) -> None:
    """Byte for byte, whichever library sends it: aiohttp would write some of these in another way."""
    server.replies = [Reply(body={"username": "u", "password": "p"})]
    call = PgAccounts.reveal_password.call(service_name="db", username=name)
    run(call, url=server.url)
    _, target, headers, body = server.requests[0]
    assert target == f"/v2{call.path}"
    signed = httpx.Headers(headers)["authorization"]
    expires = int(re.findall(r"expires=(\d+)", signed)[0])
    assert signed == auth.authorization(KEY, SECRET, method="GET", target=target, body=body, expires=expires)


def test_each_attempt_is_signed_afresh(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature holds for ten minutes, an attempt may come later."""
    later, now = itertools.count(0, 1000), time.time
    monkeypatch.setattr(time, "time", lambda: now() + next(later))
    server.replies = [Reply(503), Reply(body={"state": "success"})]
    blocking(CALL, url=server.url)
    first, second = (
        int(re.findall(r"expires=(\d+)", headers["Authorization"])[0]) for _, _, headers, _ in server.requests
    )
    assert second - first >= 1000


@pytest.mark.parametrize("content", [None, b'{"a": 1}', [b'{"a"', b": 1}"]], ids=["none", "bytes", "stream"])
def test_the_signature_serves_any_client_of_httpx(content: Any) -> None:
    """It reads the body before it signs, also one that streams."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    signature = Signature(KEY, SECRET)
    assert SECRET not in repr(vars(signature))
    with httpx.Client(auth=signature, transport=httpx.MockTransport(answer)) as http:
        http.put("https://h/x%20y?b=2&a=1", content=iter(content) if isinstance(content, list) else content)
    (request,) = seen
    signed = request.headers["authorization"]
    expires = int(re.findall(r"expires=(\d+)", signed)[0])
    assert signed == auth.authorization(
        KEY, SECRET, method="PUT", target="/x%20y?b=2&a=1", body=b'{"a": 1}' if content else b"", expires=expires
    )


class Tunnel:
    """A proxy that takes CONNECT to any host, connects to the server of the test instead, and passes bytes on.

    :param port: where the server of the test is.
    """

    def __init__(self, port: int) -> None:
        self.heard: list[str] = []
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(taken,), daemon=True).start()

    def _pass_on(self, taken: socket.socket) -> None:
        with taken, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            head = taken.recv(65536)
            self.heard.append(head.split(b"\r\n", 1)[0].decode())
            taken.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            other = {taken: server, server: taken}
            while True:
                for each in select.select([taken, server], [], [], 10)[0]:
                    if not (data := each.recv(65536)):
                        return
                    other[each].sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[ScriptedServer, Tunnel, str]]:
    """A server that proves to be the API of a zone, the proxy that leads there, and the authority's file."""
    authority = Authority()
    identity = authority.issue(["api-ch-gva-2.exoscale.com", "127.0.0.1"])
    (tmp_path / "ca.pem").write_text(authority.pem)
    (tmp_path / "chain.pem").write_bytes(identity.certificate + identity.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "chain.pem")
    server = ScriptedServer(context)
    tunnel = Tunnel(int(server.url.split(":")[2].split("/")[0]))
    server.replies = [Reply(body={"state": "success"})]
    yield server, tunnel, str(tmp_path / "ca.pem")
    tunnel.close()
    server.close()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@both
def test_a_proxy(
    proxied: tuple[ScriptedServer, Tunnel, str], run: Run, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that the environment names leads to the API; several calls share a connection through it."""
    server, tunnel, file = proxied
    monkeypatch.setenv(variable, tunnel.url)
    assert run(CALL, url="https://api-ch-gva-2.exoscale.com/v2", ca_file=file).state == "success"
    assert tunnel.heard == ["CONNECT api-ch-gva-2.exoscale.com:443 HTTP/1.1"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*"])
@both
def test_no_proxy(
    proxied: tuple[ScriptedServer, Tunnel, str], run: Run, exempt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts that NO_PROXY names are asked straight."""
    server, tunnel, file = proxied
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    monkeypatch.setenv("NO_PROXY", exempt)
    assert run(CALL, url=server.url, ca_file=file).state == "success"
    assert tunnel.heard == []
    assert len(server.requests) == 1


@both
def test_answers_through_a_proxy_are_bounded_too(
    proxied: tuple[ScriptedServer, Tunnel, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time, as all others."""
    _, tunnel, file = proxied
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    monkeypatch.setattr(Reply, "content", lambda _: (threading.Event().wait(2) and b"") or b"{}")
    with pytest.raises(errors.DbaasTransportError, match=r"ReadTimeout: no complete answer within 0\.7 seconds"):
        run(CALL, url="https://api-ch-gva-2.exoscale.com/v2", ca_file=file, timeout=0.7, retry=NO_RETRY)


@pytest.fixture
def raw() -> Iterator[RawServer]:
    """A server on a free loopback port."""
    made = RawServer()
    yield made
    made.close()


async def test_only_reads_go_by_aiohttp(raw: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp would send a PUT or DELETE again by itself when a kept connection breaks; httpx sends it once."""
    raw.answers = [PLAIN, b""]
    async with AsyncClient(KEY, SECRET, url=raw.url, retry=NO_RETRY) as made:
        for method in ("PUT", "DELETE", "POST"):
            raw.heard.clear()
            call = Call("get-operation", method, "/x", Operation)
            assert (await made.send(call)).state == "success"
            with pytest.raises(errors.DbaasTransportError) as caught:
                await made.send(call)
            assert not caught.value.unprocessed
            assert len(raw.heard) == 2


async def test_a_client_finds_out_whether_aiohttp_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra; a transport of one's own is used as it is."""
    from airflow_dbaas.api.aiohttp_reads import AiohttpReads
    from airflow_dbaas.api.transports import AsyncLanes

    async with AsyncClient(KEY, SECRET, url="https://api.test/v2") as made:
        assert isinstance(made._transport, AiohttpReads)
    monkeypatch.setitem(sys.modules, "airflow_dbaas.api.aiohttp_reads", None)
    async with AsyncClient(KEY, SECRET, url="https://api.test/v2") as made:
        assert isinstance(made._transport, AsyncLanes)
    with Client(KEY, SECRET, url="https://api.test/v2") as blocks:
        assert isinstance(blocks._transport, Lanes)


@both
def test_a_closed_client_sends_nothing(run: Run) -> None:
    """As httpx's."""
    made = Client(KEY, SECRET, url="https://api.test/v2")
    made.close()
    with pytest.raises(RuntimeError, match="has been closed"):
        made.send(CALL)


async def test_requests_wait_for_their_turn(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than so many are under way at a time."""
    monkeypatch.setattr(client, "MOST", 3)
    server.replies = [Reply(body={"state": "success"})]
    async with AsyncClient(KEY, SECRET, url=server.url) as made:
        found = await asyncio.gather(*(made.send(CALL) for _ in range(20)))
    assert [each.state for each in found] == ["success"] * 20
    assert len(server.connections) <= 3


@both
def test_a_turn_is_given_back_when_its_time_is_over(
    server: ScriptedServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call whose time ends while it waits for its turn leaves it to others."""
    monkeypatch.setattr(client, "MOST", 1)
    server.replies = [Reply(body={"state": "success"})]
    seconds, asked = client._Settings._seconds, itertools.count()

    def late_once(self: Any, call: Call[Any], until: float) -> float:
        # The first time before its turn, the second after it.
        return seconds(self, call, 0 if next(asked) == 1 else until)

    monkeypatch.setattr(client._Settings, "_seconds", late_once)
    assert run(CALL, url=server.url).state == "success"
    assert len(server.requests) == 1
