"""Whom the client trusts with what it signs: TLS, redirects, proxies, and ways that are not encrypted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, Client, errors, trust
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasTransportError
from airflow_dbaas.api.retries import RetryPolicy
from airflow_dbaas.emulator import certificates
from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.hooks.dbaas import DbaasHook
from tests.unit.conftest import Reply, ScriptedServer

QUICK = RetryPolicy(max_seconds=0.2, first_pause=0.01, longest_pause=0.02)
BODY = {"dbaas-services": []}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

Ask = Callable[..., Any]


def blocking(url: str | None, **settings: Any) -> Any:
    with Client("EXOkey", "api-secret", url=url, retry=QUICK, **settings) as connected:
        return connected.services.list()


def awaited(url: str | None, **settings: Any) -> Any:
    async def main() -> Any:
        async with AsyncClient("EXOkey", "api-secret", url=url, retry=QUICK, **settings) as connected:
            return await connected.services.list()

    return asyncio.run(main())


both = pytest.mark.parametrize("ask", [blocking, awaited])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of this machine's settings, and no authorities remembered."""
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    trust._usual.cache_clear()
    yield
    trust._usual.cache_clear()


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Authority, str]:
    """An authority that nobody knows, and the file with its certificate."""
    made = Authority()
    (tmp_path / "ca.pem").write_text(made.pem)
    return made, str(tmp_path / "ca.pem")


@contextlib.contextmanager
def encrypted(authority: Authority, folder: Path, host: str = "127.0.0.1") -> Iterator[ScriptedServer]:
    """A server that proves to be ``host``."""
    identity = authority.issue([host])
    (folder / "chain.pem").write_bytes(identity.certificate + identity.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "chain.pem")
    server = ScriptedServer(context)
    server.replies = [Reply(body=BODY)]
    try:
        yield server
    finally:
        server.close()


@both
def test_authorities_are_those_of_the_connection_or_the_environment(
    ask: Ask, authority: tuple[Authority, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of one's own is trusted by ``ca_file``, or by SSL_CERT_FILE."""
    made, file = authority
    with encrypted(made, tmp_path) as server:
        assert ask(server.url, ca_file=file).dbaas_services == []
        monkeypatch.setenv("SSL_CERT_FILE", file)
        assert ask(server.url).dbaas_services == []


@pytest.mark.parametrize("blocks", [True, False])
def test_an_encrypted_connection_is_kept(blocks: bool, authority: tuple[Authority, str], tmp_path: Path) -> None:
    """A server proves who it is once for many calls: that takes longer than all of them."""
    made, file = authority
    with encrypted(made, tmp_path) as server:

        async def ask_in_loop() -> None:
            async with AsyncClient("EXOkey", "s", url=server.url, ca_file=file, retry=QUICK) as client:
                for _ in range(3):
                    await client.services.list()

        if blocks:
            with Client("EXOkey", "s", url=server.url, ca_file=file, retry=QUICK) as client:
                for _ in range(3):
                    client.services.list()
        else:
            asyncio.run(ask_in_loop())
        assert (len(server.requests), len(server.connections)) == (3, 1)


@pytest.mark.parametrize("case", ["unknown", "of another authority", "of another host", "expired"])
@both
def test_a_server_that_does_not_prove_who_it_is_gets_nothing(
    ask: Ask, case: str, authority: tuple[Authority, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request is sent, and none is tried again; the error says what is wrong with the certificate."""
    made, file = authority
    if case == "expired":
        monkeypatch.setattr(certificates, "_SERVER_LIFE", timedelta(seconds=-1))
    if case == "of another authority":
        made = Authority()
    host = "other.example.com" if case == "of another host" else "127.0.0.1"
    with encrypted(made, tmp_path, host) as server:
        with pytest.raises(DbaasTransportError, match=r"the server's certificate is not trusted: .") as caught:
            ask(server.url, ca_file=None if case == "unknown" else file)
        assert server.requests == []
    assert (caught.value.retryable, caught.value.unprocessed) == (False, True)


@pytest.mark.parametrize("value", [False, "false", "False", 0, None, ""])
def test_nothing_in_a_connection_turns_verification_off(
    value: Any, authority: tuple[Authority, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the names that other providers have for it; not an empty ca_file; nor variables that other libraries heed."""
    names = ("verify", "verify_ssl", "ssl_verify", "check_hostname")
    extra = {"insecure": True, "trust_all": True, "allow_http": True, "ca_file": "", **dict.fromkeys(names, value)}
    for name in ("PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "HTTPX_SSL_VERIFY"):
        monkeypatch.setenv(name, "" if name != "PYTHONHTTPSVERIFY" else "0")
    with encrypted(authority[0], tmp_path) as server:
        fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s", "host": server.url}
        monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**fields, "extra": extra}))
        worked, said = DbaasHook().test_connection()
        assert (worked, "the server's certificate is not trusted" in said) == (False, True), said
        assert server.requests == []
    with pytest.raises(TypeError, match="verify"):
        Client("EXOkey", "s", url="https://h/v2", verify=value)  # type: ignore[call-arg]


def test_authorities_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Instead of doing without."""
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    for path in (tmp_path / "ca.pem", tmp_path / "gone.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(
            DbaasConfigurationError,
            match=r"the default CA certificates cannot be read "
            r"\(SSL_CERT_FILE is '",
        ):
            Client("EXOkey", "api-secret", zone="ch-gva-2")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@both
def test_no_redirect_is_followed(server: ScriptedServer, ask: Ask, status: int) -> None:
    """Not even to the same host: the signature is for one address."""
    server.replies = [Reply(status, headers={"Location": f"{server.url}/elsewhere"}), Reply(body=BODY)]
    with pytest.raises(errors.DbaasResponseError, match="unexpected redirect to http://127"):
        ask(server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "host",
    ["emulator:8080", "10.0.0.1", "0.0.0.0", "[fe80::1]", "127.0.0.1.example.com", "2130706433", "localhost.evil"],
)
def test_nothing_leaves_the_machine_unencrypted(host: str) -> None:
    """A URL with http:// is for this machine; for another one somebody has to say so."""
    with pytest.raises(DbaasConfigurationError, match="leads to another machine without encryption"):
        Client("EXOkey", "api-secret", url=f"http://{host}/v2")
    with Client("EXOkey", "api-secret", url=f"http://{host}/v2", allow_http=True) as allowed:
        assert allowed.url == f"http://{host}/v2"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:80", "[::1]:80", "localhost", "LOCALHOST:80"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    """Where the emulator usually is."""
    with Client("EXOkey", "api-secret", url=f"http://{host}/v2") as made:
        assert made.url == f"http://{host}/v2"


@pytest.mark.parametrize(
    ("given", "allowed"),
    [(True, True), ("true", True), (False, False), ("false", False), (None, False), ("", False)],
)
def test_a_connection_says_so_itself(monkeypatch: pytest.MonkeyPatch, given: Any, allowed: bool) -> None:
    """True in its extra, as JSON or as a URI's text; nothing else does."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s", "host": "http://emulator:8080"}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**fields, "extra": {"allow_http": given}}))
    if allowed:
        assert DbaasHook().get_conn().url == "http://emulator:8080/v2"
    else:
        with pytest.raises(DbaasConfigurationError, match=r"connection 'exoscale_default': .* without encryption"):
            DbaasHook().get_conn()


@pytest.mark.parametrize("given", [1, 0, "yes", "True ", [], {"a": 1}])
def test_allow_http_is_true_or_false(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    """Anything else is refused, not guessed at."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s", "host": "http://emulator:8080"}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps({**fields, "extra": {"allow_http": given}}))
    with pytest.raises(DbaasConfigurationError, match="allow_http must be true or false, got"):
        DbaasHook().get_conn()


@pytest.mark.parametrize(
    "host", ["javascript://alert(1)/v2", "https://u:hunter2@h/v2", "https://hunter2@h/v2", "file:///etc/passwd"]
)
def test_no_link_leads_where_the_api_cannot_be(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A link is made of the connection's host, and shown to everybody: not one that runs a script or tells a login."""
    fields = {"conn_type": "exoscale", "login": "EXOkey", "password": "s", "host": host, "extra": {"zone": "ch-gva-2"}}
    monkeypatch.setenv("AIRFLOW_CONN_EXOSCALE_DEFAULT", json.dumps(fields))
    with pytest.raises(DbaasConfigurationError, match="the API URL must look like https://") as caught:
        DbaasHook().portal_page("db")
    assert "hunter2" not in str(caught.value)


class Proxy:
    """Takes one request after another, notes what it could read of it, and refuses."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:hunter2@127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            with taken:
                self.heard.append(taken.recv(65536))
                taken.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The one that the environment names, for everything."""
    made = Proxy()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, made.url)
    yield made
    made.close()


@both
def test_a_proxy_sees_only_where_the_api_is(proxy: Proxy, ask: Ask) -> None:
    """It is used, but what is signed goes through it encrypted; and its own password is in no error."""
    with pytest.raises(DbaasTransportError, match="407") as caught:
        ask(None, zone="ch-gva-2")
    assert proxy.heard
    for heard in proxy.heard:
        assert heard.startswith(b"CONNECT api-ch-gva-2.exoscale.com:443 ")
        assert b"EXO2-HMAC" not in heard
        assert b"EXOkey" not in heard
    assert "hunter2" not in repr(caught.value)
    assert caught.value.unprocessed


@both
def test_what_is_for_this_machine_goes_to_no_proxy(proxy: Proxy, server: ScriptedServer, ask: Ask) -> None:
    """It is not encrypted because it stays here."""
    server.replies = [Reply(body=BODY)]
    assert ask(server.url).dbaas_services == []
    assert proxy.heard == []


@pytest.mark.parametrize("url", ["gopher://user:hunter2@proxy:1", "http://user:hunter2@proxy:x"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """By the variables it may come from, and without its password."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(DbaasConfigurationError, match=r"the proxy settings of the environment \(HTTPS_PROXY") as caught:
        Client("EXOkey", "api-secret", zone="ch-gva-2")
    assert "hunter2" not in repr(caught.value)
