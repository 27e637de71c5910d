"""The demo's temporary folder and everything that runs in it, started and ended in one place."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from demo import watchdog
from demo.pace import stretched

GRACE_S = 10.0


class DemoError(Exception):
    """The demo cannot continue; the message is for the user."""


class StoppedError(DemoError):
    """The demo is being cleaned up; waiting and starting stop here."""


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(folder: Path) -> dict[str, str]:
    """The environment without variables that could lead a child process elsewhere, and with the folder.

    Servers, tools and Airflow read environment variables; a demo must not find a real database, Airflow or cloud
    account through them.
    """
    foreign = ("PG", "AIRFLOW", "PYTHON", "EXOSCALE", "DBAAS", "VIRTUAL_ENV", "TMP", "TEMP")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }


class House:
    """One temporary folder, and the processes that live in it.

    Each process has its own session: a Ctrl-C at the terminal reaches only the demo, which then ends the others in
    order. If the demo is killed, its watchdog ends them. All work is done in threads other than the main one, so a
    signal never interrupts the start of a process before it is registered.
    """

    def __init__(self) -> None:
        # A random name that marks every process of this demo.
        self.folder = Path(tempfile.gettempdir()).resolve() / f"dbaas-demo-{secrets.token_hex(4)}"
        self.folder.mkdir(mode=0o700)
        # A server that was given up its root rights must reach its own directory below.
        self.folder.chmod(0o711)
        for name in ("tmp", "logs"):
            (self.folder / name).mkdir()
        (self.folder / "tmp").chmod(0o1777)
        self.environment = clean_environment(self.folder)
        self._mark = f"TMPDIR={self.folder}"
        self._watchdog = watchdog.start(self._mark, self.folder)
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def closing(self) -> bool:
        """Whether the clean-up has begun."""
        return self._closing.is_set()

    def log(self, name: str) -> Path:
        """Where the output of the process of that name goes."""
        return self.folder / "logs" / f"{name}.log"

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process that is ended with the house; its output goes to its log."""
        with self._lock, self.log(name).open("ab") as log:
            if self.closing:
                raise StoppedError(f"{name} is no longer started")
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self._processes.append((name, process))
        return process

    def kill(self, name: str, *, descendants: bool = True) -> None:
        """Kill a process without a warning; it may be started again.

        :param name: the process.
        :param descendants: also its child processes.
        """
        with self._lock:
            (process,) = (each for other, each in self._processes if other == name and each.poll() is None)
            self._processes = [entry for entry in self._processes if entry[1] is not process]
        if descendants:
            _signal_group(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()

    def run(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> None:
        """Run a process to its end; a failure shows the end of its output."""
        process = self.start(name, command, env)
        try:
            code = process.wait(stretched(timeout))
        except subprocess.TimeoutExpired as late:
            raise DemoError(f"{name} did not end within {late.timeout:.0f} s\n{self.tail(name)}") from None
        self.sleep(0)
        if code != 0:
            raise DemoError(f"{name} ended with exit code {code}\n{self.tail(name)}")

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have something done when the processes are ended; it may be called twice."""
        self._callbacks.append(callback)

    def check_alive(self) -> None:
        """Fail with the log of the first process that ended although it should serve."""
        for name, process in self._processes:
            if process.poll() not in {None, 0}:
                self.sleep(0)
                raise DemoError(f"{name} ended with exit code {process.returncode}\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 25) -> str:
        """The last lines of a process's log, indented."""
        with contextlib.suppress(OSError):
            text = self.log(name).read_text(encoding="utf-8", errors="replace")
            return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
        return ""

    def sleep(self, seconds: float) -> None:
        """Wait, unless the house is being closed."""
        if self._closing.wait(seconds):
            raise StoppedError("the demo is being stopped")

    def wait(self) -> None:
        """Wait until the house is closed."""
        self._closing.wait()

    def stop_waiting(self) -> None:
        """Let every wait and every start of a process fail from now on."""
        with self._lock:
            self._closing.set()

    def end_processes(self) -> None:
        """End every process with all its descendants: the newest first, with SIGTERM, then with SIGKILL."""
        self.stop_waiting()
        for sig, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
            running = [process for _, process in reversed(self._processes) if process.poll() is None]
            for process in running:
                _signal_group(process.pid, sig)
            deadline = time.monotonic() + patience
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
        for callback in reversed(self._callbacks):
            callback()
        # A leader that has gone may have left its group behind.
        for _, process in self._processes:
            _signal_group(process.pid, signal.SIGKILL)

    def sweep(self) -> None:
        """End what is left of this house's processes, then remove the folder."""
        watchdog.sweep(self._mark, self.folder)
        if self._watchdog.poll() is None:
            watchdog.stop(self._watchdog)


def _signal_group(pid: int, sig: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sig)
