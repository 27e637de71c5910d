"""One real database server of any engine on the loopback interface."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from airflow_dbaas.emulator.certificates import Identity
from airflow_dbaas.emulator.servers import keeper
from airflow_dbaas.emulator.servers.account import unprivileged

NO_HOME = "/nonexistent"
"""A home directory without certificates or passwords. The caller's must not be used, and an account that cannot read
that directory cannot connect with TLS."""

_START_SECONDS = 60.0
_STOP_SECONDS = 40.0
_PREDECESSOR_SECONDS = 60.0
"""How long the end of a server is waited for that a killed emulator has left; its keeper may take half of that."""
_PORT_ATTEMPTS = 5


class ServerError(RuntimeError):
    """A server could not be made or started; the text says why."""


class Server(ABC):
    """A server with its own data, reached by password over TCP on 127.0.0.1 only.

    With an ``identity`` over TLS only.

    Blocking. ``start`` after ``stop`` brings the same server back with its data on the same port; so does a new
    object for the same directory that is given the ``port``.
    The data stays in ``directory`` until the caller removes it.
    """

    host = "127.0.0.1"
    title: ClassVar[str]
    """The name of the program for messages."""
    stops: ClassVar[tuple[tuple[signal.Signals, float], ...]]
    """Signals that end it, the mildest first, each with the seconds until the next.

    The kernel sends the second if the keeper itself is killed.
    """
    no_port: ClassVar[bytes]
    """The log message for a port in use."""

    def __init__(
        self, directory: Path, superuser: str, password: str, identity: Identity | None, port: int | None
    ) -> None:
        self.directory = directory
        self.superuser = superuser
        self._password = password
        self._identity = identity
        self._account = unprivileged()
        directory.mkdir(parents=True, exist_ok=True)
        # Closed to other accounts, whatever the umask and the owner.
        directory.chmod(0o700)
        if self._account is not None:
            self._account.open_temporary_folder(directory.parent)
            self._account.take(directory, 0o700)
            if not self._account.can_enter(directory):
                raise ServerError(
                    f"{self.title} runs as an unprivileged account here and that cannot enter {directory.parent}: "
                    "choose another directory"
                )
        self._keeper: subprocess.Popen[bytes] | None = None
        self._port = port
        self._claim: int | None = None
        """A descriptor of the locked file that says that the directory is in use, while the server is being started."""

    @property
    def port(self) -> int:
        """TCP port; known once the server was started."""
        if self._port is None:
            raise ServerError("the server was not started")
        return self._port

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """File whose first line is the process id of the server's first process."""

    @property
    def pid(self) -> int | None:
        """Process id of the running server's first process; None while there is none."""
        if not self.running:
            return None
        try:
            return int(self.pid_file.read_text().partition("\n")[0])
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

    def start(self, *, anew: bool = False) -> None:
        """Make the data directory if there is none, start the server and wait until it answers.

        :param anew: create the data directory even if it exists; the old one is removed.
        """
        if self.running:
            return
        with self._claimed():
            if anew or not self.initialised():
                self.initialise()
            # The lock is ours, so it is from a killed server; the number may belong to another program by now.
            self.pid_file.unlink(missing_ok=True)
            for attempt in range(_PORT_ATTEMPTS):
                if attempt or self._port is None:
                    self._port = _free_port()
                if self._launch():
                    return
        raise ServerError(f"{self.title} found no free port: {self._last_words()}")

    def restart(self) -> None:
        """As ``start``, of a server that there was before: without its data that is an error."""
        if not self.initialised():
            raise ServerError(f"{self.data} is gone")
        self.start()

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

    @abstractmethod
    def initialised(self) -> bool:
        """Whether there is a data directory that the server could be started with."""

    @abstractmethod
    def initialise(self) -> None:
        """Make the data directory, or raise ``ServerError``."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command that runs the server, without anything secret."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the superuser can log in now."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Environment of the server's programs."""

    def run_tool(self, command: list[str]) -> None:
        """Run a program to its end as the server's account; ``ServerError`` with its words if it fails."""
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=self.environment(),
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
            umask=0o077,
            pass_fds=() if self._claim is None else (self._claim,),
        )
        if done.returncode:
            raise ServerError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")

    def write_private(self, name: str, content: str | bytes) -> Path:
        """A file in the server's folder that only its account may read, closed before anything is in it.

        It is a new one: what stood there under that name, a file that others could read or a link, goes.
        """
        path = self.directory / name
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if self._account is not None:
                os.fchown(descriptor, self._account.uid, self._account.gid)
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def write_identity(self, identity: Identity) -> tuple[Path, Path]:
        """Files with the certificate and its key; a server refuses a key that others could read."""
        return self.write_private("server.crt", identity.certificate), self.write_private("server.key", identity.key)

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[None]:
        """Lock the directory when all processes that a killed emulator left in it have ended.

        Programs inherit the lock, the server too, and it lasts as long as any of them.
        """
        deadline = time.monotonic() + _PREDECESSOR_SECONDS
        claim = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise ServerError(f"another {self.title} is still running in {self.directory}") from None
                time.sleep(0.05)
            self._claim = claim
            yield
        finally:
            self._claim = None
            os.close(claim)

    def _launch(self) -> bool:
        """Start the server; False if another program took the port meanwhile."""
        uid, gid = (self._account.uid, self._account.gid) if self._account else (os.getuid(), os.getgid())
        log_start = self.log.stat().st_size if self.log.exists() else 0
        claim = self._claim
        assert claim is not None  # noqa: S101  (that is how a start begins)
        stops = ",".join(f"{number.name}:{seconds}" for number, seconds in self.stops)
        self._keeper = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(Path(keeper.__file__)),
                str(uid),
                str(gid),
                str(self.log),
                stops,
                str(claim),
                *self.command(),
            ],
            pass_fds=(claim,),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment(),
            cwd="/",
            # A Ctrl-C in the terminal is for the emulator, which then stops its servers in order.
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while self.running and time.monotonic() < deadline:
            if self.answers():
                return True
            time.sleep(0.05)
        started = self.running
        self.stop()
        if not started and self.log.exists() and self.no_port in self.log.read_bytes()[log_start:]:
            return False
        raise ServerError(f"{self.title} did not start: {self._last_words()}")

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return " | ".join(lines[-3:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
