"""Runs the demo as a person would, in a temporary folder of its own, and looks for what it leaves behind."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from demo.pace import Patience

ROOT = Path(__file__).resolve().parents[2]
# Bytecode comes from the tests that run at the same time; the demo itself writes none (-B).
NOT_OURS = {".git", ".venv", "dist", ".pytest_cache", ".mypy_cache", ".ruff_cache", "__pycache__"}


def checkout() -> set[Path]:
    """Every file of the checkout, without what the test run itself may write."""
    found = set()
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        found |= {Path(folder, name) for name in names}
    return found


class Demo:
    """One run of ``python -m demo``.

    :param below: a command that starts it, such as make would.
    """

    def __init__(self, temporary: Path, output: Path, *options: str, below: Sequence[str] = ()) -> None:
        self.temporary = temporary
        self._before = checkout()
        self._output = output
        with output.open("wb") as stdout:
            self.process = subprocess.Popen(
                [*below, sys.executable, "-B", "-m", "demo", *options],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text(encoding="utf-8")

    def has_log(self, name: str) -> bool:
        """Whether a process of that name was started."""
        return any(self.temporary.glob(f"*/logs/{name}.log"))

    def wait_until(self, condition: Callable[[], bool], timeout: float = 150) -> None:
        """Wait for a moment of the run."""
        patience = Patience(timeout)
        while not condition():
            assert self.process.poll() is None, self.output
            assert not patience.over, self.output
            time.sleep(0.02)

    def wait(self, timeout: float) -> int:
        """Wait until it has ended; its exit code."""
        patience = Patience(timeout)
        while (code := self.process.poll()) is None:
            assert not patience.over, self.output
            time.sleep(0.1)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal as a terminal does: to the whole foreground group."""
        os.killpg(self.process.pid, number)

    def kill_child(self, word: str) -> None:
        """Kill the process that the demo started with that word on its command line."""
        patience = Patience(10)
        while not patience.over:
            for folder in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    is_child = f"PPid:\t{self.process.pid}\n" in (folder / "status").read_text()
                    if is_child and word.encode() in (folder / "cmdline").read_bytes():
                        os.kill(int(folder.name), signal.SIGKILL)
                        return
            time.sleep(0.1)
        raise AssertionError(f"the demo has no child {word}")

    def assert_nothing_left(self, within: float = 0) -> None:
        """No process, no folder, no file in the checkout, no port that answers.

        :param within: seconds that others may take to clean up.
        """
        assert self.process.poll() is not None
        patience = Patience(within)
        while (list(self.temporary.iterdir()) or self._processes()) and not patience.over:
            time.sleep(0.1)
        assert list(self.temporary.iterdir()) == []
        assert self._processes() == []
        assert checkout() - self._before == set()
        for port in set(re.findall(r"127\.0\.0\.1:(\d+)", self.output)):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", int(port))) != 0, f"port {port} still answers"

    def _processes(self) -> list[str]:
        """Command lines of the processes that have anything to do with the folder."""
        mark = os.fsencode(self.temporary)
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
                folder = os.fsencode((entry / "cwd").readlink())
            except OSError:
                continue
            if any(mark in place for place in (command, environment, folder)):
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
        return found

    def kill(self) -> None:
        """End it after a test that failed."""
        if self.process.poll() is None:
            self.process.terminate()
            self.wait(60)


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts a demo with the given options; ends it if the test did not."""
    started: list[Demo] = []
    # Not below tmp_path: as root, servers run as another account, which may not pass through there.
    with tempfile.TemporaryDirectory(prefix="demo-test-") as temporary:
        Path(temporary).chmod(0o711)

        def start(*options: str, below: Sequence[str] = ()) -> Demo:
            started.append(Demo(Path(temporary), tmp_path / "output", *options, below=below))
            return started[-1]

        yield start
        for demo in started:
            demo.kill()
