"""Sensors that live in the triggerer."""

from __future__ import annotations

import pytest

from tests.integration.scheduler.conftest import Scheduled

pytestmark = pytest.mark.filterwarnings("default")


def test_a_wait_takes_no_worker(scheduled: Scheduled) -> None:
    tasks = scheduled.run("waits", service="waits-pg")
    for t in tasks.values():
        print(t["task_id"], t["state"], t["pid"], t["hostname"], t["queued_when"], scheduled.xcom(t), scheduled.airflow.call("GET", t["path"] + "/links"))
        print(scheduled.log(t))
    tasks = scheduled.run("waits_fail")
    for t in tasks.values():
        print(t["task_id"], t["state"], t["pid"], t["try_number"], scheduled.airflow.call("GET", t["path"] + "/links"))
        print(scheduled.log(t))
    assert 0
