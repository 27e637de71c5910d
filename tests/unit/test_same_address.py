"""Two hosts with their ports are one address, or not."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from airflow_dbaas.migration.login import same_address

NAMES = {
    "db.example.com": ["192.0.2.7", "2001:db8::7"],
    "alias.example.com": ["192.0.2.7"],
    "six.example.com": ["2001:0db8:0:0::7"],
    "other.example.com": ["192.0.2.8"],
}


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of this test only; any other name, and every address, is what it is."""

    def resolve(host: str, port: Any, **_: Any) -> list[Any]:
        if host not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(None, None, None, "", (address, 0)) for address in NAMES[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("db.example.com", "DB.Example.com.", True),
        ("db.example.com", "192.0.2.7", True),
        ("db.example.com", "alias.example.com", True),
        ("db.example.com", "six.example.com", True),
        ("db.example.com", "::ffff:192.0.2.7", True),
        ("2001:db8::7", "[2001:DB8:0::7]", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("hidden.internal", "hidden.internal.", True),
        ("db.example.com", "other.example.com", False),
        ("hidden.internal", "hidden2.internal", False),
        ("alias.example.com", "six.example.com", False),
        ("a" * 70, "b" * 70, False),
    ],
)
def test_hosts(one: str, other: str, same: bool) -> None:
    """However they are written, and whichever of their addresses they have in common."""
    assert same_address((one, 5432), (other, 5432)) is same
    assert same_address((other, 5432), (one, 5432)) is same
    assert not same_address((one, 5432), (other, 5433))
