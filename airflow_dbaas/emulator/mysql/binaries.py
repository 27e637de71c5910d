"""Where MariaDB's programs are: those of the system, for no wheel has them."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")
"""Searched besides ``PATH``, which of an ordinary user names no folders of servers."""
ABSENT = (
    "no MySQL server is installed here: install Debian's or Ubuntu's package mariadb-server, or MariaDB 10.5 or newer "
    "from elsewhere, with mariadbd, mariadb-install-db, mariadb and mariadb-dump in PATH, and start the emulator "
    "again (Oracle's mysqld is not supported)"
)

# MariaDB installs its server under the old name as well; Oracle's has that name too.
_SERVERS = ("mariadbd", "mysqld")
_TOOLS = ("mariadb-install-db", "mariadb", "mariadb-dump")


@dataclass(frozen=True)
class MysqlBinaries:
    """One installation of MariaDB: server and tools."""

    version: str
    """Full version as reported to clients, for example ``10.11.19-MariaDB``."""
    server: str
    """Path of the server program."""
    tools: dict[str, str]
    """Paths of the other programs by name."""

    @property
    def series(self) -> str:
        """The version without the patch level, for example ``10.11``."""
        return self.version.rpartition(".")[0]

    def tool(self, name: str) -> str:
        """Path of one program: ``mariadb-install-db``, ``mariadb`` or ``mariadb-dump``."""
        return self.tools[name]


@functools.cache
def installed() -> MysqlBinaries | None:
    """The installation; None if there is none, or one of its programs is missing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
    tools = {name: found for name in _TOOLS if (found := shutil.which(name, path=path)) is not None}
    if len(tools) < len(_TOOLS):
        return None
    for name in _SERVERS:
        server = shutil.which(name, path=path)
        version = None if server is None else _version(server)
        if server is not None and version is not None:
            return MysqlBinaries(version=version, server=str(Path(server).resolve()), tools=tools)
    return None


def _version(server: str) -> str | None:
    """Version that the server program itself reports; None if it does not run here or is not MariaDB."""
    try:
        said = subprocess.run(
            [server, "--no-defaults", "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bVer (\d+\.\d+\.\d+-MariaDB)", said)
    return match.group(1) if match else None
