"""Whatever ends a task, all that Airflow does around it happens: on a worker, deferred, or begun in the triggerer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.scheduler.conftest import Scheduled

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

WAYS = ("operator", "begun")
KEYS = ("service", "state", "type", "plan", "zone")


def seen(scheduled: Scheduled) -> set[str]:
    """What callbacks and hooks noted."""
    folder = Path(scheduled.airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]) / "life_seen"
    return {file.name for file in folder.glob("*")}


@pytest.fixture(scope="module")
def life(scheduled: Scheduled, begun: None) -> dict[str, dict[str, Any]]:
    """The tasks of a run in which each has something that happens around it."""
    path = scheduled.begun["life"]
    ended = {"success", "failed"}
    # Some fifty tasks.
    scheduled.until(lambda: scheduled.airflow.call("GET", path)["state"] in ended, "life ends", 600)
    return scheduled.tasks(path)


def test_all_succeed(life: dict[str, dict[str, Any]]) -> None:
    """Those, too, that take single values, or all keys, from another task."""
    assert {name: task["state"] for name, task in life.items() if task["state"] != "success"} == {}


def test_what_has_nothing_for_a_worker_needs_none(life: dict[str, dict[str, Any]]) -> None:
    """A sensor begins and ends in the triggerer unless something says otherwise."""
    by_itself = {name for name, task in life.items() if name.startswith("begun_") and task["pid"] is None}
    assert by_itself == {"begun_plain", "begun_silent"}


@pytest.mark.parametrize("way", [*WAYS, "deferred"])
def test_single_values_are_xcoms_of_their_own(life: dict[str, dict[str, Any]], scheduled: Scheduled, way: str) -> None:
    """Every key of the result, each way a task can end."""
    for case in ("plain", "own") if way == "deferred" else ("plain", "outputs", "success", "own"):
        task = life[f"{way}_{case}"]
        result = scheduled.xcom(task)
        assert result.keys() >= set(KEYS)
        shown = {key: "" if value is None else value for key, value in result.items()}
        assert {key: scheduled.xcom(task, key) for key in result} == shown


@pytest.mark.parametrize("way", WAYS)
def test_no_xcoms_if_nobody_wants_them(life: dict[str, dict[str, Any]], scheduled: Scheduled, way: str) -> None:
    """``do_xcom_push=False``."""
    silent = life[f"{way}_silent"]
    assert [scheduled.xcom(silent, key) for key in ("return_value", *KEYS)] == [None] * (1 + len(KEYS))


@pytest.mark.parametrize("way", WAYS)
def test_callbacks_hooks_and_overrides_run(life: dict[str, dict[str, Any]], scheduled: Scheduled, way: str) -> None:
    """Success callbacks, notifiers, execute callbacks, both hooks, a subclass's methods."""
    assert life
    wanted = {
        f"{way}_success.success",
        f"{way}_success.notified",
        f"{way}_execute.execute",
        f"{way}_hooks.pre_execute",
        f"{way}_hooks.post_execute",
        f"{way}_own.own_execute",
    }
    if way == "begun":
        # An operator calls it only if it was deferred.
        wanted.add("begun_own.own_complete")
    scheduled.until(lambda: wanted <= seen(scheduled), f"{wanted} are seen", 20)


def test_assets_get_their_events(life: dict[str, dict[str, Any]], scheduled: Scheduled) -> None:
    """Of outlets and of aliases."""
    events = scheduled.airflow.call("GET", "/assets/events?source_dag_id=life&limit=100")["asset_events"]
    found = {(event["source_task_id"], event["uri"]) for event in events}
    outlets = {(f"{way}_outlet", "x-life://outlet") for way in WAYS}
    assert found >= outlets | {(f"{way}_hooks", "x-life://alias") for way in WAYS}
    assert life


@pytest.mark.parametrize("way", WAYS)
def test_tasks_are_mapped_over_a_result(life: dict[str, dict[str, Any]], scheduled: Scheduled, way: str) -> None:
    """Airflow learns from a worker how many there are."""
    task = life[f"{way}_mapped"]
    path = task["path"].rsplit("/", 1)[0]
    listed = scheduled.airflow.call("GET", f"{path}?limit=200")["task_instances"]
    each = [one for one in listed if one["task_id"] == f"each_{way}_mapped"]
    assert len(each) == len(scheduled.xcom(task))


def test_callbacks_of_the_dags_defaults(scheduled: Scheduled, life: dict[str, dict[str, Any]]) -> None:
    """The usual place for them."""
    assert life
    tasks = scheduled.run("life_default")
    assert tasks["default"]["state"] == "success"
    scheduled.until(lambda: "default.default" in seen(scheduled), "the callback has run", 20)


def test_bad_ends_are_heard_of(scheduled: Scheduled, begun: None) -> None:
    """Failures and skips end on a worker, with their callbacks."""
    tasks = scheduled.run("life_ends_badly")
    assert {name: task["state"] for name, task in tasks.items()} == {
        "deferred_fails": "failed",
        "begun_fails": "failed",
        "deferred_skips": "skipped",
        "begun_skips": "skipped",
    }
    wanted = {f"{way}_{end}" for way in ("deferred", "begun") for end in ("fails.failure", "skips.skipped")}
    scheduled.until(lambda: wanted <= seen(scheduled), f"{wanted} are seen", 20)


def test_a_second_run_has_nothing_to_wait_for(scheduled: Scheduled, life: dict[str, dict[str, Any]]) -> None:
    """The service is there, nothing is started, no operation is named: in all modes the sensor succeeds at once."""
    assert life
    tasks = scheduled.run("life_two_runs")
    assert {name: task["state"] for name, task in tasks.items() if task["state"] != "success"} == {}
    for name in set(tasks) - {"create"}:
        assert scheduled.xcom(tasks[name]) == dict.fromkeys(("operation_id", "reference_id", "reference_link"))


def test_a_cleared_sensor_leaves_no_earlier_result(scheduled: Scheduled, life: dict[str, dict[str, Any]]) -> None:
    """Begun in the triggerer a second time, what it pushed first is gone, as on a worker."""
    assert life
    path = scheduled.start("life_again")
    scheduled.until(lambda: scheduled.tasks(path)["cleared"]["state"] == "success", "it succeeds")
    assert scheduled.xcom(scheduled.tasks(path)["cleared"], "state") == "running"
    with scheduled.client as client:
        client.services.delete("life-pg")
    scheduled.clear(path, "cleared", downstream=False)
    scheduled.until(lambda: scheduled.tasks(path)["cleared"]["state"] == "failed", "it fails")
    ended = scheduled.tasks(path)["cleared"]
    assert [scheduled.xcom(ended, key) for key in ("return_value", *KEYS)] == [None] * (1 + len(KEYS))
