"""Requests that were not signed as they are: refused with 403, and nothing is done. Signed by Exoscale's own SDK."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from exoscale.api.exceptions import ExoscaleAPIAuthException
from exoscale_auth import ExoscaleV2Auth

from tests.integration.emulator.witness import witnessed

Change = Callable[[requests.PreparedRequest], None]
REFUSAL = {"message": "Invalid request signature"}
BODY = {"settings": {"basic-auth-username": "scraper", "basic-auth-password": "a-password"}}
SUBJECT = "dbaas-external-endpoint-prometheus"


def prepare(emulator: Any, name: str, signer: ExoscaleV2Auth | None = None, **changes: Any) -> requests.PreparedRequest:
    """A signed request to make an endpoint of this name; ``changes`` take the place of what it is made of."""
    content = {"method": "POST", "url": f"{emulator.url}/{SUBJECT}/{name}", "json": BODY} | changes
    return requests.Request(**content, auth=signer or ExoscaleV2Auth(emulator.key, emulator.secret)).prepare()


def send(request: requests.PreparedRequest) -> requests.Response:
    with requests.Session() as session:
        return session.send(request, timeout=30)


def endpoints(api: Any) -> list[Any]:
    found: list[Any] = api.ok("GET", "/dbaas-external-endpoints")["dbaas-endpoints"]
    return found


def in_header(find: str, put: str) -> Change:
    """Replace a part of the header."""

    def change(request: requests.PreparedRequest) -> None:
        header = request.headers["Authorization"]
        assert find in header
        request.headers["Authorization"] = header.replace(find, put)

    return change


def expires(request: requests.PreparedRequest) -> str:
    return request.headers["Authorization"].partition("expires=")[2].partition(",")[0]


def set_expiry(value: str) -> Change:
    return lambda request: in_header(f"expires={expires(request)}", value)(request)


def set_header(value: str | None) -> Change:
    def change(request: requests.PreparedRequest) -> None:
        del request.headers["Authorization"]
        if value is not None:
            request.headers["Authorization"] = value

    return change


def set_body(body: bytes) -> Change:
    def change(request: requests.PreparedRequest) -> None:
        request.body = body
        request.headers["Content-Length"] = str(len(body))

    return change


def set_url(change: Callable[[str], str]) -> Change:
    def changed(request: requests.PreparedRequest) -> None:
        assert request.url is not None
        request.url = change(request.url)

    return changed


def set_method(method: str) -> Change:
    return lambda request: setattr(request, "method", method)


def set_signature(change: Callable[[str], str]) -> Change:
    def changed(request: requests.PreparedRequest) -> None:
        signature = request.headers["Authorization"].partition("signature=")[2]
        in_header(signature, change(signature))(request)

    return changed


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_expiry("expires="), id="expiry empty"),
        pytest.param(set_expiry("expires=soon"), id="expiry not a number"),
        pytest.param(set_expiry("expires=-1"), id="expiry negative"),
        pytest.param(set_expiry("expires=1e10"), id="expiry with an exponent"),
        pytest.param(set_expiry(f"expires={'9' * 400}"), id="expiry far away"),
        pytest.param(set_expiry("expires=٣"), id="expiry in other digits"),
        pytest.param(set_expiry("expires=4102444800"), id="expiry moved on"),
        pytest.param(set_expiry("x=1"), id="expiry missing"),
        pytest.param(set_body(json.dumps(BODY | {"x": 1}).encode()), id="body changed"),
        pytest.param(set_body(json.dumps(BODY, separators=(",", ":")).encode()), id="body with other blanks"),
        pytest.param(set_body(b""), id="body taken away"),
        pytest.param(set_url(lambda url: f"{url}x"), id="path longer"),
        pytest.param(set_url(lambda url: url.replace(SUBJECT, "dbaas-postgres")), id="path of something else"),
        pytest.param(set_url(lambda url: url.replace("-", "%2D")), id="path encoded otherwise"),
        pytest.param(set_url(lambda url: url.replace("/v2/", "//v2/")), id="path with another slash"),
        pytest.param(set_method("PUT"), id="method"),
        pytest.param(set_method("DELETE"), id="method that deletes"),
        pytest.param(set_header(None), id="no header"),
        pytest.param(set_header(""), id="header empty"),
        pytest.param(set_header("EXO2-HMAC-SHA256"), id="header of a scheme only"),
        pytest.param(set_header("EXO2-HMAC-SHA256 ,,,===,;"), id="header of separators"),
        pytest.param(set_header("Basic dTpw"), id="other scheme"),
        pytest.param(set_header("Bearer " + "x" * 5000), id="other scheme, long"),
        pytest.param(in_header("EXO2-HMAC-SHA256", "EXO1-HMAC-SHA256"), id="scheme of another version"),
        pytest.param(in_header("credential=", "credentials="), id="no credential"),
        pytest.param(in_header("credential=", "credential=x"), id="other credential"),
        pytest.param(in_header("credential=EXO", "credential=ÉXO"), id="credential not ASCII"),
        pytest.param(in_header("signature=", "signed="), id="no signature"),
        pytest.param(set_signature(lambda signature: ""), id="signature empty"),
        pytest.param(set_signature(lambda signature: signature[:-2]), id="signature without padding"),
        pytest.param(set_signature(lambda signature: "é" * 44), id="signature not base64"),
        pytest.param(set_signature(lambda signature: base64.b64encode(b"0" * 32).decode()), id="signature of nothing"),
        pytest.param(set_signature(lambda signature: base64.b64encode(b"0").decode()), id="signature short"),
        pytest.param(set_signature(lambda signature: signature.swapcase()), id="signature in other case"),
    ],
)
def test_a_request_changed_after_it_was_signed_is_refused(emulator, api, change):
    """Whatever is changed of it, with 403 and a message; and nothing is made."""
    name, before = f"changed-{secrets.token_hex(4)}", endpoints(api)
    request = prepare(emulator, name)
    request.headers = requests.structures.CaseInsensitiveDict(request.headers)
    change(request)
    header = request.headers.get("Authorization")
    if header is not None:
        request.headers["Authorization"] = header.encode()
    response = send(request)
    assert (response.status_code, response.json()) == (403, REFUSAL)
    assert endpoints(api) == before


def test_the_request_itself_is_accepted(emulator, api):
    """What the tests here change is right unless it is changed."""
    name = f"signed-{secrets.token_hex(4)}"
    assert send(prepare(emulator, name)).status_code == 200
    assert name in [each["name"] for each in endpoints(api)]


@pytest.mark.parametrize("seconds", [-3600, -1, 2 * 86400])
def test_a_signature_that_holds_at_another_time_is_refused(emulator, api, seconds):
    """Expired, or good for days to come."""

    class Otherwise(ExoscaleV2Auth):
        def __call__(self, request: Any) -> Any:
            self._sign_request(request, int(time.time()) + seconds)
            return request

    before = endpoints(api)
    response = send(prepare(emulator, "late", Otherwise(emulator.key, emulator.secret)))
    assert (response.status_code, response.json()) == (403, REFUSAL)
    assert endpoints(api) == before


def test_signed_arguments_of_the_query_are_part_of_the_signature(emulator):
    """Accepted as signed, refused with another value, another name, or without."""
    url = f"{emulator.url}/dbaas-external-endpoints"
    signed = {"method": "GET", "url": url, "json": None, "params": {"a": "1", "b": "ü/2"}}
    assert send(prepare(emulator, "", **signed)).status_code == 200
    for query in ("a=2&b=%C3%BC%2F2", "a=1&b=%C3%BC", "a=1", "", "b=1&a=%C3%BC%2F2", "a=1&a=1&b=%C3%BC%2F2", "%ff=&a="):
        request = prepare(emulator, "", **signed)
        request.url = f"{url}?{query}"
        response = send(request)
        assert (response.status_code, response.json()) == (403, REFUSAL), query


def test_the_signature_of_another_request_is_of_no_use(emulator, api):
    """Neither that of another path nor that of another method or body, though each was accepted itself."""
    name, before = f"replayed-{secrets.token_hex(4)}", endpoints(api)
    listed = prepare(emulator, "", method="GET", url=f"{emulator.url}/dbaas-external-endpoints", json=None)
    other = prepare(emulator, name, url=f"{emulator.url}/dbaas-service-logs/{name}")
    assert send(listed).status_code == 200
    assert send(other).status_code == 404
    for accepted in (listed, other):
        request = prepare(emulator, name)
        request.headers["Authorization"] = accepted.headers["Authorization"]
        response = send(request)
        assert (response.status_code, response.json()) == (403, REFUSAL)
    assert endpoints(api) == before


@pytest.mark.parametrize("changes", [{"secret": "wrong"}, {"secret": ""}, {"key": "EXOunknown"}, {"key": ""}], ids=str)
def test_the_sdk_is_refused_with_credentials_of_nobody(emulator, api, changes):
    """It raises the error that it has for this, whatever is called; and nothing is made or deleted."""
    client, witness = witnessed(emulator, **changes)
    kept = api.record("valkey")
    with pytest.raises(ExoscaleAPIAuthException, match="Invalid request signature"):
        client.list_dbaas_services()
    with pytest.raises(ExoscaleAPIAuthException, match="Invalid request signature"):
        client.create_dbaas_service_valkey(name=f"{kept}-2", plan="startup-4")
    with pytest.raises(ExoscaleAPIAuthException, match="Invalid request signature"):
        client.delete_dbaas_service(name=kept)
    client.http_client.close()
    assert witness.refusals == {403: 3}
    names = [each["name"] for each in api.ok("GET", "/dbaas-service")["dbaas-services"]]
    assert kept in names
    assert f"{kept}-2" not in names
    api.done("DELETE", f"/dbaas-service/{kept}")
