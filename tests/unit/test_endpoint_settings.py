"""A connection becomes the settings of an external endpoint; no secret stands in a DAG or a text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas import credentials
from airflow_dbaas.api.parameters import ENDPOINT_TYPES
from airflow_dbaas.api.redaction import revealed
from airflow_dbaas.endpoint_settings import FROM_CONNECTION, endpoint_settings

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
            "opensearch",
            {"host": "2001:db8::7", "port": 9200},
            {"index-prefix": "db"},
            {"url": "https://[2001:db8::7]:9200", "index_prefix": "db"},
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
        (
            "rsyslog",
            {"extra": {"secret_key": "KEY", "key": "old", "secret_logline": "TOKEN %msg%", "secret_sd": "TOKEN"}},
            {},
            {"key": "KEY", "logline": "TOKEN %msg%", "sd": "TOKEN"},
        ),
        ("rsyslog", {}, {"server": "siem"}, {"server": "siem"}),
    ],
)
def test_each_type_takes_its_part_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, kind: str, fields: dict[str, Any], given: Any, expected: dict[str, Any]
) -> None:
    """What the settings name counts; names may be in kebab case; what neither has is left out."""
    connection(monkeypatch, **fields)
    assert revealed(endpoint_settings(kind, given, "secrets")) == expected


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
    url = endpoint_settings("opensearch", None, "secrets")["url"].reveal()
    assert {SECRET, "PRIVATE KEY", "a token", url, "c%40nary%2Fpass%20w%C3%B6rd"} <= masked
    assert "public" not in masked
