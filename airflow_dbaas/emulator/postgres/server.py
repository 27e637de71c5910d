"""One real PostgreSQL server on the loopback interface."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from airflow_dbaas.emulator.certificates import Identity
from airflow_dbaas.emulator.postgres import keeper, tls
from airflow_dbaas.emulator.postgres.account import reachable, unprivileged
from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.postgres.serverlog import LINE_PREFIX

NO_HOME = "/nonexistent"
"""A home without certificates or passwords. Those of the caller are nobody else's, and an account that may not look
whether there are any cannot connect by TLS."""

_START_SECONDS = 60.0
_STOP_SECONDS = 40.0
_PORT_ATTEMPTS = 5

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
    # A replication worker that failed tries again after this long; the default of five seconds makes
    # every hiccup of a local source look like an outage.
    "wal_retrieve_retry_interval": "500ms",
    # How often a target tells its source how far it has come; stopping a replication waits for that.
    "wal_receiver_status_interval": "1s",
    # The data lives no longer than the emulator, so surviving a crash of the machine is worth nothing.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
    "log_line_prefix": LINE_PREFIX,
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class ServerError(RuntimeError):
    """A server could not be made or started; the text says why."""


class PostgresServer:
    """A PostgreSQL server with its own data, reached by password over TCP on 127.0.0.1 only.

    With an ``identity`` over TLS only; the binaries have to be able to.

    Blocking. ``start`` after ``stop`` brings the same server back with its data on the same port.
    The data stays in ``directory`` until the caller removes it.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        binaries: PostgresBinaries,
        directory: Path,
        superuser: str,
        password: str,
        settings: dict[str, str] | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.directory = directory
        self.superuser = superuser
        self._password = password
        self._settings = _SETTINGS | (settings or {})
        self._identity = identity
        self._account = unprivileged()
        directory.mkdir(parents=True, exist_ok=True)
        if self._account is not None:
            self._account.open_temporary_folder(directory.parent)
            self._account.take(directory, 0o700)
            if not self._account.can_enter(directory):
                raise ServerError(
                    f"PostgreSQL runs as an unprivileged account here and that cannot enter {directory.parent}: "
                    "choose another directory"
                )
        self.binaries = reachable(binaries, self._account, directory.parent)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """TCP port; known once the server was started."""
        if self._port is None:
            raise ServerError("the server was never started")
        return self._port

    @property
    def sslmode(self) -> str:
        """Libpq's word for how clients have to connect."""
        return "require" if self._identity else "disable"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    def pid(self) -> int | None:
        """Process id of the running server's first process; None while there is none."""
        if not self.running:
            return None
        try:
            return int((self.data / "postmaster.pid").read_text().partition("\n")[0])
        except (OSError, ValueError):
            # Not written yet, or just removed.
            return None

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.directory / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._keeper is not None and self._keeper.poll() is None

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

    def start(self) -> None:
        """Make the data directory if there is none, start the server and wait until it answers."""
        if self.running:
            return
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        for attempt in range(_PORT_ATTEMPTS):
            if attempt or self._port is None:
                self._port = _free_port()
            if self._launch():
                return
        raise ServerError(f"PostgreSQL found no free port: {self._last_words()}")

    def stop(self) -> None:
        """Stop the server: at once for its clients, cleanly for its data."""
        keeper_process, self._keeper = self._keeper, None
        if keeper_process is None:
            return
        if keeper_process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                keeper_process.stdin.close()
        try:
            keeper_process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            keeper_process.kill()
            keeper_process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _initialise(self) -> None:
        password_file = self.directory / "password"
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(self._password)
            if self._account is not None:
                self._account.take(password_file, 0o600)
            command = [
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
            made = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env=environment(),
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        finally:
            password_file.unlink()
        if made.returncode:
            raise ServerError(f"initdb failed: {made.stderr.strip()}")
        settings = dict(self._settings)
        if self._identity is not None:
            settings |= tls.demand(self._identity, self.directory, self.data, self._account)
        with (self.data / "postgresql.conf").open("a") as configuration:
            for name, value in settings.items():
                quoted = value.replace("'", "''")
                configuration.write(f"{name} = '{quoted}'\n")

    def _launch(self) -> bool:
        """Start the server; False if another program took the port meanwhile."""
        uid, gid = (self._account.uid, self._account.gid) if self._account else (os.getuid(), os.getgid())
        log_start = self.log.stat().st_size if self.log.exists() else 0
        self._keeper = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(Path(keeper.__file__)),
                str(uid),
                str(gid),
                str(self.log),
                self.binaries.tool("postgres"),
                "-D",
                str(self.data),
                "-p",
                str(self.port),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            cwd="/",
            # A Ctrl-C in the terminal is for the emulator, which then stops its servers in order.
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while self.running and time.monotonic() < deadline:
            try:
                psycopg.connect(self.conninfo(), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        started = self.running
        self.stop()
        if not started and b"could not bind" in self.log.read_bytes()[log_start:]:
            return False
        raise ServerError(f"PostgreSQL did not start: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return " | ".join(lines[-3:])


def environment() -> dict[str, str]:
    """Environment for PostgreSQL's programs: none of the caller's PG* settings and files, messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "HOME": NO_HOME}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
