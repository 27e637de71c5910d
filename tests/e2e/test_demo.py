"""The whole demo, as ``make demo`` runs it."""

import re
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["dump", "replication"])
def test_the_demo_moves_everything_and_leaves_nothing(start_demo: Callable[..., Any], method: str) -> None:
    demo = start_demo("--method", method)

    code = demo.process.wait(280)

    output = demo.output
    assert code == 0, output
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
    demo.assert_nothing_left()
