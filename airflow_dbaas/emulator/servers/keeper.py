"""Runs one database server and stops it when its parent has ended.

A separate script (``python keeper.py UID GID LOG STOPS CLAIM postgres …``), standard library only. STOPS are the
signals that end the server, the mildest first, each with the seconds until the next: ``SIGINT:20,SIGKILL:5``; the
kernel sends the second one if the keeper itself is killed. CLAIM is the descriptor of a locked file: the lock is held
until keeper and server, with all its processes, have ended. Its standard input is a pipe whose other end the emulator
holds: the end of that pipe means "stop", whether the emulator closed it or was killed. That works from any thread and
on any Unix, which asking the kernel to signal children of a dead parent does not: on Linux that follows the *thread*
that started the child.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the server named on the command line until it ends or standard input does."""
    uid, gid, log = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    pairs = [pair.split(":") for pair in sys.argv[4].split(",")]
    stops = [(signal.Signals[name], float(seconds)) for name, seconds in pairs]
    last_resort = stops[1][0]
    claim = int(sys.argv[5])
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    keeper = os.getpid()

    def tie_to_keeper() -> None:
        # Should the keeper itself be killed, the kernel stops the server (Linux). This process has one
        # thread and has switched its user already, so the signal is neither lost nor sent early.
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, last_resort)
            if os.getppid() != keeper:
                os._exit(1)

    # Also for the server: only its account may read its files.
    os.umask(0o077)
    # Created by the server's own account, appended to by every start.
    with open(log, "ab") as output:  # noqa: PTH123  (imports cost start-up time here)
        server = subprocess.Popen(
            sys.argv[6:],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            pass_fds=(claim,),
            preexec_fn=tie_to_keeper,  # noqa: PLW1509  (one thread)
        )
    while server.poll() is None:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        if 0 in ready and not os.read(0, 4096):
            _stop(server, stops)
            break
    return server.wait()


def _stop(server: "subprocess.Popen[bytes]", stops: "list[tuple[signal.Signals, float]]") -> None:
    for number, patience in stops:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if server.poll() is not None:
                return
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
