"""A connection becomes the settings of an external endpoint; no secret stands in a DAG or a text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas import credentials
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.desired import ENDPOINT_TYPES
from airflow_dbaas.endpoint_settings import FROM_CONNECTION, endpoint_settings
from airflow_dbaas.operators._endpoints.settings import creation
from airflow_dbaas.operators.endpoints import DbaasCreateExternalEndpointOperator, DbaasUpdateExternalEndpointOperator

SECRET = "c@nary/pass wörd"


def connection(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SECRETS", json.dumps({"conn_type": "generic", **fields}))


@pytest.mark.parametrize(
    ("kind", "fields", "given", "expected"),
    [
        (
            "datadog",
            {"password": "abc123"},
            {"site": "datadoghq.eu"},
            {"datadog_api_key": "abc123", "site": "datadoghq.eu"},
        ),
        (
            "prometheus",
            {"login": "scraper", "password": SECRET},
            None,
            {"basic_auth_username": "scraper", "basic_auth_password": SECRET},
        ),
        (
            "opensearch",
            {"host": "logs.example.com", "port": 9200, "login": "us:er", "password": SECRET},
            {"index-prefix": "db"},
            {"url": "https://us%3Aer:c%40nary%2Fpass%20w%C3%B6rd@logs.example.com:9200", "index_prefix": "db"},
        ),
        (
            "elasticsearch",
            {"schema": "http", "host": "logs.example.com", "extra": {"ca": "PEM"}},
            None,
            {"url": "http://logs.example.com", "ca": "PEM"},
        ),
        (
            "elasticsearch",
            {"host": "http://logs.example.com/path", "port": 9200, "login": "u"},
            None,
            {"url": "http://u@logs.example.com:9200/path"},
        ),
        (
            "elasticsearch",
            {"host": "ignored"},
            {"url": "https://given.example.com"},
            {"url": "https://given.example.com"},
        ),
        (
            "rsyslog",
            {"host": "siem.example.com", "port": 6514, "extra": {"ca": "CA", "cert": "CERT", "key": "KEY"}},
            {"tls": True, "port": 514},
            {"server": "siem.example.com", "port": 514, "tls": True, "ca": "CA", "cert": "CERT", "key": "KEY"},
        ),
        (
            "rsyslog",
            {"extra": {"logline": "TOKEN %msg%", "sd": "TOKEN"}},
            {},
            {"logline": "TOKEN %msg%", "sd": "TOKEN"},
        ),
        ("rsyslog", {}, {"server": "siem"}, {"server": "siem"}),
    ],
)
def test_each_type_takes_its_part_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, kind: str, fields: dict[str, Any], given: Any, expected: dict[str, Any]
) -> None:
    """What the settings name counts; names may be in kebab case; what neither has is left out."""
    connection(monkeypatch, **fields)
    assert endpoint_settings(kind, given, "secrets") == expected


def test_every_type_is_in_the_table() -> None:
    """None is forgotten."""
    assert set(FROM_CONNECTION) == set(ENDPOINT_TYPES)


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that Airflow does not know as such: a key in the extra, a URL with a login."""
    masked: set[str] = set()
    monkeypatch.setattr(credentials, "mask_secret", masked.add)
    connection(
        monkeypatch,
        host="siem",
        login="user",
        password=SECRET,
        extra={"key": "PRIVATE KEY", "sd": "a token", "ca": "public"},
    )
    endpoint_settings("rsyslog", None, "secrets")
    url = endpoint_settings("opensearch", None, "secrets")["url"]
    assert {SECRET, "PRIVATE KEY", "a token", url, "c%40nary%2Fpass%20w%C3%B6rd"} <= masked
    assert "public" not in masked


@pytest.mark.parametrize("kind", [DbaasCreateExternalEndpointOperator, DbaasUpdateExternalEndpointOperator])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"datadog_api_key": SECRET},
            "settings: datadog_api_key must not be given here, it holds a secret; it belongs ",
        ),
        ({"datadog-api-key": SECRET}, "into the password of the connection secrets_conn_id"),
        ({"basic_auth_password": SECRET}, "into the password of the connection secrets_conn_id"),
        ({"sd": SECRET}, "into the extra, as 'sd', of the connection secrets_conn_id"),
        ({"logline": SECRET}, "into the extra, as 'logline', of the connection secrets_conn_id"),
        ({"key": SECRET}, "into the extra, as 'key', of the connection secrets_conn_id"),
        (
            {"url": f"https://u:{SECRET}@h"},
            "into login and password (host, port and schema beside them) of the connection",
        ),
        ({"password": SECRET}, "into a field of the connection secrets_conn_id"),
        (SECRET, "settings must be a mapping of properties, got str"),
    ],
)
def test_secrets_in_the_settings_are_refused(kind: Any, settings: Any, message: str) -> None:
    """The DAG does not parse; the error says where the secret belongs, and does not repeat it."""
    with pytest.raises(DbaasConfigurationError) as caught:
        kind(task_id="t", endpoint_name="e", endpoint_type="datadog", settings=settings)
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "fields", "given", "message"),
    [
        ("datadog", {"password": "not one"}, {"site": "datadoghq.eu"}, "settings.datadog-api-key: String should match"),
        ("datadog", {}, {"site": "datadoghq.eu"}, "settings.datadog-api-key: Field required"),
        ("datadog", {"password": "abc"}, {"site": "moon"}, "settings.site: Input should be 'ap1.datadoghq.com', "),
        ("prometheus", {"login": "x", "password": SECRET}, {}, "should have at least 5 characters, got 'x'"),
        (
            "prometheus",
            {"login": "scraper", "password": "short"},
            {},
            "basic-auth-password: String should have at least 8",
        ),
        ("rsyslog", {"host": "siem", "port": 99999}, {"tls": True, "format": "rfc5424"}, "less than or equal to 65535"),
        ("opensearch", {"host": "h", "login": "u", "password": SECRET * 130}, {"index_prefix": "db"}, "most 2048 char"),
    ],
)
def test_settings_out_of_limits(
    monkeypatch: pytest.MonkeyPatch, kind: str, fields: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    """The call is not even made; the error names property and limit, and a value only if it is no secret."""
    connection(monkeypatch, **fields)
    with pytest.raises(DbaasConfigurationError) as caught:
        creation(kind, "e", endpoint_settings(kind, given, "secrets"))
    assert message in str(caught.value)
    for form in (fields.get("password") or SECRET, "c%40nary"):
        assert form not in str(caught.value)


def test_connections_that_are_missing() -> None:
    """One that is not defined, and none where one is needed."""
    with pytest.raises(DbaasConfigurationError, match="secrets_conn_id: there is no Airflow connection 'nowhere'"):
        endpoint_settings("rsyslog", {}, "nowhere")
    with pytest.raises(DbaasConfigurationError, match="secrets_conn_id is needed for a datadog endpoint"):
        endpoint_settings("datadog", {"site": "datadoghq.eu"}, "")
