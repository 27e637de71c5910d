"""Task groups: which tasks there are, and in which order, for what an author asks for."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.task_groups import cut_over
from airflow_dbaas.task_groups.migrations import migrate_service

pytestmark = pytest.mark.filterwarnings("default", "error:::airflow_dbaas")

AROUND = ["create_service", "check_migration", "start_migration", "wait_for_migration"]


def order(**arguments: Any) -> list[str]:
    """The ids of the group's tasks, first to last."""
    with DAG("example", schedule=None) as dag:
        group = migrate_service(
            service_name="orders", source_conn_id="legacy", prefix_group_id=False, **{"plan": "startup-4", **arguments}
        )
    assert isinstance(group, TaskGroup)
    return [task.task_id for task in dag.topological_sort()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "ending"),
    [
        ({}, ["stop_migration", "verify_migration"]),
        ({"stop": False}, ["verify_migration"]),
        ({"stop": False, "approve_cut_over": True}, ["verify_migration"]),
        ({"approve_cut_over": True}, ["approve_cut_over", "stop_migration", "verify_migration"]),
        ({"stop": "{{ params.x }}"}, ["stop_migration", "verify_migration"]),
        (
            {"approve_cut_over": "{{ params.x }}"},
            ["approve_cut_over", "stop_migration", "verify_migration"],
        ),
        ({"integrations": []}, ["stop_migration", "verify_migration", "link_service"]),
    ],
)
def test_the_steps(arguments: dict[str, Any], ending: list[str]) -> None:
    """There is a task for what is asked for, and for what only the run can tell."""
    assert order(**arguments) == [*AROUND, *ending]


def test_without_a_plan_nothing_is_created() -> None:
    """The service must be there then."""
    assert order(plan=None)[0] == "check_migration"


def test_two_groups_in_one_dag() -> None:
    """A group's id stands before those of its tasks, and its verification can be referred to."""
    with DAG("example", schedule=None) as dag:
        first = migrate_service(service_name="a", source_conn_id="x", group_id="first")
        second = migrate_service(service_name="b", source_conn_id="y", group_id="second")
        first >> second
    assert first.get_child_by_label("verify_migration").output.operator.task_id == "first.verify_migration"  # type: ignore[attr-defined]
    assert dag.get_task("second.check_migration").upstream_task_ids == {"first.verify_migration"}


def test_parameters_are_checked_when_the_dag_is_parsed() -> None:
    """As those of the operators are."""
    with pytest.raises(DbaasConfigurationError, match="plan must be"):
        order(plan="huge")


def test_approval_needs_airflow_3_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for it on an older Airflow is told at parse time what is needed; without it nothing is wrong."""
    monkeypatch.setattr(cut_over, "has_approval", lambda: False)
    monkeypatch.setattr(cut_over, "AIRFLOW_VERSION", "2.11.2")
    assert "stop_migration" in order()
    with pytest.raises(DbaasConfigurationError, match=r"approve_cut_over needs Airflow 3\.1 or later.*2\.11\.2"):
        order(approve_cut_over=True)


def test_approval_costs_nothing_where_it_is_not_asked_for() -> None:
    """What asks people is imported only for those who want it."""
    code = (
        "import sys; from airflow.sdk import DAG; from airflow_dbaas.task_groups.migrations import migrate_service\n"
        "with DAG('example', schedule=None):\n    migrate_service(service_name='a', source_conn_id='x')\n"
        "print([name for name in sys.modules if 'hitl' in name or name.endswith('cut_over')])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(("given", "read"), [(True, True), ("True", True), (" false ", False), (False, False)])
def test_true_and_false(given: Any, read: bool) -> None:
    """Templates make text of booleans."""
    assert cut_over.truth("stop", given) is read


@pytest.mark.parametrize("given", [None, "", "yes", 1, "0"])
def test_neither_true_nor_false(given: Any) -> None:
    """What is unclear is not guessed at."""
    with pytest.raises(DbaasConfigurationError, match="stop must be true or false, got"):
        cut_over.truth("stop", given)


def test_time_for_an_answer() -> None:
    """The approval waits as long as the author says."""
    with DAG("example", schedule=None) as dag:
        migrate_service(
            service_name="a", source_conn_id="x", approve_cut_over=True, approval_timeout=timedelta(hours=8)
        )
    assert dag.get_task("migrate_service.approve_cut_over").response_timeout == timedelta(hours=8)  # type: ignore[union-attr]
