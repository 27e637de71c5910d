"""Faults on the wire: as any HTTP client sees them, and what this package's clients make of them."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_dbaas.api.errors import DbaasAuthError, DbaasResponseError, DbaasServerError, DbaasTransportError
from airflow_dbaas.api.retries import NO_RETRY, may_have_acted
from airflow_dbaas.api.services import Services, ValkeyServices
from airflow_dbaas.emulator.certificates import Authority
from tests.integration.emulator.conftest import eventually
from tests.integration.emulator.failing import Failing

READ = "list-dbaas-services"
CREATE = "create-dbaas-service-valkey"
EXACT = {"dbaas-services"}

both_clients = pytest.mark.parametrize("blocking", [True, False], ids=["Client", "AsyncClient"])


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    """An emulator of this module's own: it fails for whoever asks."""
    with Failing.started(tmp_path_factory.mktemp("failing") / "emulator.log") as failing:
        yield failing


def html(response: httpx.Response) -> bool:
    return response.headers["Content-Type"].startswith("text/html") and response.text.startswith("<!DOCTYPE html>")


def date_ahead(response: httpx.Response) -> bool:
    ahead = parsedate_to_datetime(response.headers["Retry-After"]).timestamp() - time.time()
    return response.status_code == 429 and 30 < ahead < 62


#: Rules, and what is true of the answer to a request that they strike.
ANSWERS: dict[str, tuple[dict[str, Any], Callable[[httpx.Response], bool]]] = {
    **{
        f"{status}": (
            {"kind": "status", "status": status},
            lambda found, status=status: (
                found.status_code == status and "Retry-After" not in found.headers and list(found.json()) == ["message"]
            ),
        )
        for status in (429, 500, 502, 503, 504)
    },
    "429 in seconds": (
        {"kind": "status", "status": 429, "retry-after": 1.5},
        lambda found: found.headers["Retry-After"] == "2",
    ),
    "429 by date": ({"kind": "status", "status": 429, "retry-after": 60, "retry-after-as": "date"}, date_ahead),
    "html": ({"kind": "html"}, lambda found: found.status_code == 200 and html(found)),
    "html of a gateway": ({"kind": "html", "status": 502}, lambda found: found.status_code == 502 and html(found)),
    "empty": ({"kind": "empty"}, lambda found: found.status_code == 200 and found.content == b""),
    "redirect": (
        {"kind": "redirect", "status": 302, "location": "/elsewhere"},
        lambda found: found.status_code == 302 and found.headers["Location"] == "/elsewhere",
    ),
    "wrong-type": (
        {"kind": "wrong-type"},
        lambda found: found.headers["Content-Type"] == "text/plain" and found.json().keys() == EXACT,
    ),
    "slow-headers": (
        {"kind": "slow-headers", "seconds": 0.2},
        lambda found: found.elapsed.total_seconds() >= 0.2 and found.json().keys() == EXACT,
    ),
    "slow-body": (
        {"kind": "slow-body", "seconds": 0.2},
        lambda found: found.elapsed.total_seconds() >= 0.2 and found.json().keys() == EXACT,
    ),
    "clock-skew": ({"kind": "clock-skew"}, lambda found: found.status_code == 403 and "signature" in found.text),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(failing, name):
    """The struck request is answered so; the next one, on the same connection, as if nothing had been."""
    rule, expected = ANSWERS[name]
    failing.told(rule)
    found = failing.api.request("GET", "/dbaas-service")
    assert expected(found), (found.status_code, found.headers, found.text)
    assert failing.api.ok("GET", "/dbaas-service").keys() == EXACT
    assert failing.counts() == [(1, 1)]


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        ({"kind": "reset"}, httpx.ReadError, "reset by peer"),
        ({"kind": "reset", "processed": True}, httpx.ReadError, "reset by peer"),
        ({"kind": "truncated"}, httpx.RemoteProtocolError, r"received \d+ bytes, expected \d+"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_broken_connections(failing, rule, error, text):
    """The struck request ends without an answer, or with half of one; the next one is answered."""
    failing.told(rule)
    with pytest.raises(error, match=text):
        failing.api.request("GET", "/dbaas-service")
    assert failing.api.ok("GET", "/dbaas-service").keys() == EXACT


def test_slow_bodies_come_in_two_parts(failing):
    """Headers and half of the body are there at once."""
    failing.told({"kind": "slow-body", "seconds": 0.3})
    path = "/v2/nothing-there"
    with httpx.stream("GET", failing.emulator.url.removesuffix("/v2") + path, timeout=10) as found:
        parts = [(time.monotonic(), part) for part in found.iter_raw()]
    assert len(parts) == 2
    assert parts[1][0] - parts[0][0] >= 0.25
    assert "signature" in json.loads(b"".join(part for _, part in parts))["message"]


def test_refused_connections(failing):
    """Nothing listens for a while, kept connections are closed, and then it listens at the same port again."""
    failing.told({"kind": "refused", "seconds": 0.5})
    assert failing.api.ok("GET", "/dbaas-service").keys() == EXACT
    with pytest.raises(httpx.ConnectError, match="refused"):
        failing.api.request("GET", "/dbaas-service")
    eventually(lambda: listens(failing.emulator.url), bool)
    assert failing.api.ok("GET", "/dbaas-service").keys() == EXACT


def listens(url: str) -> bool:
    parts = httpx.URL(url)
    with closing(socket.socket()) as client:
        return client.connect_ex((parts.host, parts.port)) == 0


# What this package's clients make of it.


#: Faults after which nobody knows whether the request took effect, the kind of error, and words of its text.
LOST = {
    "500": ({"kind": "status", "status": 500}, DbaasServerError, "500 Emulated fault"),
    "502": ({"kind": "status", "status": 502}, DbaasServerError, "502 Emulated fault"),
    "503": ({"kind": "status", "status": 503, "retry-after": 0}, DbaasServerError, "503 Emulated fault"),
    "504": ({"kind": "status", "status": 504}, DbaasServerError, "504 Emulated fault"),
    "reset": ({"kind": "reset"}, DbaasTransportError, "no answer: ReadError"),
    "html": (
        {"kind": "html"},
        DbaasResponseError,
        "(text/html; charset=utf-8, 64 bytes) does not match the API's document",
    ),
    "html of a gateway": ({"kind": "html", "status": 502}, DbaasServerError, "502 (an HTML page of 64 bytes)"),
    "empty": ({"kind": "empty"}, DbaasResponseError, "(application/json, 0 bytes) does not match the API's document"),
}
#: The same for those that strike an answer, so that the work is always done.
SPOILT = {
    "truncated": ({"kind": "truncated"}, DbaasTransportError, "no answer: RemoteProtocolError: peer closed"),
    "slow-headers": ({"kind": "slow-headers", "seconds": 5}, DbaasTransportError, "no answer: ReadTimeout"),
    "slow-body": ({"kind": "slow-body", "seconds": 5}, DbaasTransportError, "no answer: ReadTimeout"),
}
#: Faults after which it is certain that nothing was done.
NOT_DONE = {
    "429": {"kind": "status", "status": 429},
    "429 in seconds": {"kind": "status", "status": 429, "retry-after": 0},
}


@both_clients
@pytest.mark.parametrize("name", [*LOST, *SPOILT, *NOT_DONE])
async def test_reading_is_repeated(failing, name, blocking):
    """Whatever became of two requests that only read, the third one's answer is the answer."""
    rule = NOT_DONE.get(name) or (LOST | SPOILT)[name][0]
    failing.told(rule | {"operation": READ, "times": 2})
    answer = await failing.send(Services.list.call(), blocking=blocking, seconds=patience(rule))
    assert isinstance(answer.dbaas_services, list), answer
    assert failing.counts() == [(2, 2)]


@both_clients
@pytest.mark.parametrize("processed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", LOST)
async def test_creating_is_not_repeated_when_its_end_is_unknown(failing, name, processed, blocking):
    """It is sent once; the error says that it may have acted: there is one service if it was done, otherwise none."""
    rule, kind, text = LOST[name]
    service = f"v-{secrets.token_hex(4)}"
    failing.told(rule | {"operation": CREATE, "processed": processed, "times": 9})
    error = await failing.send(creation(service), blocking=blocking)
    assert isinstance(error, kind), error
    assert text in str(error)
    assert may_have_acted(error)
    assert failing.counts() == [(1, 1)]
    assert failing.names().count(service) == processed


@both_clients
@pytest.mark.parametrize("name", SPOILT)
async def test_creating_is_not_repeated_when_its_answer_is_spoilt(failing, name, blocking):
    """As above, and there is one service."""
    rule, kind, text = SPOILT[name]
    service = f"v-{secrets.token_hex(4)}"
    failing.told(rule | {"operation": CREATE, "times": 9})
    error = await failing.send(creation(service), blocking=blocking, seconds=patience(rule))
    assert isinstance(error, kind), error
    assert text in str(error)
    assert may_have_acted(error)
    assert failing.counts() == [(1, 1)]
    assert failing.names().count(service) == 1


@both_clients
@pytest.mark.parametrize("name", NOT_DONE)
async def test_creating_is_repeated_when_nothing_was_done(failing, name, blocking):
    """Too many requests: it is sent again, and there is one service."""
    service = f"v-{secrets.token_hex(4)}"
    failing.told(NOT_DONE[name] | {"operation": CREATE, "times": 2})
    answer = await failing.send(creation(service), blocking=blocking)
    assert answer.id, answer
    assert failing.counts() == [(2, 2)]
    assert failing.names().count(service) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_honoured(failing, form):
    """The client does not ask again before the API said that it may."""
    failing.told({"kind": "status", "status": 429, "retry-after": 1, "retry-after-as": form, "operation": READ})
    begun = time.time()
    await failing.send(Services.list.call(), blocking=True)
    assert time.time() - begun >= 1
    assert failing.counts() == [(1, 1)]


@both_clients
async def test_no_redirect_is_followed(failing, blocking):
    """Nothing signed goes anywhere else; the text says where it would have gone."""
    failing.told({"kind": "redirect", "times": 9})
    error = await failing.send(Services.list.call(), blocking=blocking)
    assert isinstance(error, DbaasResponseError)
    assert "unexpected redirect to https://elsewhere.invalid/v2/" in str(error)
    assert not error.retryable
    assert failing.counts() == [(1, 1)]


@both_clients
async def test_a_wrong_clock_is_said(failing, blocking):
    """A signature that counts as expired is an error that no repetition helps; it names the clock. Nothing is done."""
    service = f"v-{secrets.token_hex(4)}"
    failing.told({"kind": "clock-skew", "times": 9})
    error = await failing.send(creation(service), blocking=blocking)
    assert isinstance(error, DbaasAuthError)
    assert "403 Invalid request signature" in str(error)
    assert "this machine's clock" in str(error)
    assert not error.retryable
    assert failing.counts() == [(1, 1)]
    assert service not in failing.names()


@both_clients
async def test_a_wrong_content_type_is_overlooked(failing, blocking):
    """What can be read as the API's answer is taken for it."""
    service = f"v-{secrets.token_hex(4)}"
    failing.told({"kind": "wrong-type", "operation": CREATE})
    assert (await failing.send(creation(service), blocking=blocking)).id
    assert failing.names().count(service) == 1


@both_clients
async def test_refused_connections_are_tried_again(failing, blocking):
    """Nothing was done if nobody listened: a creation, too, is sent until somebody does."""
    service = f"v-{secrets.token_hex(4)}"
    failing.told({"kind": "refused", "seconds": 0.3, "operation": READ})
    failing.api.ok("GET", "/dbaas-service")
    assert not listens(failing.emulator.url)
    assert (await failing.send(creation(service), blocking=blocking)).id
    assert failing.names().count(service) == 1


@both_clients
async def test_tls_to_a_port_that_speaks_none(failing, blocking):
    """The emulator speaks no TLS, so any handshake with it fails; nothing was sent, so it may be tried again."""
    url = failing.emulator.url.replace("http:", "https:")
    error = await failing.send(Services.list.call(), blocking=blocking, url=url, retry=NO_RETRY)
    assert isinstance(error, DbaasTransportError)
    assert "SSL" in str(error)
    assert error.retryable
    assert error.unprocessed


@both_clients
async def test_a_certificate_that_nobody_trusts(failing, blocking, stranger):
    """Nothing was sent, and no repetition helps: it is not tried again."""
    error = await failing.send(Services.list.call(), blocking=blocking, url=stranger)
    assert isinstance(error, DbaasTransportError)
    assert "the server's certificate is not trusted: unable to get local issuer certificate" in str(error)
    assert not error.retryable
    assert error.unprocessed


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """The address of a server with a certificate that an authority signed of which nobody has heard."""
    identity = Authority().issue(["127.0.0.1"])
    pem = tmp_path / "server.pem"
    pem.write_bytes(identity.certificate + identity.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()

        def meet_one() -> None:
            connection, _ = listener.accept()
            # The client says why it leaves, or just leaves.
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=meet_one)
        thread.start()
        yield f"https://{host}:{port}/v2"
        thread.join()


def patience(rule: dict[str, Any]) -> float:
    """Seconds that the client waits for an answer: fewer than a slow one takes."""
    return 0.5 if rule.get("seconds") else 10


def creation(service: str) -> Any:
    return ValkeyServices.create.call(name=service, plan="startup-4")
