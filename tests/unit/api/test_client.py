"""Both clients, against a real server that answers as told."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from airflow_dbaas.api import AsyncClient, Client, auth, errors
from airflow_dbaas.api.operations import Operations
from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.api.retries import NO_RETRY, RetryPolicy, may_have_acted, parse_retry_after
from tests.unit.conftest import Reply, ScriptedServer

KEY, SECRET = "EXOkey", "api-secret"
QUICK = RetryPolicy(max_seconds=5, first_pause=0.01, longest_pause=0.02)
ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"

Run = Callable[..., Any]


def blocking(server: ScriptedServer, work: Callable[[Any], Any], **settings: Any) -> Any:
    with Client(KEY, SECRET, url=server.url, **{"retry": QUICK, **settings}) as client:
        return work(client)


def awaited(server: ScriptedServer, work: Callable[[Any], Any], **settings: Any) -> Any:
    async def main() -> Any:
        async with AsyncClient(KEY, SECRET, url=server.url, **{"retry": QUICK, **settings}) as client:
            return await work(client)

    return asyncio.run(main())


both = pytest.mark.parametrize("run", [blocking, awaited])


@both
def test_what_is_signed_is_what_is_sent(server: ScriptedServer, run: Run) -> None:
    """The signature covers the request target and the body as the server receives them."""
    run(server, lambda c: c.services.pg.create(name="my db/é", plan="startup-4"))
    method, target, headers, body = server.requests[0]
    assert (method, target) == ("POST", "/v2/dbaas-postgres/my%20db%2F%C3%A9")
    expires = int(re.findall(r"expires=(\d+)", headers["Authorization"])[0])
    assert headers["Authorization"] == auth.authorization(
        KEY, SECRET, method=method, target=target, body=body, expires=expires
    )


@both
def test_answers_keep_what_they_do_not_know(server: ScriptedServer, run: Run) -> None:
    """Unknown fields and states, nulls and left-out fields are no errors; nothing is lost."""
    server.replies = [Reply(body={"status": "pondering", "details": None, "new-thing": {"a": 1}})]
    status = run(server, lambda c: c.migrations.status("db"))
    assert (status.status, status.details, status.error) == ("pondering", [], None)
    assert status.model_extra == {"new-thing": {"a": 1}}


@pytest.mark.fact("error-passing")
@both
def test_passing_errors_are_ridden_out(server: ScriptedServer, run: Run) -> None:
    """A read is repeated after 5xx, 429, a dropped connection, HTML and broken JSON."""
    server.replies = [
        Reply(503),
        Reply(429, headers={"Retry-After": "0"}),
        Reply(drop=True),
        Reply(200, b"<html>proxy</html>", {"Content-Type": "text/html"}),
        Reply(200, b'{"state": '),
        Reply(200, b""),
        Reply(body={"id": ID, "state": "success"}),
    ]
    assert run(server, lambda c: c.operations.get(ID)).state == "success"
    assert len(server.requests) == 7


@pytest.mark.fact("answer-lost")
@both
@pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(drop=True), Reply(200, b"<html>")])
def test_what_may_have_been_done_is_not_done_again(server: ScriptedServer, run: Run, reply: Reply) -> None:
    """A create or a migration start is sent once if the API may have acted on it."""
    server.replies = [reply]
    with pytest.raises(errors.DbaasError) as caught:
        run(server, lambda c: c.services.pg.update(name="db", migration={"host": "h", "port": 1}))
    assert caught.value.retryable
    assert len(server.requests) == 1


@both
def test_what_was_turned_away_is_sent_again(server: ScriptedServer, run: Run) -> None:
    """After 429 the API has certainly not acted, so even a create is repeated."""
    server.replies = [Reply(429), Reply(body={"id": ID, "state": "pending"})]
    assert run(server, lambda c: c.services.pg.create(name="db", plan="startup-4")).state == "pending"
    assert len(server.requests) == 2


@pytest.mark.fact("error-404", "error-message")
@both
def test_errors_that_need_a_change_are_not_repeated(server: ScriptedServer, run: Run) -> None:
    """A 4xx is final."""
    server.replies = [Reply(404, {"message": "Operation not found"})]
    with pytest.raises(errors.DbaasNotFoundError) as caught:
        run(server, lambda c: c.operations.get(ID))
    host = server.url.removeprefix("http://").removesuffix("/v2")
    assert str(caught.value) == (
        f"get-operation (GET /operation/{ID}): 404 Operation not found (the operation may have ended long ago); "
        f"API ({host})"
    )
    assert len(server.requests) == 1


FOREIGN = {
    "page": (b"<html><title>403 Forbidden</title></html>", "an HTML page of 41 bytes"),
    "page with a mark": ("\ufeff\n<!DOCTYPE html>".encode(), "an HTML page of 19 bytes"),
    "text": (b"Access denied by policy 12", "a body of 26 bytes"),
    "nothing": (b"", "an empty body"),
    "no object": (b'["message"]', "a body of 11 bytes"),
    "empty object": (b"{}", "a body of 2 bytes"),
    "bottomless": (b"[" * 100_000, "a body of 100000 bytes"),
}


@pytest.mark.fact("error-403")
@both
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_refusal_by_a_gateway_may_pass(server: ScriptedServer, run: Run, status: int, kind: str) -> None:
    """The API refuses in JSON; what else comes with 401 or 403 says nothing of key and role. A read is repeated."""
    body, described = FOREIGN[kind]
    server.replies = [Reply(status, body), Reply(body={"id": ID, "state": "success"})]
    assert run(server, lambda c: c.operations.get(ID)).state == "success"
    server.replies = [Reply(status, body)]
    with pytest.raises(
        errors.DbaasResponseError, match=f": {status} .* with {described}, which does not come from"
    ) as caught:
        run(server, lambda c: c.send(Operations.get.call(ID), retry=NO_RETRY))
    assert caught.value.retryable


@both
@pytest.mark.parametrize("status", [400, 404, 405, 409, 501, 503])
def test_a_page_of_a_gateway_is_not_the_apis_word(server: ScriptedServer, run: Run, status: int) -> None:
    """An HTML page with 404 does not mean that a service is gone; with any status it is worth another try."""
    server.replies = [Reply(status, b"<html>nginx</html>"), Reply(body={"id": ID, "state": "success"})]
    assert run(server, lambda c: c.operations.get(ID)).state == "success"


def test_a_page_that_comes_with_a_5xx_is_not_quoted(server: ScriptedServer) -> None:
    """Its length is all there is to say about it."""
    server.replies = [Reply(502, b"<html>...</html>")]
    with pytest.raises(errors.DbaasServerError, match=r": 502 \(an HTML page of 16 bytes\)"):
        blocking(server, lambda c: c.services.list(), retry=NO_RETRY)


@both
def test_what_a_gateway_refused_may_have_been_done(server: ScriptedServer, run: Run) -> None:
    """Nobody knows what is behind the page: a creation is not sent again, but looked for."""
    server.replies = [Reply(403, b"<html>")]
    with pytest.raises(errors.DbaasResponseError) as caught:
        run(server, lambda c: c.services.pg.create(name="db", plan="startup-4"))
    assert may_have_acted(caught.value)
    assert len(server.requests) == 1


@pytest.mark.fact("retry-after")
@both
def test_retry_after_is_honoured(server: ScriptedServer, run: Run) -> None:
    """The next attempt comes no sooner than the API asks."""
    server.replies = [Reply(503, headers={"Retry-After": "1"}), Reply(body={"state": "success"})]
    began = time.monotonic()
    run(server, lambda c: c.operations.get(ID))
    assert time.monotonic() - began >= 1


@both
def test_a_retry_after_beyond_the_bound_is_not_waited_for(server: ScriptedServer, run: Run) -> None:
    """A pause that would pass the bound of one call is not begun."""
    server.replies = [Reply(503, headers={"Retry-After": "3600"})]
    began = time.monotonic()
    with pytest.raises(errors.DbaasServerError) as caught:
        run(server, lambda c: c.operations.get(ID))
    assert time.monotonic() - began < 2
    assert caught.value.retry_after == 60
    assert len(server.requests) == 1


@both
def test_retries_are_bounded_in_time(server: ScriptedServer, run: Run) -> None:
    """One call gives up after its bound, with the last error."""
    server.replies = [Reply(500, {"message": "broken"})]
    policy = RetryPolicy(max_seconds=0.3, first_pause=0.01, longest_pause=0.05)
    began = time.monotonic()
    with pytest.raises(errors.DbaasServerError, match="500 broken"):
        run(server, lambda c: c.operations.get(ID), retry=policy)
    assert time.monotonic() - began < 2
    assert len(server.requests) > 3


@both
def test_nobody_there(run: Run) -> None:
    """A refused connection is a retryable error that says so, and certainly nothing was done."""
    server = ScriptedServer()
    server.close()
    with pytest.raises(errors.DbaasTransportError, match=r"list-dbaas-services.*no answer: ConnectError") as caught:
        run(server, lambda c: c.services.list(), retry=NO_RETRY)
    assert caught.value.retryable
    assert caught.value.unprocessed


@both
def test_slow_answers_time_out(server: ScriptedServer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come in time is an error that leaves open whether the API acted."""
    monkeypatch.setattr(Reply, "content", lambda self: time.sleep(1) or b"{}")
    with pytest.raises(errors.DbaasTransportError, match="ReadTimeout") as caught:
        run(server, lambda c: c.services.list(), retry=NO_RETRY, timeout=0.2)
    assert not caught.value.unprocessed


@both
def test_redirects_are_not_followed(server: ScriptedServer, run: Run) -> None:
    """A signed request goes to the API or nowhere."""
    server.replies = [Reply(302, headers={"Location": "http://u:pw@127.0.0.1:1/"})]
    with pytest.raises(errors.DbaasResponseError, match=r"unexpected redirect to http://u:\*\*\*@127.0.0.1:1/"):
        run(server, lambda c: c.operations.get(ID))
    assert len(server.requests) == 1


@pytest.mark.fact("error-message", "error-problem", "error-other-forms")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message": "plain"}', "plain"),
        (b'{"title": "T", "detail": "D", "errors": ["E", {"detail": "F"}]}', "D; T; E; F"),
        (b'{"title": "T", "errors": [{"detail": "D", "pointer": "#/plan", "path": "/x"}]}', "T; D at #/plan; API"),
        (b'{"type": "about:blank", "title": "T", "errors": null}', "T; API"),
        (b'{"title": "T", "errors": []}', "T; API"),
        (b'{"title": "T", "errors": [{}, {"path": "/plan"}, null]}', "T; /plan; API"),
        (b'{"title": "T", "errors": "E"}', "T; E; API"),
        (b'{"errors": [{"error_code": "not_powered", "message": "M", "status": 409}], "message": "M"}', "M; API"),
        (b'{"error": "oops"}', "oops"),
        (b'{"error": {"message": "oops"}}', "oops; API"),
        (b'{"message": null}', r"\{\"message\": null\}; API"),
        (b'{"reason": "of no known shape"}', r"\{\"reason\": \"of no known shape\"\}; API"),
        (b"{}", "Bad Request; API"),
        (b"null", "Bad Request; API"),
        (b'"quoted"', "quoted; API"),
        (b"just text", "just text"),
        (b"", "Bad Request"),
        (b"[1]", r"\[1\]"),
        (b"x" * 5000, "x{500}; API"),
    ],
)
def test_error_shapes(server: ScriptedServer, body: bytes, said: str) -> None:
    """Whatever an error looks like, its own words are in the message, within reason."""
    server.replies = [Reply(400, body)]
    with pytest.raises(errors.DbaasBadRequestError, match=f": 400 {said}"):
        blocking(server, lambda c: c.services.list())


@both
def test_secrets_in_error_answers_are_masked(server: ScriptedServer, run: Run) -> None:
    """An API that repeats the source's password, as it is or URL-encoded, does not get it into our error."""
    password = "s3cr@t/pw"
    server.replies = [Reply(400, {"message": "cannot use s3cr@t/pw nor s3cr%40t%2Fpw nor postgres://u:x@h"})]
    with pytest.raises(errors.DbaasBadRequestError) as caught:
        run(
            server,
            lambda c: c.services.pg.update(name="d", migration={"host": "h", "port": 1, "password": password}),
        )
    assert "400 cannot use *** nor *** nor postgres://u:***@h; API (" in str(caught.value)


@both
def test_unreadable_answers_show_no_content(server: ScriptedServer, run: Run) -> None:
    """An answer of the wrong shape is described without its content, which may be a password."""
    server.replies = [Reply(body={"username": "u", "password": ["hunter2"]})]
    with pytest.raises(errors.DbaasResponseError, match="password must be a text") as caught:
        run(server, lambda c: c.accounts.pg.reveal_password(service_name="d", username="u"), retry=NO_RETRY)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_shows_a_secret(server: ScriptedServer) -> None:
    """Neither a client nor an answer with a password shows it, wherever in the answer it is."""
    server.replies = [
        Reply(body={"username": "u", "password": "hunter2"}),
        Reply(
            body={
                "name": "d",
                "uri": "postgres://u:hunter2@h/d",
                "uri-params": {"password": "hunter2", "host": "h"},
                "connection-info": {"uri": ["postgres://u:hunter2@h/d"], "params": [{"password": "hunter2"}]},
                "users": [{"username": "u", "type": "primary", "password": "hunter2"}],
            }
        ),
    ]
    with Client(KEY, SECRET, url=server.url) as client:
        revealed = client.accounts.pg.reveal_password(service_name="d", username="u")
        service = client.services.pg.get("d")
        assert revealed.password == "hunter2"
        assert service.users[0].password == "hunter2"
        for shown in (client, revealed, service, service.users, service.connection_info):
            assert "hunter2" not in f"{shown!r} {shown}"
        assert SECRET not in repr(client)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"key": "", "zone": "ch-gva-2"}, "the API key is missing"),
        ({"secret": "", "zone": "ch-gva-2"}, "the API secret is missing"),
        ({"key": f"{KEY}\n", "zone": "ch-gva-2"}, "the API key must be printable ASCII without spaces or line breaks"),
        ({"key": "kéy", "zone": "ch-gva-2"}, "the API key must be printable ASCII without spaces or line breaks"),
        ({}, f"zone must be one of {', '.join(ZONES)}, got None"),
        ({"zone": "mars-1"}, f"zone must be one of {', '.join(ZONES)}, got 'mars-1'"),
        ({"url": "ftp://h/v2"}, "the API URL must look like https://host[:port]/v2"),
        ({"url": "http://u:p@h/v2"}, "without credentials, got 'http://u:***@h/v2'"),
        ({"url": "http://h/v2?"}, "must look like https://host[:port]/v2"),
        ({"url": "http://h/v2#there"}, "must look like https://host[:port]/v2"),
        ({"url": "http://h/v2 "}, "must look like https://host[:port]/v2"),
        ({"url": "http://h:65536/v2"}, "the API URL 'http://h:65536/v2' cannot be used: a port is 1 to 65535"),
        ({"url": "http://h:x/v2"}, "the API URL 'http://h:x/v2' cannot be used: Invalid port: 'x'"),
        ({"zone": "ch-gva-2", "ca_file": "/nowhere.pem"}, "ca_file '/nowhere.pem' cannot be used"),
    ],
)
def test_bad_settings(arguments: dict[str, str], message: str) -> None:
    """A client that could not work is refused when it is made."""
    with pytest.raises(errors.DbaasConfigurationError) as caught:
        Client(**{"key": KEY, "secret": SECRET, **arguments})
    assert message in str(caught.value)


def test_the_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A triggerer makes many clients, and reading them takes long."""

    def load_verify_locations(*_: object) -> None:
        raise AssertionError("read again")

    with Client(KEY, SECRET, zone="de-fra-1"):
        monkeypatch.setattr("ssl.SSLContext.load_verify_locations", load_verify_locations)
    with Client(KEY, SECRET, zone="ch-gva-2"):
        pass


def test_the_zone_makes_the_url() -> None:
    """Without an override the zone's own endpoint is used."""
    with Client(KEY, SECRET, zone="de-fra-1") as client:
        assert client.url == "https://api-de-fra-1.exoscale.com/v2"


@pytest.mark.fact("retry-after")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("\u00b2", None),
        ("1.5", 1.5),
        ("60", 60.0),
        # No server makes a wait sleep for hours.
        ("43200", 60.0),
        ("9" * 5000, 60.0),
        ("Wed, 21 Oct 2015 19:28:00 GMT", 60.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        # Sent twice: the longest counts.
        ("5, 20", 20.0),
        ("5, -20", None),
        ("Wed, 21 Oct 2015 07:28:10 GMT, Wed, 21 Oct 2015 07:28:20 GMT", 20.0),
        ("Wed Oct 21 07:28:10 2015", 10.0),
        ("Wednesday, 21-Oct-15 07:28:10 GMT", 10.0),
        ("inf", None),
        ("1e9", None),
        (",", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_forms(value: str | None, seconds: float | None) -> None:
    """Seconds and HTTP dates are understood, up to a minute; a date in the past means at once; nonsense is ignored."""
    assert parse_retry_after(value, date="Wed, 21 Oct 2015 07:28:00 GMT") == seconds


@pytest.mark.fact("retry-after")
@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_retry_after_without_a_date_beside_it_is_read_by_the_own_clock(date: str | None) -> None:
    """There is nothing better."""
    ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert parse_retry_after(ahead, date=date) == pytest.approx(30, abs=2)


@pytest.mark.fact("retry-after")
@both
def test_a_retry_after_of_a_server_whose_clock_is_ahead(server: ScriptedServer, run: Run) -> None:
    """A date is meant by the server's own clock, which its answer shows."""
    ahead = datetime.now(UTC) + timedelta(hours=12)
    headers = {
        "Date": format_datetime(ahead, usegmt=True),
        "Retry-After": format_datetime(ahead + timedelta(seconds=1), usegmt=True),
    }
    server.replies = [Reply(503, headers=headers), Reply(body={"id": ID, "state": "success"})]
    began = time.monotonic()
    assert run(server, lambda c: c.operations.get(ID)).state == "success"
    assert 1 <= time.monotonic() - began < 10
