"""What the operators read off the status of a migration."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.operators.migrations import DbaasStartMigrationOperator, MigrationStart, _replicates
from airflow_dbaas.plugin import view
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import Done, Failed, MigrationRecoveryWait, MigrationWait, Pending, restore


def status(*details: tuple[str, str], **fields: Any) -> MigrationStatus:
    found = [{"dbname": "a", "status": state, "method": method} for state, method in details]
    return MigrationStatus.model_validate({"details": found, **fields})


@pytest.mark.fact("migration-recovers", "migration-waiting")
@pytest.mark.parametrize(
    ("seen", "failed"),
    [
        (status(("failed", "pg_dump"), ("done", "pg_dump"), status="failed"), "for good"),
        (status(status="done", error="connection refused"), "for good"),
        # Nothing that follows can make up for a database that was not copied.
        (status(("failed", "pg_dump"), ("syncing", "replication")), "for good"),
        (status(("done", "pg_dump"), status="done"), "no"),
        # Others are still being copied, or it may recover.
        (status(("failed", "pg_dump"), ("waiting", "")), "no"),
        (status(("failed", "replication"), status="failed"), "for now"),
        (status(status="failed", method="replication", error="down"), "for now"),
        (status(status="failed", method="", error="Logical replication is currently down"), "for now"),
    ],
)
def test_everybody_agrees_on_what_has_failed(
    monkeypatch: pytest.MonkeyPatch, seen: MigrationStatus, failed: str
) -> None:
    """Sensor, start operator and page go by one rule."""
    verdict = MigrationWait("db").verdict(seen)
    assert isinstance(verdict, Failed) is (failed != "no")
    if isinstance(verdict, Failed):
        assert bool(verdict.grace_period) is (failed == "for now")
    outcome = view.migration("db", seen)["outcome"]
    assert {"failed": "for good", "troubled": "for now"}.get(outcome, "no") == failed

    taken: list[str] = []
    start = DbaasStartMigrationOperator(task_id="t", service_name="db", source_conn_id="legacy")
    monkeypatch.setattr(start, "refuse_another_type", lambda: None)
    monkeypatch.setattr(start, "skip_if_migrated", lambda *_: None)
    monkeypatch.setattr(start, "refuse_same_server", lambda *_: None)
    monkeypatch.setattr(start, "record_of", lambda *_: None)
    monkeypatch.setitem(vars(start), "source", SimpleNamespace(address="old:5432"))
    monkeypatch.setattr(start, "migration_status", lambda _: seen)
    monkeypatch.setattr(start, "_refuse_another", lambda *_: None)
    for name, step in {"_join": "no", "stop_migration": "for good", "_wait": "for now"}.items():
        monkeypatch.setattr(start, name, lambda *_, step=step, **__: taken.append(step))
    for name in ("_begin", "_write_record"):
        monkeypatch.setattr(start, name, lambda *_: None)
    start.progress = MigrationStart(result={"failed": False})
    start.perform({"ti": SimpleNamespace(start_date=None)})
    # One that has recovered in time is joined.
    assert taken == ([failed, "no"] if failed == "for now" else [failed])


def test_a_failure_that_may_pass_is_settled_by_its_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recovered, gone, or failed for good: known when the time is over, at once if it cannot recover."""
    now = 1000.0
    monkeypatch.setattr(conditions, "time", SimpleNamespace(time=lambda: now))
    wait = MigrationRecoveryWait("db", fails_at=1180)
    failed_now = status(("failed", "replication"), status="failed")
    assert isinstance(wait.verdict(failed_now), Pending)
    now = 1180
    assert wait.verdict(failed_now) == Done({"failed": True}, note="has failed permanently")
    now = 1000
    healthy = wait.verdict(status(("syncing", "replication"), status="syncing"))
    assert isinstance(healthy, Done)
    assert healthy.result == {"failed": False}
    for_good = wait.verdict(status(("failed", "pg_dump"), status="failed"))
    assert isinstance(for_good, Done)
    assert for_good.result == {"failed": True}
    gone = wait.absent(DbaasNotFoundError("404"))
    assert isinstance(gone, Done)
    assert gone.result == {"failed": False}


@pytest.mark.parametrize("given", [90, 90.0, "90", timedelta(seconds=90)])
def test_a_grace_period_may_be_given_in_several_forms(given: Any) -> None:
    """As a number, as what a template renders to, and as a timedelta; a trigger keeps it as JSON."""
    sensor = DbaasMigrationSensor(task_id="t", service_name="db", failure_grace_period=given)
    wait = sensor.wait()
    assert wait == MigrationWait("db", failure_grace_period=90.0)
    assert restore(json.loads(json.dumps(wait.serialize()))) == wait
    assert float(sensor._fields["failure_grace_period"]) == 90


@pytest.mark.fact("migration-mixed")
@pytest.mark.parametrize(
    ("seen", "replicates"),
    [
        (None, False),
        (status(("done", "pg_dump"), status="done"), False),
        (status(("done", "pg_dump"), ("syncing", "replication"), status="done"), True),
        (status(("syncing", ""), status="syncing"), True),
        (status(("failed", "replication"), status="failed"), True),
    ],
)
def test_sequences_are_left_out_only_while_a_database_follows(seen: MigrationStatus | None, replicates: bool) -> None:
    """A dump has copied them, whether it was stopped or not."""
    assert _replicates(seen) is replicates
