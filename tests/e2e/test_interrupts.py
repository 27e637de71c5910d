"""Whenever the demo is stopped, nothing is left of it."""

import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from demo.pace import Patience

INTERRUPTED = 130
STOP_TIMEOUT_S = 60
PRESSED_AGAIN_S = 0.005
#: Starts a command as make does, and waits for it.
PARENT = (sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))")

Moment = Callable[[Any], bool]


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param(lambda demo: "folder" in demo.output, signal.SIGINT, id="at once"),
        pytest.param(
            lambda demo: demo.has_log("emulator"), signal.SIGINT, id="emulator starts", marks=pytest.mark.extended
        ),
        pytest.param(lambda demo: demo.has_log("pgbench init"), signal.SIGINT, id="source is filled"),
        pytest.param(lambda demo: demo.has_log("airflow scheduler"), signal.SIGTERM, id="Airflow starts"),
        pytest.param(
            lambda demo: "start_migration running" in demo.output,
            signal.SIGINT,
            id="migration",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_a_stopped_demo_leaves_nothing(start_demo: Callable[..., Any], moment: Moment, number: signal.Signals) -> None:
    demo = start_demo()
    demo.wait_until(lambda: moment(demo))

    demo.signal(number)
    # Impatient people press it again and again; nothing is cut short by that, down to the last moment of the process.
    patience = Patience(STOP_TIMEOUT_S)
    while demo.process.poll() is None and not patience.over:
        time.sleep(PRESSED_AGAIN_S)
        demo.signal(signal.SIGINT)

    assert demo.process.poll() == INTERRUPTED, demo.output
    assert "Traceback" not in demo.output
    demo.assert_nothing_left()


@pytest.mark.parametrize(
    ("moment", "below"),
    [
        pytest.param(lambda demo: demo.has_log("pgbench init"), (), id="the demo itself"),
        pytest.param(lambda demo: demo.has_log("airflow scheduler"), PARENT, id="what started it"),
    ],
)
def test_a_killed_demo_leaves_nothing(start_demo: Callable[..., Any], moment: Moment, below: tuple[str, ...]) -> None:
    """Nobody is left who could end what runs, but its watchdog; or the demo, which notices that it is alone."""
    demo = start_demo(below=below)
    demo.wait_until(lambda: moment(demo))

    demo.process.kill()
    demo.process.wait()

    demo.assert_nothing_left(within=30)


def test_a_failed_demo_says_why_and_leaves_nothing(start_demo: Callable[..., Any]) -> None:
    demo = start_demo()
    demo.wait_until(lambda: demo.has_log("airflow scheduler"))

    demo.kill_child("dag-processor")

    assert demo.wait(STOP_TIMEOUT_S) == 1, demo.output
    assert "the demo failed" in demo.output
    assert "airflow dag-processor ended with exit code -9" in demo.output
    demo.assert_nothing_left()


def test_a_failed_run_shows_the_log_of_its_task(start_demo: Callable[..., Any]) -> None:
    demo = start_demo()
    demo.wait_until(lambda: "create_service running" in demo.output)

    demo.kill_child("/source/data")

    assert demo.wait(120) == 1, demo.output
    assert "log of the failed task check_migration" in demo.output
    assert "The pg migration check for service" in demo.output
    assert "Connection refused" in demo.output
    demo.assert_nothing_left()
