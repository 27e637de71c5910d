"""One real MariaDB server on the loopback interface."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import ssl
import threading
from pathlib import Path
from typing import Any

import pymysql

from airflow_dbaas.emulator.certificates import Identity
from airflow_dbaas.emulator.mysql.binaries import MysqlBinaries
from airflow_dbaas.emulator.servers.server import NO_HOME, Server, ServerError

_SETTINGS = {
    # No socket file: its path would often be too long, and every login should need a password.
    "socket": "",
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "ON",
    "character-set-server": "utf8mb4",
    "max-connections": "100",
    # Settings that replication needs.
    "log-bin": "binlog",
    "binlog-format": "ROW",
    "gtid-strict-mode": "ON",
    "log-slave-updates": "ON",
    # Otherwise, only superusers could create functions or triggers, which a dump does.
    "log-bin-trust-function-creators": "ON",
    # A row of a dump in hexadecimal is twice as long as the original.
    "max-allowed-packet": "1G",
    # A replica is started explicitly, after its filter is set.
    "skip-slave-start": "ON",
    # Many containers may not lock the memory that the kernel's own way of asynchronous access needs.
    "innodb-use-native-aio": "OFF",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "16M",
    "default-time-zone": "+00:00",
}
# For data that lives no longer than the emulator: surviving a crash is worth nothing then.
_HASTY = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-flush-method": "nosync",
    "innodb-doublewrite": "OFF",
    "sync-binlog": "0",
}
_making = threading.Lock()

# One statement a line. Nothing of it goes to replicas. The accounts that an installation begins with have no password.
_FIRST_STATEMENTS = """\
SET sql_log_bin = 0;
DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';
DELETE FROM mysql.proxies_priv;
FLUSH PRIVILEGES;
CREATE USER {user} IDENTIFIED BY {password};
GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION;
"""


class MysqlServer(Server):
    """A MariaDB server that logs changes by row and has its own domain of global transaction ids.

    ``durable``: whether commits survive a crash.
    """

    title = "MariaDB"
    stops = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
    no_port = b"Can't start server: Bind on TCP/IP port"

    def __init__(
        self,
        binaries: MysqlBinaries,
        directory: Path,
        superuser: str,
        password: str,
        settings: dict[str, str] | None = None,
        identity: Identity | None = None,
        port: int | None = None,
        *,
        durable: bool = False,
    ) -> None:
        if len(str(directory).split()) != 1:
            raise ServerError(f"mariadb-install-db cannot handle the spaces in {directory}: choose another directory")
        super().__init__(directory, superuser, password, identity, port)
        self.binaries = binaries
        number = str(1 + secrets.randbelow(2**32 - 1))
        self._settings = (
            _SETTINGS | ({} if durable else _HASTY) | {"server-id": number, "gtid-domain-id": number} | (settings or {})
        )

    @property
    def tls(self) -> bool:
        """Whether clients have to connect by TLS; otherwise none can."""
        return self._identity is not None

    @property
    def pid_file(self) -> Path:
        """Where the server notes its process id."""
        return self.directory / "server.pid"

    def login(self, database: str | None = None) -> dict[str, Any]:
        """Arguments of ``pymysql.connect`` for the superuser, password included."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.superuser,
            # The driver would encode text as Latin-1.
            "password": self._password.encode(),
            "database": database,
            "charset": "utf8mb4",
            "autocommit": True,
            "ssl": _unverified() if self.tls else None,
        }

    def initialised(self) -> bool:
        """Whether there is a data directory whose superuser has a password."""
        return self._options.exists() and not self._first.exists()

    def initialise(self) -> None:
        """Create the data directory, and note the tasks of its first start."""
        temporary = self.directory / "tmp"
        temporary.mkdir(exist_ok=True)
        if self._account is not None:
            self._account.take(temporary, 0o700)
        settings = self._settings | {
            "datadir": str(self.data),
            "tmpdir": str(temporary),
            "pid-file": str(self.pid_file),
        }
        if self._identity is not None:
            certificate, key = self.write_identity(self._identity)
            settings |= {"ssl-cert": str(certificate), "ssl-key": str(key), "require-secure-transport": "ON"}
        # Remains of an interrupted attempt.
        shutil.rmtree(self.data, ignore_errors=True)
        self.run_tool(["cp", "-a", str(self._pristine(temporary)), str(self.data)])
        statements = _FIRST_STATEMENTS.format(user=f"{_literal(self.superuser)}@'%'", password=_literal(self._password))
        self.write_private("first.sql", statements)
        lines = [f'{name} = "{_escaped(value)}"\n' for name, value in settings.items()]
        self.write_private("my.cnf", "[mysqld]\n" + "".join(lines))

    def command(self) -> list[str]:
        """The command that runs the server; it reads no other file of settings than its own."""
        first = [f"--init-file={self._first}"] if self._first.exists() else []
        return [self.binaries.server, f"--defaults-file={self._options}", f"--port={self.port}", *first]

    def answers(self) -> bool:
        """Whether the superuser can log in now."""
        try:
            pymysql.connect(**self.login(), connect_timeout=5).close()
        except pymysql.err.OperationalError:
            return False
        # The server has done it before it lets anybody in.
        self._first.unlink(missing_ok=True)
        return True

    def environment(self) -> dict[str, str]:
        """As ``environment``, below."""
        return environment()

    def _pristine(self, temporary: Path) -> Path:
        """A template of a data directory, created once for all servers, because creating it takes longer than a
        start."""
        pristine = self.directory.parent / f"mariadb-{self.binaries.version}"
        with _making:
            if not pristine.exists():
                # Created elsewhere and renamed, so that an incomplete one is never used.
                aside = self.directory / "aside"
                shutil.rmtree(aside, ignore_errors=True)
                self.run_tool(
                    [
                        self.binaries.tool("mariadb-install-db"),
                        "--no-defaults",
                        f"--datadir={aside}",
                        f"--tmpdir={temporary}",
                        "--auth-root-authentication-method=normal",
                        "--skip-test-db",
                        "--skip-name-resolve",
                        *(
                            f"--{name}={value}"
                            for name, value in (_SETTINGS | _HASTY).items()
                            if name.startswith("innodb-")
                        ),
                    ]
                )
                aside.rename(pristine)
        return pristine

    @property
    def _options(self) -> Path:
        return self.directory / "my.cnf"

    @property
    def _first(self) -> Path:
        return self.directory / "first.sql"


def environment() -> dict[str, str]:
    """Environment for MariaDB's programs: none of the caller's settings and files, English messages, times in UTC."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MYSQL", "MARIADB"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC", "HOME": NO_HOME}


def _unverified() -> ssl.SSLContext:
    """TLS is not verified for our own server: only we have its password."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")
