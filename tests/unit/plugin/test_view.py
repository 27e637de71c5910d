"""What the page is told: the fields that it shows, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dbaas.api.external_endpoints import ExternalEndpoint, ExternalIntegration
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.services import Service
from airflow_dbaas.migration.registry import MigrationRecord, parse
from airflow_dbaas.plugin import view

CANARY = "c4nary-s3cret"
LEAKY_TEXT = f"cannot reach postgres://admin:{CANARY}@db.example.com:5432/x, password={CANARY}"


def hidden(**shown: Any) -> dict[str, Any]:
    """An answer that holds a secret wherever the page has no business."""
    names = ("uri", "password", "settings", "users", "metadata", "connection-info", "key", "something-new")
    return {**dict.fromkeys(names, CANARY), "uri-params": {"password": CANARY}, **shown}


def test_no_secret_of_an_answer_is_passed_on() -> None:
    """Fields that are not shown stay behind, and passwords in texts that are shown are masked."""
    integration = hidden(id="i", type="logs", source="a", dest="b", description=CANARY, status="active")
    notification = hidden(level="warning", type="service_end_of_life", message=LEAKY_TEXT)
    service = Service.model_validate(
        hidden(name="a", type="pg", plan="startup-4", state="running", zone="ch-gva-2")
        | {"integrations": [integration], "notifications": [notification]}
    )
    attached = hidden(type="rsyslog", status="active", description=CANARY) | {"dest-endpoint-id": "e"}
    detail = hidden(dbname="shop", status="failed", method="pg_dump", error=LEAKY_TEXT)
    migration = hidden(status="failed", error=LEAKY_TEXT, details=[detail])
    shown = [
        view.service(service),
        view.integrations([service]),
        view.endpoint(ExternalEndpoint.model_validate(hidden(id="e", name="siem", type="rsyslog"))),
        view.attachment("a", ExternalIntegration.model_validate(attached)),
        view.migration("a", MigrationStatus.model_validate(migration)),
    ]
    text = json.dumps(shown)
    assert CANARY not in text
    assert text.count("postgres://admin:***@") == 3


def test_an_integration_that_both_ends_show_is_one_link() -> None:
    """Links are told once, with their state."""
    integration = {"id": "i", "type": "logs", "source": "a", "dest": "b", "is-active": True}
    services = [Service.model_validate({"name": name, "integrations": [integration]}) for name in "ab"]
    assert view.integrations(services) == [
        {"kind": "integration", "type": "logs", "source": "a", "target": "b", "state": "active"}
    ]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"status": "running", "details": [{"status": "running"}, {"status": "done"}]}, "running"),
        ({"status": "syncing", "details": [{"status": "syncing"}, {"status": "done"}]}, "replicating"),
        ({"status": "done", "details": [{"status": "done"}]}, "done"),
        ({"status": "done", "error": "Failed to run query on source db", "details": []}, "failed"),
        ({"status": "failed", "details": [{"status": "failed", "method": "replication"}]}, "troubled"),
        ({"status": "failed", "details": [{"status": "failed", "method": "pg_dump"}]}, "failed"),
        ({"status": "unheard-of", "details": []}, "running"),
    ],
)
def test_a_migration_is_judged_as_the_waits_judge_it(answer: dict[str, Any], outcome: str) -> None:
    """The outcome comes from databases and errors, not from the status alone."""
    assert view.migration("db", MigrationStatus.model_validate(answer))["outcome"] == outcome


def test_a_text_is_one_line_of_bounded_length() -> None:
    """What comes from elsewhere can neither fill the page nor steer it."""
    shown = view.text("a\nb\u202e" + "x" * 2000)
    assert shown is not None
    assert shown.startswith("a b\\u202e")
    assert len(shown) == 500


def test_the_page_of_a_task_is_quoted() -> None:
    """Ids may hold what means something in an address."""
    note = MigrationRecord("db:5432", "…", dag_id="a/b", run_id="manual__2026-01-01T00:00:00+00:00", task_id="g.t")
    task = view.task(note)
    assert task
    assert task["page"] == "dags/a%2Fb/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00/tasks/g.t"
    mapped = MigrationRecord("db:5432", "…", dag_id="d", run_id="r", task_id="t", map_index=0)
    assert (view.task(mapped) or {})["page"] == "dags/d/runs/r/tasks/t/mapped/0"


def test_notes_of_other_releases_are_read() -> None:
    """An older note leads to no task; what a newer one may say besides is passed over."""
    old = parse('{"source": "db:5432", "started_by": "dag.task, run r"}')
    assert view.task(old) is None
    new = parse('{"source": "db:5432", "started_by": "x", "dag_id": "d", "unknown": 1}')
    assert (new.source, new.dag_id) == ("db:5432", "d")
