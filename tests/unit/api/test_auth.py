"""Signatures, against vectors made with Exoscale's own client."""

import pytest

from airflow_dbaas.api.auth import authorization

KEY = "EXOtestkey0000000000000000"
SECRET = "testSecret_0123456789abcdefABCDEF"
EXPIRES = 1599140767

CHECK_BODY = b'{"source-service-uri": "postgres://u:p@10.0.0.1:5432/defaultdb", "method": "dump"}'
VECTORS = [
    ("GET", "/v2/dbaas-service", b"", "", "ppMJcwrrxIPeKqSIWo5iEmbu++OIwVEhUNB8MZEO1dQ="),
    (
        "POST",
        "/v2/dbaas-task-migration-check/my-pg",
        CHECK_BODY,
        "",
        "UPv8DqnfvES3ooGCMBfeumnlBF7eqbVyTU7XEl53oLw=",
    ),
    (
        "GET",
        "/v2/resource/a02baf5a-a3e4-49a0-857b-8a08d276c1c0?p1=v1&p2=v+2%2F%C3%A9",
        b"",
        "signed-query-args=p1;p2,",
        "iePzoCmKU5xgPgaZOzE4G6HMck+AV5yicUZ8HQRhaBI=",
    ),
    (
        "GET",
        "/v2/dbaas-migration-status/my%20db%2Fx",
        b"",
        "",
        "7zgIWibCKXBumKK7PvjBhtJhRBGmKSdhmCWGbIxU9uo=",
    ),
    (
        "GET",
        "/v2/resource?a=1&b=2&b=3&c=",
        b"",
        "signed-query-args=a;b,",
        "97HcRo9FdkUMrEUoLXLjE6rY73WJVKHGTGm9AxY1pvc=",
    ),
    (
        "PUT",
        "/v2/dbaas-mysql/my-db",
        b'{"name": "\\u00e9"}',
        "",
        "iyeEhLkA9nWR6sDE2p3VmDHK8uy5dmKk9D/NhiMlY6c=",
    ),
]


@pytest.mark.parametrize(("method", "target", "body", "signed", "signature"), VECTORS)
def test_vectors(method: str, target: str, body: bytes, signed: str, signature: str) -> None:
    """The header is byte for byte what Exoscale's client sends."""
    header = authorization(KEY, SECRET, method=method, target=target, body=body, expires=EXPIRES)
    assert header == f"EXO2-HMAC-SHA256 credential={KEY},{signed}expires={EXPIRES},signature={signature}"


def test_signatures_expire_in_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an expiry given, a signature holds for 600 seconds from now."""
    monkeypatch.setattr("time.time", lambda: 1000.9)
    assert ",expires=1600," in authorization(KEY, SECRET, method="GET", target="/v2/dbaas-service")
