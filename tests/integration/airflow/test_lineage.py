"""OpenLineage's events of a migration, as Airflow's provider sends them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.integration.airflow.conftest import ROOT, Run, password_of

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

# In a process of its own: a provider that listens to tasks must not listen to those of other tests. It has this one
# DAG in its folder, for DAGs that import from ``tests`` have Airflow's settings made anew.
RUN = """
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow_dbaas.waiting import poller
poller.BRIEF_SECONDS = poller.RESUME_SECONDS = 0
ended = DagBag(sys.argv[1]).dags["lineage"].test(run_conf={"service": sys.argv[2]})
sys.exit(str(ended.state) != "success")
"""


def test_the_events_name_the_databases(
    run: Run,
    client: Client,
    service: str,
    shop: PostgresServer,
    define_source: Callable[..., None],
    tmp_path: Path,
) -> None:
    """The event that ends a task has the databases of the source going in, and those of the service coming out.

    So with a start that was deferred, with one that only joined, and with the verification, which adds the rows.
    """
    define_source("legacy", shop)
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(Path(__file__).parent / "dags" / "lineage.py", dags)
    sent = tmp_path / "events.json"
    environment = {
        **os.environ,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__OPENLINEAGE__DISABLED": "False",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(sent), "append": True}),
    }
    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(dags), service],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    events = [json.loads(line) for line in sent.read_text().splitlines()]
    ended = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
    begun = [event["job"]["name"] for event in events if event["eventType"] == "START"]
    assert begun.count("lineage.start") > 1  # deferred in between
    given = client.services.pg.get(service).uri_params or {}
    source = {"namespace": f"postgres://{shop.host}:{shop.port}", "name": "shop"}
    target = {"namespace": f"postgres://{given['host']}:{given['port']}", "name": "shop"}
    for task in ("start", "join", "verify"):
        event = ended[f"lineage.{task}"]
        assert [named(dataset) for dataset in event["inputs"]] == [source]
        assert [named(dataset) for dataset in event["outputs"]] == [target]
    (counted,) = ended["lineage.verify"]["inputs"]
    assert counted["inputFacets"]["dataQualityMetrics"]["rowCount"] == 1000
    assert password_of(shop) not in sent.read_text()


def named(dataset: dict[str, Any]) -> dict[str, str]:
    """A dataset's namespace and name."""
    return {key: dataset[key] for key in ("namespace", "name")}
