"""The example DAGs that look after services, in a real Airflow: mapped tasks, files, and people who approve."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.api.services import Service
from tests.integration.scheduler.conftest import Scheduled

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]


@pytest.fixture
def names(scheduled: Scheduled) -> Iterator[tuple[str, str]]:
    """A MySQL and an OpenSearch service of the test's own; both are records of the emulator."""
    suffix = secrets.token_hex(3)
    names = f"db-{suffix}", f"search-{suffix}"
    with scheduled.client as client:
        client.services.mysql.create(name=names[0], plan="startup-4")
        client.services.opensearch.create(name=names[1], plan="startup-4")
        scheduled.until(lambda: all(shown(scheduled, name).state == "running" for name in names), "the services run")
        yield names
        for name in names:
            with suppress(DbaasNotFoundError):
                client.services.delete(name)


def shown(scheduled: Scheduled, name: str) -> Service:
    with scheduled.client as client:
        service = client.services.list().named(name)
    assert service is not None
    return service


def links(scheduled: Scheduled, name: str) -> list[tuple[str | None, str | None]]:
    """Where the integrations of a service go, by type."""
    return [(each.type, each.dest) for each in shown(scheduled, name).integrations]


def link(scheduled: Scheduled, source: str, dest: str) -> None:
    with scheduled.client as client:
        client.integrations.create(integration_type="logs", source_service=source, dest_service=dest)
    scheduled.until(lambda: links(scheduled, source) == [("logs", dest)], "the integration is there")


def states(tasks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: task["state"] for name, task in tasks.items()}


def test_reconcile(scheduled: Scheduled, names: tuple[str, str]) -> None:
    """What the file beside the DAG says is carried out, one task for each service."""
    db, search = names
    logs = {"integration_type": "logs", "dest_service": search}
    scheduled.airflow.wait_for_dag("dbaas_reconcile_integrations")
    dag = scheduled.airflow.call("GET", "/dags/dbaas_reconcile_integrations")
    file = Path(dag["fileloc"]).with_suffix(".yaml")
    file.write_text(yaml.safe_dump({"services": {db: {"integrations": [logs]}, search: {"endpoints": []}}}))
    tasks = scheduled.run("dbaas_reconcile_integrations")
    assert states(tasks) == {"read_file": "success", "reconcile": "success"}
    assert tasks["reconcile"]["rendered_map_index"] in names
    assert links(scheduled, db) == [("logs", search)]


def test_report(scheduled: Scheduled, names: tuple[str, str]) -> None:
    """Out of the box it writes below Airflow's home."""
    tasks = scheduled.run("dbaas_nightly_report", services=list(names))
    assert set(states(tasks).values()) == {"success"}
    report = scheduled.xcom(tasks["write_report"])
    page = Path(report["path"].removeprefix("file://"))
    assert page.parents[1] == scheduled.house.folder / "airflow" / "dbaas_report"
    for name in names:
        assert f"<td>{name}" in page.read_text()
        assert page.with_name(f"{name}.csv").read_text().startswith("time,service,node,metric,value,unit,title\n")
        log = page.parents[1] / "logs" / f"{name}.jsonl"
        assert [json.loads(line) for line in log.read_text().splitlines()]


def answer(scheduled: Scheduled, path: str, question: str, option: str) -> dict[str, dict[str, Any]]:
    """Answer, and wait for the end of the run; its tasks."""
    scheduled.answer(question, option)
    scheduled.until(lambda: scheduled.airflow.call("GET", path)["state"] in {"success", "failed"}, "the run ends")
    return scheduled.tasks(path)


def test_decommission_rejected(scheduled: Scheduled, names: tuple[str, str]) -> None:
    """The question says what will go; after a rejection all is as it was, and the run has failed."""
    db, search = names
    link(scheduled, db, search)
    with scheduled.client as client:
        created = client.external_endpoints.prometheus.create(name=f"endpoint-of-{db}").reference
        assert created is not None
        client.external_endpoints.attach(source_service_name=db, dest_endpoint_id=str(created.id), type="prometheus")
    path = scheduled.start("dbaas_decommission", service=db, confirm=db)
    address = scheduled.asked(path, "approve")
    question = scheduled.airflow.call("GET", address)
    assert question["subject"] == f"Delete {db}?"
    assert f"Service **{db}** (running) will be deleted with all its data" in question["body"]
    assert f"\n- logs integration {db} → {search}\n" in question["body"]
    assert f"\n- attachment to the prometheus endpoint endpoint-of-{db}\n" in question["body"]

    tasks = answer(scheduled, path, address, "Reject")
    assert states(tasks)["approve"] == "failed"
    later = ("copy_wanted", "copy_log", "copy_metrics", "check_again", "unlink", "delete")
    assert {states(tasks)[name] for name in later} == {"upstream_failed"}
    assert tasks["approve"]["try_number"] == 1
    assert links(scheduled, db) == [("logs", search)]


def test_decommission_approved(scheduled: Scheduled, names: tuple[str, str], tmp_path: Path) -> None:
    """The copy is written, the integration goes, then the service."""
    db, search = names
    link(scheduled, db, search)
    path = scheduled.start("dbaas_decommission", service=db, confirm=db, archive=f"file://{tmp_path}")
    tasks = answer(scheduled, path, scheduled.asked(path, "approve"), "Approve")
    assert set(states(tasks).values()) == {"success"}
    assert (tmp_path / f"{db}.jsonl").read_text()
    assert len(scheduled.xcom(tasks["unlink"])["plan"]["delete"]) == 1
    assert scheduled.xcom(tasks["delete"])["deleted"] is True
    with scheduled.client as client:
        assert client.services.list().named(db) is None
    assert links(scheduled, search) == []


def test_decommission_looks_again_after_the_approval(scheduled: Scheduled, names: tuple[str, str]) -> None:
    """A service that was protected while the question was open keeps its links."""
    db, search = names
    link(scheduled, db, search)
    path = scheduled.start("dbaas_decommission", service=db, confirm=db)
    question = scheduled.asked(path, "approve")
    with scheduled.client as client:
        client.services.mysql.update(name=db, termination_protection=True)
        scheduled.until(lambda: bool(shown(scheduled, db).termination_protection), "it is protected")
        tasks = answer(scheduled, path, question, "Approve")
        client.services.mysql.update(name=db, termination_protection=False)
        scheduled.until(lambda: not shown(scheduled, db).termination_protection, "it is not")
    assert (states(tasks)["check_again"], states(tasks)["delete"]) == ("failed", "upstream_failed")
    assert "has termination protection" in scheduled.log(tasks["check_again"])
    assert links(scheduled, db) == [("logs", search)]
