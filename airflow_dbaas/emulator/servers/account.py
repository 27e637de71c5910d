"""The account servers run as: they refuse root, so root lends them an unprivileged one."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

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

        ``tempfile.mkdtemp`` closes its folders to every other account. Only those are opened: other closed folders
        above ``folder`` were closed on purpose.
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
        f"Database servers do not run as root and none of the accounts {', '.join(_CANDIDATES)} exists here; "
        "run the emulator as an ordinary user"
    )
