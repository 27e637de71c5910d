"""What each wait makes of what it sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas.api.errors import (
    DbaasMigrationCheckError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.operations import Operation, Task
from airflow_dbaas.api.services import Service, ServiceList
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import Done, Failed, MigrationWait, OperationWait, Pending, ServiceWait, TaskWait

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"


def operation(**answer: Any) -> conditions.Verdict:
    return OperationWait(ID).verdict(Operation.model_validate(answer))


def migration(until: Any = "synced", **answer: Any) -> conditions.Verdict:
    return MigrationWait("db", until).verdict(MigrationStatus.model_validate(answer))


def database(status: str | None, method: str = "pg_dump", error: str | None = None, name: str = "a") -> dict[str, Any]:
    return {"dbname": name, "status": status, "method": method, "error": error}


def test_operation_success() -> None:
    """A successful operation hands on what it is about."""
    link = f"/v2/dbaas-task/db/{ID}"
    verdict = operation(state="success", reference={"id": ID, "link": link})
    assert verdict == Done({"operation_id": ID, "reference_id": ID, "reference_link": link}, note="success")
    nothing = {"operation_id": ID, "reference_id": None, "reference_link": None}
    assert operation(state="success") == Done(nothing, note="success")


@pytest.mark.fact("operation-unknown-state")
@pytest.mark.parametrize("state", ["pending", "something new", None])
def test_operation_pending(state: str | None) -> None:
    """Anything that is not an end is waited for."""
    assert isinstance(operation(state=state), Pending)


@pytest.mark.fact("operation-reason")
@pytest.mark.parametrize(
    ("reason", "retryable"),
    [
        ("busy", True),
        ("unavailable", True),
        ("interrupted", True),
        ("fault", True),
        ("partial", True),
        ("unknown", True),
        (None, True),
        ("incorrect", False),
        ("forbidden", False),
        ("not-found", False),
        ("unsupported", False),
        ("conflict", False),
    ],
)
def test_operation_failure(reason: str | None, retryable: bool) -> None:
    """Reasons that mean "later" can be retried, those that mean "fix it" cannot; the API's words are kept."""
    verdict = operation(state="failure", reason=reason, message="no room for postgres://u:p@h")
    assert isinstance(verdict, Failed)
    assert verdict.grace_period == 0
    assert verdict.error.retryable is retryable
    assert str(verdict.error) == (
        f"operation {ID} ended in failure ({reason or 'no reason given'}): no room for postgres://u:***@h"
    )


def test_operation_timeout() -> None:
    """An operation that timed out at the API may be tried again."""
    verdict = operation(state="timeout")
    assert isinstance(verdict, Failed)
    assert verdict.error.retryable


@pytest.mark.fact("check-running", "check-codes")
def test_task_verdicts() -> None:
    """A task without a verdict is running; a refusal carries the API's reason and the databases it is about."""
    wait = TaskWait("db", ID)
    assert isinstance(wait.verdict(Task(id=ID, result="")), Pending)
    assert wait.verdict(Task(success=True, result="fine")) == Done(
        {"task_id": ID, "service": "db", "result": "fine"}, note="fine"
    )
    refused = wait.verdict(
        Task.model_validate(
            {
                "success": False,
                "task-type": "pg_migration_check",
                "result": "no databases to migrate",
                "result-codes": [{"code": "E1", "dbname": "shop"}],
            }
        )
    )
    assert isinstance(refused, Failed)
    assert isinstance(refused.error, DbaasMigrationCheckError)
    assert not refused.error.retryable
    assert str(refused.error) == (
        "The pg migration check for service db was refused: no databases to migrate; shop: E1"
    )


def service_list(*services: tuple[str, str]) -> ServiceList:
    return ServiceList(dbaas_services=[Service(name=name, state=state) for name, state in services])


@pytest.mark.fact("service-states")
def test_service_verdicts() -> None:
    """A service is waited for by name; powered off is an end, absence only if it lasts."""
    wait = ServiceWait("db")
    assert isinstance(wait.verdict(service_list(("other", "running"), ("db", "rebuilding"))), Pending)
    assert isinstance(wait.verdict(service_list(("db", "rebalancing"))), Pending)
    done = wait.verdict(service_list(("db", "running")))
    assert isinstance(done, Done)
    assert (done.result["service"], done.result["state"]) == ("db", "running")
    off = wait.verdict(service_list(("db", "poweroff")))
    assert isinstance(off, Failed)
    assert off.grace_period == 0
    absent = wait.verdict(service_list())
    assert isinstance(absent, Failed)
    assert isinstance(absent.error, DbaasServiceError)
    assert absent.grace_period == conditions.APPEARANCE_SECONDS


@pytest.mark.fact("service-states")
@pytest.mark.parametrize("state", ["rebuilding", "rebalancing", "something new", None])
def test_a_service_in_any_other_state_is_waited_for(state: str | None) -> None:
    """Only what is known to be an end is taken for one."""
    shown = ServiceList.model_validate({"dbaas-services": [{"name": "db", "state": state}]})
    assert ServiceWait("db").verdict(shown) == Pending(f"service db is {state}")


def test_waiting_for_a_service_to_be_gone() -> None:
    """Absence is what is waited for after a deletion."""
    wait = ServiceWait("db", "absent")
    assert isinstance(wait.verdict(service_list(("db", "running"))), Pending)
    assert isinstance(wait.verdict(service_list(("other", "running"))), Done)


@pytest.mark.fact("migration-mixed", "migration-top-status")
@pytest.mark.parametrize(
    "answer",
    [
        {"status": "done", "method": "pg_dump", "details": [database("done")]},
        {"status": "done", "method": "", "details": [database("syncing", "replication"), database("done")]},
        {"status": "syncing", "method": "replication", "details": [database("syncing", "replication")]},
        {"status": "", "details": [database("done")]},
        {"status": "done", "method": "replication", "error": "", "details": [database("syncing", "replication")]},
    ],
)
def test_migration_success(answer: dict[str, Any]) -> None:
    """Success is: no error, and every database done or syncing."""
    verdict = migration(**answer)
    assert isinstance(verdict, Done)
    assert [d["status"] for d in verdict.result["databases"]] == [d["status"] for d in answer["details"]]


@pytest.mark.fact("migration-top-status", "migration-waiting", "migration-details")
@pytest.mark.parametrize(
    "answer",
    [
        {"status": "running", "details": [database("running")]},
        {"status": "done", "details": [database("done"), database("running")]},
        {"status": "done", "details": [database("waiting"), database("done")]},
        {"status": "running", "details": [database("done")]},
        {"status": "done", "details": [database(None)]},
        {"status": "running", "details": []},
        {},
    ],
)
def test_migration_not_there_yet(answer: dict[str, Any]) -> None:
    """As long as one database is on its way, or none is named, it is not finished, whatever the top says."""
    assert isinstance(migration(**answer), Pending)


@pytest.mark.fact("migration-done-with-error", "migration-details")
@pytest.mark.parametrize(
    "answer",
    [
        # Seen at Exoscale when the source was down.
        {"status": "done", "method": "", "error": "Failed to run query on source db: 'connection refused'"},
        {"status": "done", "method": "", "error": "Migration process failed", "details": []},
        {"status": "done", "method": "pg_dump", "details": [database("done"), database("failed", error="disk full")]},
        {"status": "failed", "details": [database("failed")]},
        {"status": "done", "details": [database("done", error="odd")]},
        {"status": "failed", "details": [database("done")]},
        {"status": "done", "error": "late trouble", "details": [database("done")]},
    ],
)
def test_migration_failure_behind_any_status(answer: dict[str, Any]) -> None:
    """An error or a failed database is a failure at once, also when the top-level status says done."""
    verdict = migration(**answer)
    assert isinstance(verdict, Failed)
    assert isinstance(verdict.error, DbaasMigrationError)
    assert verdict.grace_period == 0
    assert not verdict.error.retryable


@pytest.mark.fact("migration-details", "migration-top-status")
def test_migration_done_without_databases() -> None:
    """Done without a single database and without an error is not taken for success; it fails if it lasts."""
    verdict = migration(status="done", details=[])
    assert isinstance(verdict, Failed)
    assert verdict.grace_period == conditions.APPEARANCE_SECONDS


@pytest.mark.fact("migration-recovers")
@pytest.mark.parametrize(
    "answer",
    [
        {
            "status": "failed",
            "method": "replication",
            "error": "Logical replication is currently down",
            "details": [database("syncing", "replication")],
        },
        {"status": "failed", "method": "", "details": [database("failed", "replication"), database("done")]},
        {"status": "failed", "method": "replication", "error": "down", "details": []},
        {"status": "failed", "method": "", "error": "Logical replication is currently down, retrying", "details": None},
    ],
)
def test_failed_while_replicating_may_pass(answer: dict[str, Any]) -> None:
    """Replication recovers: its failure counts only if it lasts."""
    verdict = migration(**answer)
    assert isinstance(verdict, Failed)
    assert verdict.grace_period == MigrationWait.failure_grace_period


def test_a_failed_database_is_told_when_the_others_are_over() -> None:
    """One failed database of many does not end the wait while others are still being copied."""
    assert isinstance(migration(status="running", details=[database("failed"), database("running")]), Pending)


@pytest.mark.fact("migration-methods", "migration-details")
@pytest.mark.parametrize("method", ["", None, "dump", "mysqldump", "scan", "something new"])
def test_any_method_will_do(method: str | None) -> None:
    """How a database is copied is told, and decides nothing as long as nothing fails."""
    verdict = migration(status="done", method=method, details=[{"dbname": "a", "status": "done", "method": method}])
    assert isinstance(verdict, Done)
    assert verdict.result["databases"] == [{"name": "a", "method": method, "status": "done"}]
    assert isinstance(migration(status="running", method=method, details=None), Pending)


@pytest.mark.fact("migration-lag")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"replication-lag": 12.5}, "largest lag: 12.5, a"),
        ({"lag-bytes": 0}, "largest lag: 0, a"),
        ({"replication-lag": None}, ""),
        ({"replication-lag": "some"}, ""),
        ({}, ""),
    ],
)
def test_how_far_a_database_lags_behind(fields: dict[str, Any], told: str) -> None:
    """It is told where it is shown as a number, under whatever name."""
    details = [{**database("syncing", "replication"), **fields}]
    pending = migration("done", status="syncing", details=details)
    note = "the migration into service db: status syncing, 1 database: 1 syncing"
    assert pending == Pending(note, details=("a: syncing by replication",), progress=told)
    done = migration(status="syncing", details=details)
    assert isinstance(done, Done)
    assert ("lag" in done.result["databases"][0]) is bool(told)


def test_migration_until_done() -> None:
    """With until="done" a replicating database is not the end."""
    syncing = {"status": "syncing", "details": [database("syncing", "replication")]}
    assert isinstance(migration("done", **syncing), Pending)
    assert isinstance(migration("done", status="done", details=[database("done")]), Done)


def test_migration_texts_hold_no_password() -> None:
    """What the API says of a source is kept, but not the password in it."""
    verdict = migration(status="done", error="could not connect to postgres://u:p@ss@h/db")
    assert isinstance(verdict, Failed)
    assert "postgres://u:***@h/db" in str(verdict.error)


@pytest.mark.fact("operation-appears")
def test_a_404_is_an_end_only_if_it_lasts() -> None:
    """What was made a moment ago may not be known yet."""
    unknown = DbaasNotFoundError("404")
    for wait in (OperationWait(ID), TaskWait("db", ID), MigrationWait("db"), ServiceWait("db")):
        verdict = wait.absent(unknown)
        assert isinstance(verdict, Failed)
        assert verdict.grace_period == conditions.APPEARANCE_SECONDS


@pytest.mark.parametrize(
    "wait", [OperationWait(ID), TaskWait("db", ID), ServiceWait("db", "absent"), MigrationWait("db", "done", 7.5)]
)
def test_waits_travel_as_json(wait: conditions.Wait) -> None:
    """A wait restored in another process is the same wait."""
    assert conditions.restore(json.loads(json.dumps(wait.serialize()))) == wait
