"""Nothing outlives who started it, however that ends: a house of the demo, a run of these tests."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.pace import Patience, stretched
from demo.watchdog import processes_of

ROOT = Path(__file__).parents[3]
#: All of it ends within so many seconds.
SECONDS = 20.0
START_SECONDS = 30.0

#: A process with a child that has a session of its own and hears no signal.
STUBBORN = """
import signal, subprocess, sys, time
if sys.argv[1:]:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
else:
    subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True)
print("up", flush=True)
time.sleep(600)
"""
HOUSE = """
import sys, time
from demo.processes import House
house = House()
house.start("stubborn", [sys.executable, sys.argv[1]])
print(house.folder, flush=True)
time.sleep(600)
"""
CONFTEST = "from tests.conftest import pytest_configure, pytest_unconfigure"
TEST = """
import subprocess, sys, time
from pathlib import Path

def test_that_takes_its_time(request):
    subprocess.Popen([sys.executable, Path(__file__).with_name("stubborn.py")], start_new_session=True)
    time.sleep(600)
"""


def eventually(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    patience = Patience(seconds)
    while not condition():
        assert not patience.over, what
        time.sleep(0.1)


@contextmanager
def started(command: Sequence[Any], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process, killed at the end of the block if it is still there."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What is started by the test has this in its environment; in the end nothing is left of it."""
    name, value = "WATCHED", secrets.token_hex(8)
    monkeypatch.setenv(name, value)
    yield f"{name}={value}"
    for pid in processes_of(f"{name}={value}"):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stubborn(tmp_path: Path) -> Path:
    """A script that does not want to end."""
    path = tmp_path / "stubborn.py"
    path.write_text(STUBBORN)
    return path


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSTOP])
def test_a_house_ends_with_its_process(mark: str, stubborn: Path, number: signal.Signals) -> None:
    """Whatever the signal, and whatever was started in it; the folder goes, too. A mere pause ends nothing."""
    command = [sys.executable, "-c", HOUSE, str(stubborn)]
    with started(command, cwd=ROOT) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        eventually(lambda: len(processes_of(f"TMPDIR={folder}")) == 2, "both are there", START_SECONDS)
        process.send_signal(number)
        if number == signal.SIGSTOP:
            time.sleep(1)
            assert len(processes_of(f"TMPDIR={folder}")) == 2
            process.kill()
        process.wait(stretched(SECONDS))
    eventually(lambda: not folder.exists(), "the folder is gone")
    assert processes_of(f"TMPDIR={folder}") == processes_of(mark) == []


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGKILL, 0), (signal.SIGKILL, 2), (signal.SIGINT, 2)])
def test_a_run_of_the_tests_ends_with_all_it_started(
    mark: str, stubborn: Path, number: signal.Signals, workers: int
) -> None:
    """Within seconds, xdist's workers included, and what a test started in a session of its own."""
    folder = stubborn.parent
    (folder / "conftest.py").write_text(CONFTEST)
    for name in ("a", "b"):
        (folder / f"test_{name}.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", str(workers), "--dist", "loadfile"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "MAKELEVEL"):
        environment.pop(name, None)
    command += ["--rootdir", str(folder), str(folder)]
    with started(command, cwd=folder, env=environment, start_new_session=True) as process:
        # One pytest and what its test started, or three and twice that.
        wanted = (2 * workers or 2) + (workers + 1 if workers else 1)
        eventually(lambda: len(processes_of(mark)) >= wanted, "all are there", START_SECONDS)
        process.send_signal(number)
        eventually(lambda: processes_of(mark) == [], "all have ended")


def test_make_takes_its_child_with_it(mark: str, tmp_path: Path) -> None:
    """Killed, make tells its children nothing; they notice."""
    child = tmp_path / "child.py"
    child.write_text(
        "import signal, time\nfrom demo.watchdog import tie_to_parent\n"
        "tie_to_parent(signal.SIGTERM)\nprint('tied', flush=True)\ntime.sleep(600)\n"
    )
    (tmp_path / "Makefile").write_text(f"all:\n\t@exec {sys.executable} {child}\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    # Started by another make, it would print which folder it enters first.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(name, None)
    with started(["make", "-f", tmp_path / "Makefile"], env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "tied\n"
        process.kill()
    eventually(lambda: processes_of(mark) == [], "the child has ended")
