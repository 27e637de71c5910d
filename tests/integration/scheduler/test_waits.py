"""Sensors that live in the triggerer."""

from __future__ import annotations

import pytest

from tests.integration.scheduler.conftest import Scheduled

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [
    pytest.mark.usefixtures("begun"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("error:::airflow_dbaas"),
]


def test_a_wait_takes_no_worker(scheduled: Scheduled) -> None:
    """A sensor begins and ends in the triggerer, with result and link; one fed by another task begins on a worker.

    Airflow 3.3.2 gives text for a value that is pushed with the event which ends a task: whoever takes the result
    gets what a worker would have pushed.
    """
    tasks = scheduled.run("waits")
    assert {task["state"] for task in tasks.values()} == {"success"}
    running = tasks["running"]
    assert running["pid"] is None
    assert scheduled.xcom(running)["state"] == "running"
    assert scheduled.xcom(tasks["seen"]) == "running"
    links = scheduled.airflow.call("GET", f"{running['path']}/links")["extra_links"]
    assert links["Exoscale service"].endswith("/dbaas/ch-gva-2/waits-pg")

    operation = tasks["operation"]
    assert operation["pid"] is not None
    assert scheduled.xcom(operation)["operation_id"] == scheduled.xcom(tasks["operation_of"])


def test_a_failed_wait_ends_in_the_sensors_own_way(scheduled: Scheduled) -> None:
    """Time-outs are not retried and soft_fail skips, also without a worker; what a template came to is checked."""
    tasks = scheduled.run("waits_fail")
    late, skipped, template = tasks["late"], tasks["skipped"], tasks["template"]
    assert (late["state"], late["try_number"]) == ("failed", 1)
    assert "AirflowSensorTimeout: Timed out while waiting: service nowhere does not exist" in scheduled.log(late)
    assert skipped["state"] == "skipped"
    assert (template["state"], template["try_number"]) == ("failed", 1)
    assert "must be a UUID, got 'xxx'" in scheduled.log(template)


def test_limits_mean_the_same_in_all_modes(scheduled: Scheduled) -> None:
    """A time-out is not retried, an execution time-out is, soft_fail skips both: poked, rescheduled, deferred."""
    tasks = scheduled.run("waits_limits")
    ends: dict[str, set[tuple[str, int]]] = {}
    for task_id, task in tasks.items():
        ends.setdefault(task_id.rpartition("-")[0], set()).add((task["state"], task["try_number"]))
    assert ends == {
        "timeout-soft": {("skipped", 1)},
        "timeout-hard": {("failed", 1)},
        "execution_timeout-soft": {("skipped", 1)},
        "execution_timeout-hard": {("failed", 2)},
    }
