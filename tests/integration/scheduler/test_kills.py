"""What becomes of the remote work when somebody kills a task."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.scheduler.conftest import Scheduled

pytestmark = [
    pytest.mark.usefixtures("begun"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("error:::airflow_dbaas"),
]


@pytest.fixture(scope="module")
def source(scheduled: Scheduled, postgres_source: PostgresServer) -> PostgresServer:
    """A small source, known to Airflow as ``kills_source``."""
    scheduled.add_source("kills_source", postgres_source)
    return postgres_source


@pytest.fixture
def service(scheduled: Scheduled, source: PostgresServer) -> Iterator[str]:
    """A running service of the test's own."""
    name = f"kill-{secrets.token_hex(3)}"
    with scheduled.client as client:
        client.services.pg.create(name=name, plan="startup-4")
        scheduled.until(lambda: state(scheduled, name) == "running", f"{name} runs")
        yield name
        client.services.delete(name)


def state(scheduled: Scheduled, name: str) -> str | None:
    with scheduled.client as client:
        service = client.services.list().named(name)
    return service.state if service else None


def migration(scheduled: Scheduled, name: str) -> list[str | None]:
    """The states of a migration's databases; empty if there is no migration."""
    with scheduled.client as client:
        try:
            return [detail.status for detail in client.migrations.status(name).details]
        except DbaasNotFoundError:
            return []


def kill(scheduled: Scheduled, dag_id: str, task_id: str, service: str, state: str) -> dict[str, str]:
    """Run a DAG of one task until the migration replicates and the task is in a state, then mark the task as failed."""
    path = scheduled.start(dag_id, service=service)
    scheduled.until(
        lambda: migration(scheduled, service) == ["syncing"] and scheduled.tasks(path)[task_id]["state"] == state,
        f"{dag_id} replicates and is {state}",
    )
    if state == "deferred":
        # A task that is killed before the triggerer has it takes its trigger along unheard.
        taken = (
            "SELECT count(*) FROM trigger JOIN task_instance ON trigger_id = trigger.id "
            f"WHERE triggerer_id IS NOT NULL AND run_id = '{path.rpartition('/')[2]}'"
        )
        scheduled.until(lambda: scheduled.database(taken) == [(1,)], "the triggerer has it")
        scheduled.until(lambda: "starting" in scheduled.log(scheduled.tasks(path)[task_id]), "the trigger runs")
    scheduled.airflow.call("PATCH", f"{path}/taskInstances/{task_id}", {"new_state": "failed"})
    scheduled.until(lambda: scheduled.tasks(path)[task_id]["state"] == "failed", f"{dag_id} is failed")
    return scheduled.tasks(path)[task_id]


@pytest.mark.parametrize("mode", ["deferred", "running"])
def test_a_killed_start_stops_its_migration_if_asked_to(scheduled: Scheduled, service: str, mode: str) -> None:
    """``cancel_on_kill=True``: the migration that the task started is stopped, on a worker and in the triggerer."""
    kill(scheduled, f"kill_cancels_{mode}", "start", service, mode)
    scheduled.until(lambda: migration(scheduled, service) == [], "the migration is stopped", seconds=60)


@pytest.mark.parametrize("mode", ["deferred", "running"])
def test_a_killed_start_leaves_the_migration_alone(scheduled: Scheduled, service: str, mode: str) -> None:
    """By default the migration goes on, and the next run joins it instead of starting another one."""
    kill(scheduled, f"kill_leaves_{mode}", "start", service, mode)
    assert migration(scheduled, service) == ["syncing"]
    path = scheduled.start(f"kill_leaves_{mode}", service=service)
    scheduled.until(lambda: scheduled.tasks(path)["start"]["state"] == mode, "the next run waits")
    scheduled.until(lambda: "Joining it" in scheduled.log(scheduled.tasks(path)["start"]), "it joins", seconds=30)
    scheduled.airflow.call("PATCH", f"{path}/taskInstances/start", {"new_state": "failed"})


def test_a_killed_wait_touches_nothing(scheduled: Scheduled, service: str, source: PostgresServer) -> None:
    """A sensor only looks: killing it leaves the migration alone."""
    kill(scheduled, "kill_leaves_deferred", "start", service, "deferred")
    kill(scheduled, "kill_sensor", "wait", service, "deferred")
    assert migration(scheduled, service) == ["syncing"]
