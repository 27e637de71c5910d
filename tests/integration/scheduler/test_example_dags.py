"""The example DAGs in a real Airflow: what only a scheduler, a triggerer and people can show."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.postgres import PostgresServer
from demo.pace import Patience
from tests.integration.scheduler.conftest import Scheduled

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]

SOURCE = "example_source"
SERVICES = 3


@pytest.fixture(scope="module")
def source(scheduled: Scheduled, postgres_source: PostgresServer) -> PostgresServer:
    """A source with a database, under an Airflow connection."""
    scheduled.add_source(SOURCE, postgres_source)
    return postgres_source


@pytest.fixture
def names(scheduled: Scheduled) -> Iterator[list[str]]:
    """Names for services that a DAG creates."""
    names = [f"example-{secrets.token_hex(4)}" for _ in range(SERVICES)]
    yield names
    with scheduled.client as client:
        for service in client.services.list().dbaas_services:
            if service.name in names:
                client.services.delete(service.name)


def replicates(scheduled: Scheduled, name: str) -> bool:
    """Whether the migration into a service is there."""
    with scheduled.client as client:
        try:
            return bool(client.migrations.status(name).details)
        except DbaasNotFoundError:
            return False


def answer(scheduled: Scheduled, path: str, option: str) -> None:
    """Wait until the run asks for approval, and answer."""
    question = scheduled.asked(path, "approve_cut_over")
    assert "Stop the migration into example-" in scheduled.airflow.call("GET", question)["subject"]
    scheduled.answer(question, option)


def ended(scheduled: Scheduled, path: str) -> str:
    """Wait for the end of a run; its state."""
    scheduled.until(lambda: scheduled.airflow.call("GET", path)["state"] in {"success", "failed"}, "the run ends")
    return str(scheduled.airflow.call("GET", path)["state"])


def states(tasks: dict[str, dict[str, Any]], *names: str) -> list[str]:
    return [tasks[name]["state"] for name in names]


def test_a_cut_over_is_rejected_then_approved(scheduled: Scheduled, source: PostgresServer, names: list[str]) -> None:
    """Rejected: nothing is stopped, new rows still arrive, the run fails and says why. Cleared and approved: it is
    stopped, verified, and the rows that came in between are there.
    """
    name = names[0]
    path = scheduled.start(
        "dbaas_migrate_service", service=name, source_conn_id=SOURCE, method="replication", approve_cut_over=True
    )
    answer(scheduled, path, "Reject")
    assert ended(scheduled, path) == "failed"
    tasks = scheduled.tasks(path)
    assert states(tasks, "approve_cut_over", "stop_migration", "verify_migration", "link_service") == [
        "failed",
        *["upstream_failed"] * 3,
    ]
    assert tasks["approve_cut_over"]["try_number"] == 1
    assert f"The cut-over was rejected by admin: the migration into service {name} continues" in scheduled.log(
        tasks["approve_cut_over"]
    )
    assert replicates(scheduled, name)

    with psycopg.connect(source.conninfo(dbname="shop")) as connection:
        connection.execute("INSERT INTO item (name) VALUES ('in between')")
    scheduled.clear(path, "approve_cut_over", downstream=True)
    answer(scheduled, path, "Approve")
    assert ended(scheduled, path) == "success"
    tasks = scheduled.tasks(path)
    assert states(tasks, "approve_cut_over", "stop_migration", "verify_migration", "link_service") == [
        *["success"] * 3,
        "skipped",
    ]
    (database,) = scheduled.xcom(tasks["verify_migration"])["databases"]
    assert database["rows"] == 101
    assert not replicates(scheduled, name)


def test_a_fleet_keeps_to_its_limit(scheduled: Scheduled, source: PostgresServer, names: list[str]) -> None:
    """Three services, two at once: there are never more than two migrations, and all three arrive.

    Nobody waits on a worker, and whose last step is a wait needs no second one: neither for its turn, nor for the
    service, the check and the copy.
    """
    path = scheduled.start(
        "dbaas_migrate_fleet",
        services=[{"service": name, "source_conn_id": SOURCE, "method": "dump"} for name in names],
        at_once=2,
    )
    most = 0
    patience = Patience(420)
    with scheduled.client as client:
        while scheduled.airflow.call("GET", path)["state"] not in {"success", "failed"}:
            assert not patience.over, "the run does not end"
            there = {service.name for service in client.services.list().dbaas_services}
            most = max(most, sum(replicates(scheduled, name) for name in names if name in there))
            time.sleep(0.1)
    assert scheduled.airflow.call("GET", path)["state"] == "success"
    report = scheduled.tasks(path)["report"]
    assert [(row["service"], row["state"]) for row in scheduled.xcom(report)] == [(name, "migrated") for name in names]
    assert most == 2
    waits = ("wait_for_turn", "create_service", "check_migration", "wait_for_migration")
    begun = scheduled.database(
        f"SELECT task_id, count(*) FROM log WHERE event = 'running' AND run_id = '{path.rpartition('/')[2]}' "
        "GROUP BY task_id"
    )
    assert {task: times for task, times in begun if task in waits} == dict.fromkeys(waits, SERVICES)


def test_a_fleet_reports_the_one_that_failed_and_the_rest_follows(
    scheduled: Scheduled, source: PostgresServer, names: list[str], tmp_path: Path
) -> None:
    """Three services from a file, two per run, the first from a source that does not exist.

    The first run fails at the end, with a report of its two; the run after it moves the third, by the list as it was
    read. To trigger the rest again, as somebody may who clears the first run, starts no third run.
    """
    bad, good, later = names
    file = tmp_path / "services.yaml"
    file.write_text(
        f"- {{service: {bad}, source_conn_id: nowhere}}\n"
        f"- {{service: {good}, source_conn_id: {SOURCE}, method: dump}}\n"
        f"- {{service: {later}, source_conn_id: {SOURCE}, method: dump}}\n"
    )
    path = scheduled.start("dbaas_migrate_fleet", file=str(file), per_run=2)
    scheduled.until(lambda: scheduled.tasks(path)["list_services"]["state"] == "success", "the file is read")
    file.unlink()
    assert ended(scheduled, path) == "failed"
    report = scheduled.tasks(path)["report"]
    failed, moved = scheduled.xcom(report)
    assert (moved["service"], moved["state"], moved["rows"] >= 100, moved["error"]) == (good, "migrated", True, None)
    assert (failed["service"], failed["state"]) == (bad, "failed at create_service")
    assert "nowhere" in failed["error"]
    assert f"{good}  migrated" in scheduled.log(report)
    following = f"{path}__left1"
    assert ended(scheduled, following) == "success"
    tasks = scheduled.tasks(following)
    assert [(row["service"], row["state"]) for row in scheduled.xcom(tasks["report"])] == [(later, "migrated")]
    assert states(tasks, "fill_in_the_rest", "migrate_the_rest") == ["skipped", "skipped"]

    scheduled.clear(path, "migrate_the_rest", downstream=False)
    ended(scheduled, path)
    assert scheduled.tasks(path)["migrate_the_rest"]["state"] == "skipped"
    runs = scheduled.airflow.call("GET", f"{path.rpartition('/')[0]}?limit=100")["dag_runs"]
    found = [each["dag_run_id"] for each in runs if each["dag_run_id"].startswith(path.rpartition("/")[2])]
    assert len(found) == 2


def test_a_run_that_is_marked_as_failed_ends_the_fleet(
    scheduled: Scheduled, source: PostgresServer, names: list[str]
) -> None:
    """Nothing is left to be moved by another run: the task that would start it is skipped with the others."""
    services = [{"service": name, "source_conn_id": SOURCE, "method": "dump"} for name in names]
    path = scheduled.start("dbaas_migrate_fleet", services=services, per_run=1)
    at_work = {"running", "deferred"}
    scheduled.until(lambda: scheduled.tasks(path)["create_service"]["state"] in at_work, "the service is created")
    scheduled.airflow.call("PATCH", path, {"state": "failed"})
    assert ended(scheduled, path) == "failed"
    tasks = scheduled.tasks(path)
    assert states(tasks, "create_service", "fill_in_the_rest", "migrate_the_rest") == ["failed", "skipped", "skipped"]
    assert scheduled.airflow.call("GET", f"{path}__left2") is None
