"""One real PostgreSQL server on the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from airflow_dbaas.emulator.certificates import Identity
from airflow_dbaas.emulator.postgres import tls
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.reachable import reachable
from airflow_dbaas.emulator.postgres.serverlog import LINE_PREFIX
from airflow_dbaas.emulator.servers.server import NO_HOME, Server

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "wal_level": "logical",
    "max_connections": "100",
    "max_replication_slots": "32",
    "max_wal_senders": "32",
    "max_worker_processes": "48",
    "max_logical_replication_workers": "32",
    # A failed replication worker retries after this time; with the default of five seconds, every short failure of a
    # local source would look like an outage.
    "wal_retrieve_retry_interval": "500ms",
    # How often a target reports its position to the source; the stop of a replication waits for that.
    "wal_receiver_status_interval": "1s",
    "max_wal_size": "2GB",
    "log_line_prefix": LINE_PREFIX,
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# For data that lives no longer than the emulator: surviving a crash is worth nothing then.
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer(Server):
    """A PostgreSQL server; with an ``identity`` its binaries have to be able to do TLS.

    ``durable``: whether commits survive a crash.
    """

    title = "PostgreSQL"
    stops = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
    no_port = b"could not bind"

    def __init__(
        self,
        binaries: PostgresBinaries,
        directory: Path,
        superuser: str,
        password: str,
        settings: dict[str, str] | None = None,
        identity: Identity | None = None,
        port: int | None = None,
        *,
        durable: bool = False,
    ) -> None:
        super().__init__(directory, superuser, password, identity, port)
        self._settings = _SETTINGS | ({} if durable else _HASTY) | (settings or {})
        self.binaries = reachable(binaries, self._account, directory.parent)

    @property
    def sslmode(self) -> str:
        """Libpq's word for how clients have to connect."""
        return "require" if self._identity else "disable"

    @property
    def pid_file(self) -> Path:
        """Where the server notes its process id."""
        return self.data / "postmaster.pid"

    def conninfo(self, dbname: str = "postgres") -> str:
        """Connection string (libpq) of the superuser, password included: never for a command line."""
        return make_conninfo(
            host=self.host,
            port=self.port,
            user=self.superuser,
            password=self._password,
            dbname=dbname,
            sslmode=self.sslmode,
        )

    def initialised(self) -> bool:
        """Whether there is a data directory."""
        return (self.data / "PG_VERSION").exists()

    def initialise(self) -> None:
        """Create the data directory, replacing remains of an interrupted attempt."""
        shutil.rmtree(self.data, ignore_errors=True)
        password_file = self.write_private("password", self._password)
        try:
            self.run_tool(
                [
                    self.binaries.tool("initdb"),
                    f"--pgdata={self.data}",
                    f"--username={self.superuser}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "--no-instructions",
                ]
            )
        finally:
            password_file.unlink()
        settings = dict(self._settings)
        if self._identity is not None:
            settings |= tls.demand(*self.write_identity(self._identity), self.data)
        with (self.data / "postgresql.conf").open("a") as configuration:
            for name, value in settings.items():
                quoted = value.replace("'", "''")
                configuration.write(f"{name} = '{quoted}'\n")

    def command(self) -> list[str]:
        """The command that runs the server."""
        return [self.binaries.tool("postgres"), "-D", str(self.data), "-p", str(self.port)]

    def answers(self) -> bool:
        """Whether the superuser can log in now."""
        try:
            psycopg.connect(self.conninfo(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def environment(self) -> dict[str, str]:
        """As ``environment``, below."""
        return environment()


def environment() -> dict[str, str]:
    """Environment for PostgreSQL's programs: none of the caller's PG* settings and files, messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "HOME": NO_HOME}
