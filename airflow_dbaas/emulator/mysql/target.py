"""The service that databases of a MySQL source are moved into."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.mysql.endpoint import MysqlEndpoint


@dataclass(frozen=True)
class MysqlTarget:
    """A running MariaDB server, its two logins, its programs and its disk."""

    admin: MysqlEndpoint
    superuser: MysqlEndpoint
    binaries: MysqlBinaries
    disk: int
    """Disk of the service's plan, in bytes."""
