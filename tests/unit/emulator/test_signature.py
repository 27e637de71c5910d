"""The emulator's own verifier of request signatures, against vectors made with Exoscale's SDK."""

import base64
import hmac

import pytest

from airflow_dbaas.emulator import signature
from airflow_dbaas.emulator.signature import Keys, valid

KEYS = Keys("EXOtestkey0000000000000000", "testSecret_0123456789abcdefABCDEF")
EXPIRES = 1599140767
CHECK_BODY = b'{"source-service-uri": "postgres://u:p@10.0.0.1:5432/defaultdb", "method": "dump"}'

VECTORS = [
    ("GET", b"/v2/dbaas-service", b"", b"", "", "ppMJcwrrxIPeKqSIWo5iEmbu++OIwVEhUNB8MZEO1dQ="),
    (
        "POST",
        b"/v2/dbaas-task-migration-check/my-pg",
        b"",
        CHECK_BODY,
        "",
        "UPv8DqnfvES3ooGCMBfeumnlBF7eqbVyTU7XEl53oLw=",
    ),
    (
        "GET",
        b"/v2/resource/a02baf5a-a3e4-49a0-857b-8a08d276c1c0",
        b"p1=v1&p2=v+2%2F%C3%A9",
        b"",
        "signed-query-args=p1;p2,",
        "iePzoCmKU5xgPgaZOzE4G6HMck+AV5yicUZ8HQRhaBI=",
    ),
    (
        "GET",
        b"/v2/dbaas-migration-status/my%20db%2Fx",
        b"",
        b"",
        "",
        "7zgIWibCKXBumKK7PvjBhtJhRBGmKSdhmCWGbIxU9uo=",
    ),
    (
        "GET",
        b"/v2/resource",
        b"a=1&b=2&b=3&c=",
        b"",
        "signed-query-args=a;b,",
        "97HcRo9FdkUMrEUoLXLjE6rY73WJVKHGTGm9AxY1pvc=",
    ),
    (
        "PUT",
        b"/v2/dbaas-mysql/my-db",
        b"",
        b'{"name": "\\u00e9"}',
        "",
        "iyeEhLkA9nWR6sDE2p3VmDHK8uy5dmKk9D/NhiMlY6c=",
    ),
]


def check(vector, *, authorization=None, now=EXPIRES - 600, **changes):
    method, raw_path, query, body, signed_args, value = vector
    header = authorization or (
        f"EXO2-HMAC-SHA256 credential={KEYS.key},{signed_args}expires={EXPIRES},signature={value}"
    )
    request = {"method": method, "raw_path": raw_path, "query": query, "body": body} | changes
    return valid(KEYS, header, now=lambda: now, **request)


@pytest.mark.parametrize("vector", VECTORS)
def test_signatures_of_the_sdk_are_accepted(vector):
    """Every vector, percent-encoded paths and query arguments included."""
    assert check(vector)


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize(
    "change",
    [{"method": "DELETE"}, {"raw_path": b"/v2/other"}, {"body": b"{}"}, {"now": EXPIRES + 1}],
    ids=["method", "path", "body", "expired"],
)
def test_what_differs_from_what_was_signed_is_refused(vector, change):
    """Method, path, body and expiry are all part of the signature."""
    assert not check(vector, **change)


def test_a_decoded_path_is_not_what_was_signed():
    """The raw target counts, so the same path without its percent-encoding is another one."""
    assert not check(VECTORS[3], raw_path=b"/v2/dbaas-migration-status/my db/x")


def test_a_changed_signed_argument_is_refused():
    """Arguments named as signed are covered."""
    assert not check(VECTORS[2], query=b"p1=v1&p2=other")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer token",
        "EXO2-HMAC-SHA256 ",
        "EXO2-HMAC-SHA256 credential=x",
        f"EXO2-HMAC-SHA256 credential={KEYS.key},expires=soon,signature=AAAA",
        f"EXO2-HMAC-SHA256 credential={KEYS.key},expires={'9' * 5000},signature=AAAA",
        f"EXO2-HMAC-SHA256 credential={KEYS.key},expires={EXPIRES},signature=not base64",
        f"EXO2-HMAC-SHA256 credential=EXOother,expires={EXPIRES},signature={VECTORS[0][-1]}",
        f"EXO2-HMAC-SHA256 credential=ü,expires={EXPIRES},signature=ü",
    ],
)
def test_a_header_that_is_no_signature_is_refused(header):
    """Absent, of another scheme, incomplete, malformed, of another key."""
    method, raw_path, query, body, *_ = VECTORS[0]
    now = lambda: EXPIRES - 600  # noqa: E731
    assert not valid(KEYS, header, method=method, raw_path=raw_path, query=query, body=body, now=now)


@pytest.mark.parametrize(("ahead", "accepted"), [(0, True), (3600, True), (3601, False)])
def test_a_signature_holds_for_an_hour_at_most(ahead, accepted):
    """One that expires further ahead than that is refused."""
    assert check(VECTORS[0], now=EXPIRES - ahead) is accepted


def test_the_secret_is_not_in_the_representation_of_the_keys():
    """Keys may be logged by accident."""
    assert KEYS.secret not in repr(KEYS)
    assert base64.b64decode(VECTORS[0][-1]) == signature.sign(
        KEYS,
        signature.message(
            method="GET",
            raw_path=b"/v2/dbaas-service",
            query=b"",
            signed_args=[],
            body=b"",
            expires=str(EXPIRES),
        ),
    )


@pytest.mark.parametrize("verdict", [True, False])
def test_key_and_signature_are_compared_in_constant_time(monkeypatch, verdict):
    """Nothing decides but the library's comparison: as long for a wrong first character as for a wrong last one."""
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return verdict

    monkeypatch.setattr(hmac, "compare_digest", compare)
    wrong = base64.b64encode(b"\0" * 32).decode()
    header = f"EXO2-HMAC-SHA256 credential=EXOother,expires={EXPIRES},signature={wrong}"
    assert check(VECTORS[0], authorization=header) is verdict
    assert compared[0] == (b"EXOother", KEYS.key.encode())
    assert compared[1:] == ([(b"\0" * 32, base64.b64decode(VECTORS[0][-1]))] if verdict else [])
    assert check(VECTORS[0]) is verdict
