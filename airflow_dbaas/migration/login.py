"""How to log in to a database server, at either end of a migration."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.api.addresses import bracketed
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.migration.engines import Engine


def address(host: str, port: int | str) -> str:
    """``host:port`` as in a URI."""
    return f"{bracketed(host.lower())}:{port}"


def same_address(one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether two hosts, each with its port, have the same address: by name, or by the addresses that the names resolve
    to here.

    :param one: name or address, and port.
    :param other: as above.
    """
    return one[1] == other[1] and bool(_spellings(one[0]) & _spellings(other[0]))


def _spellings(host: str) -> set[str]:
    """The normalized name of a host, and its addresses as far as they are known here."""
    name = host.strip().strip("[]").rstrip(".").lower()
    found = {_plain(name)}
    # It fails for a name that only the service's network knows.
    with contextlib.suppress(OSError, UnicodeError):
        found |= {_plain(str(answer[4][0])) for answer in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    return found


def _plain(host: str) -> str:
    """An address in its shortest form, IPv4 within IPv6 as IPv4; a name unchanged."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


@dataclass(frozen=True, kw_only=True)
class DatabaseLogin:
    """A server with an account.

    :param engine: what kind of server it is.
    :param dbname: the database to open when no other is named; may be empty for MySQL.
    :param sslmode: the engine's word for how TLS is used.
    :param tls_files: paths on the worker (and what else there is to say on TLS) by libpq's names, e.g. ``sslrootcert``.
    """

    engine: Engine
    host: str
    port: int
    username: str
    password: Secret
    dbname: str
    sslmode: str
    tls_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """``host:port``, which identifies a server."""
        return address(self.host, self.port)

    def parameters(self, dbname: str | None = None) -> dict[str, Any]:
        """What connecting takes, by libpq's names; the password as a ``Secret``.

        :param dbname: another database than ``self.dbname``.
        """
        return {
            "host": self.host,
            "port": self.port,
            "user": self.username,
            "password": self.password,
            "dbname": dbname or self.dbname,
            "sslmode": self.sslmode,
            **self.tls_files,
        }
