"""The whole demo, as ``make demo`` runs it."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

TASKS = (
    "create_service",
    "check_migration",
    "start_migration",
    "wait_for_migration",
    "stop_migration",
    "verify_migration",
)


def assert_all_was_moved(output: str) -> None:
    """Every task succeeded at its first attempt, and the two ends were compared."""
    for task in TASKS:
        assert re.search(rf"task +{task} success", output), output
    # The triggerer had its part, and no task needed a second attempt.
    assert "create_service deferred" in output
    assert "up_for_retry" not in output
    table = {
        line[0]: line[1:]
        for line in ([cell.strip() for cell in row.strip("│ ").split("│")] for row in output.splitlines())
        if len(line) == 8
    }
    shop, awkward = table["shop"], table["été-données"]
    assert shop[2] == "4"
    assert shop[3] == "1,000,610"
    assert awkward[2] == "22"
    assert all(int(line[4].replace(",", "")) > 1_000_000 for line in (shop, awkward))
    assert all(line[6] == "0" for line in (shop, awkward))
    assert re.search(r"http://127\.0\.0\.1:\d+/dags/dbaas_migrate_service/runs/manual__", output)
    assert re.search(r"^run: \d+\.\d s ", output, re.MULTILINE)


def test_the_demo_moves_everything_and_leaves_nothing(start_demo: Callable[..., Any]) -> None:
    """By dump, as ``make demo`` does without parameters; then it ends by itself."""
    demo = start_demo("--method", "dump")

    code = demo.wait(280)

    assert code == 0, demo.output
    assert_all_was_moved(demo.output)
    demo.assert_nothing_left()


@pytest.mark.extended
def test_a_kept_demo_stays_until_it_is_stopped(start_demo: Callable[..., Any]) -> None:
    """By replication; everything stays up until Ctrl-C."""
    demo = start_demo("--method", "replication", "--keep")
    demo.wait_until(lambda: "Ctrl-C stops everything" in demo.output, timeout=280)
    assert_all_was_moved(demo.output)
    # Somebody has gone into its folder to look round, and is not to be ended with it.
    (folder,) = demo.temporary.iterdir()
    onlooker = subprocess.Popen(["sleep", "300"], cwd=folder, env={"PWD": str(folder)})
    try:
        time.sleep(2)
        assert demo.process.poll() is None

        demo.signal(signal.SIGINT)

        assert demo.wait(60) == 0, demo.output
        assert onlooker.poll() is None
    finally:
        onlooker.kill()
        onlooker.wait()
    demo.assert_nothing_left()
