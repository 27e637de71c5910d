"""How to log in to a database server, at either end of a migration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.api.addresses import bracketed
from airflow_dbaas.api.redaction import Secret
from airflow_dbaas.engines import Engine


def address(host: str, port: int | str) -> str:
    """``host:port`` as it stands in a URI."""
    return f"{bracketed(host.lower())}:{port}"


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
        """``host:port``: what tells one server from another."""
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
