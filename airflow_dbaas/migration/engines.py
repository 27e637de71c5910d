"""The kinds of database that can be migrated, and all in which they differ before anything connects to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.accounts import MysqlAccounts, PgAccounts
    from airflow_dbaas.api.operation import UnboundOperation
    from airflow_dbaas.api.operations import Operation


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One kind of database.

    :param name: for people.
    :param service_type: its name in the API.
    :param conn_types: the types of Airflow connections to it; the first is the usual one.
    :param scheme: of its URIs, and of OpenLineage's namespaces.
    :param port: where it listens if the connection does not say.
    :param dbname: the database to open if the connection names none; may be empty.
    :param password_bytes: maximum length of a source's password that the service accepts; None: no special limit.
    :param tls_modes: its words for how TLS is used; the first is for not at all, ``tls_demanded`` for by all means.
    :param tls_extra: where the extra of an Airflow connection has that word.
    :param tls_object: where that extra has the files for TLS, as an object; empty if they are directly in it.
    :param tls_files: what these files (for PostgreSQL, all that libpq takes on TLS) are called there, and by libpq.
    :param tls_option: where URIs and the API have it.
    """

    name: str
    service_type: Literal["pg", "mysql"]
    conn_types: tuple[str, ...]
    scheme: str
    port: int
    dbname: str
    password_bytes: int | None
    tls_modes: tuple[str, ...]
    tls_demanded: str
    tls_extra: str
    tls_object: str
    tls_files: dict[str, str]
    tls_option: str

    def services(self, client: Client) -> Any:
        """The client's calls on services of this kind."""
        return client.services.of_type(self.service_type)

    def accounts(self, client: Client) -> PgAccounts[Client] | MysqlAccounts[Client]:
        """The client's calls on databases and users of such services."""
        return client.accounts.pg if self.service_type == "pg" else client.accounts.mysql

    @property
    def stop_migration(self) -> UnboundOperation[[str], Operation]:
        """The operation that stops the migration into a service of this kind."""
        from airflow_dbaas.api.migrations import Migrations

        return Migrations.stop_pg if self.service_type == "pg" else Migrations.stop_mysql


POSTGRES = Engine(
    name="PostgreSQL",
    service_type="pg",
    conn_types=("postgres", "postgresql"),
    scheme="postgres",
    port=5432,
    dbname="postgres",
    password_bytes=None,
    tls_modes=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    tls_demanded="require",
    tls_extra="sslmode",
    tls_object="",
    tls_files={
        name: name
        for name in (
            *("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"),
            *("ssl_min_protocol_version", "ssl_max_protocol_version", "sslnegotiation", "sslcompression"),
        )
    },
    tls_option="sslmode",
)

MYSQL = Engine(
    name="MySQL",
    service_type="mysql",
    conn_types=("mysql",),
    scheme="mysql",
    port=3306,
    dbname="",
    # The limit of the command that starts a replication.
    password_bytes=32,
    tls_modes=("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"),
    tls_demanded="REQUIRED",
    tls_extra="ssl_mode",
    tls_object="ssl",
    tls_files={"ca": "sslrootcert", "cert": "sslcert", "key": "sslkey"},
    tls_option="ssl-mode",
)

ENGINES = (POSTGRES, MYSQL)
