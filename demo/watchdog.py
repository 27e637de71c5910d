"""Ends the child processes of a process that was killed.

A separate script with only the standard library: ``python watchdog.py NAME=VALUE [FOLDER]``. Its standard input is a
pipe whose other end that process holds. When the pipe closes, all processes with the variable in their environment are
ended and the folder is removed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 10.0
#: Between two scans; processes that are being started appear by then.
LOOK_S = 0.2
_PR_SET_PDEATHSIG = 1


def start(mark: str, folder: Path | None = None) -> "subprocess.Popen[bytes]":
    """Start a watchdog for this process; it ends once its standard input is closed.

    :param mark: ``NAME=VALUE`` in the environment of the child processes; a longer value also matches.
    :param folder: folder that also identifies the processes, and is removed at the end.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, mark, *([str(folder)] if folder else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        # No Ctrl-C reaches it.
        start_new_session=True,
    )


def stop(watchdog: "subprocess.Popen[bytes]") -> None:
    """Let it scan once more, and wait until it has ended."""
    assert watchdog.stdin is not None  # noqa: S101 - it is a pipe
    watchdog.stdin.close()
    watchdog.wait(3 * GRACE_S)


def tie_to_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when the thread that started it has ended (Linux).

    :param number: the signal.
    """
    import ctypes

    parent = os.getppid()
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)


def processes_of(mark: str, folder: Path | None = None) -> list[int]:
    """Ids of the processes, other than this one, that have the mark in their environment.

    PostgreSQL and Airflow's workers overwrite their environment with a title, so these are identified by title and
    working directory. A user's shell in the folder has neither.

    :param mark: the start of an entry of the environment.
    :param folder: where those with a title are.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes().split(b"\0")
            if any(variable.startswith(os.fsencode(mark)) for variable in environment):
                found.append(int(entry.name))
                continue
            command = (entry / "cmdline").read_bytes().split(b"\0")[0]
            titled = command.startswith((b"postgres:", b"airflow ")) or command.endswith(b"/postgres")
            if folder and titled and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
    return found


def sweep(mark: str, folder: Path | None = None) -> None:
    """End what is left of these processes, then remove the folder."""
    start = time.monotonic()
    while (left := processes_of(mark, folder)) and time.monotonic() < start + GRACE_S:
        # To PostgreSQL an interrupt is a fast shutdown, which gives its shared memory back.
        number = signal.SIGINT if time.monotonic() < start + GRACE_S / 3 else signal.SIGKILL
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        time.sleep(LOOK_S)
    for _ in range(20 if folder else 0):
        shutil.rmtree(str(folder), ignore_errors=True)
        if not os.path.lexists(str(folder)):
            break
        time.sleep(LOOK_S)


def main() -> None:
    """Wait for the end of standard input, then end what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    mark, folder = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None
    while os.read(0, 4096):
        pass
    if folder is None or folder.exists():
        sweep(mark, folder)
        # Processes that had no environment yet at the first scan.
        time.sleep(LOOK_S)
        sweep(mark, folder)


if __name__ == "__main__":
    main()
