"""A try that is lost after its work: the next one goes on from there."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from airflow_dbaas.emulator.postgres import PostgresServer
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]


def test_nothing_is_done_twice(
    run: Run,
    emulator: RunningEmulator,
    shop: PostgresServer,
    define_source: Callable[..., None],
    database: Path,
) -> None:
    """Each task is lost once after its work; the second try knows what the first one made or removed as its own.

    All but those that are about an endpoint alone have kept a link to their service.
    """
    define_source("legacy", shop)
    name = f"db-{secrets.token_hex(4)}"
    ended = run("retried", service=name)
    assert {(task.state, task.tries) for task in ended.tasks.values()} == {("success", 2)}
    results = {task_id: task.result for task_id, task in ended.tasks.items()}
    for task_id in ("create", "grafana", "integrate", "endpoint", "attach"):
        assert results[task_id]["created"] is True, task_id
    for task_id in ("detach", "separate", "drop_endpoint", "drop_grafana", "drop"):
        assert results[task_id]["deleted"] is True, task_id
    assert results["start"]["joined"] is True
    assert results["create"]["operation_id"]

    # The emulator tells of each change it makes.
    log = emulator.log.read_text().splitlines()
    for change, subject in {
        "create-dbaas-service-pg": name,
        "create-dbaas-service-grafana": f"{name}-g",
        "create-dbaas-integration": results["integrate"]["integration_id"],
        "attach-dbaas-service-to-endpoint": results["attach"]["integration_id"],
        "delete-dbaas-service": f"{name}-g",
    }.items():
        made = [line for line in log if f" {change}: " in line and line.endswith(f"/{subject}")]
        assert len(made) == 1, (change, made)

    with closing(sqlite3.connect(database)) as connection:
        kept = connection.execute(
            "SELECT task_id, value FROM xcom WHERE dag_id = 'retried' AND key = '_link_DbaasServiceLink'"
        ).fetchall()
    linked = {task_id for task_id, address in kept if f"/dbaas/{emulator.zone}/{name}" in address}
    assert linked == set(ended.tasks) - {"endpoint", "drop_endpoint"}
