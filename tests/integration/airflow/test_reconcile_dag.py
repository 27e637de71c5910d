"""The example DAG ``dbaas_reconcile_integrations`` as users get it, with files of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from airflow_dbaas.api import Client
from tests import AIRFLOW_HOME
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import DagRun, Run
from tests.integration.airflow.linked import linked_services, links

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

DAG_ID = "dbaas_reconcile_integrations"
Write = Callable[..., None]


@pytest.fixture
def write(run: Run) -> Iterator[Write]:
    """Writes the file beside the DAG."""
    file = AIRFLOW_HOME / "dags" / f"{DAG_ID}.yaml"
    original = file.read_text()
    yield lambda **document: file.write_text(yaml.safe_dump(document))
    file.write_text(original)


@pytest.fixture
def names(client: Client) -> Iterator[dict[str, str]]:
    with linked_services(client) as names:
        yield names


def plans(ended: DagRun) -> dict[str, dict[str, int]]:
    """How many items each service's plan had for each action."""
    return {
        each["service"]: {action: len(items) for action, items in each["plan"].items() if items}
        for each in ended.tasks["reconcile"].result
    }


def test_services_follow_the_file(run: Run, client: Client, write: Write, names: dict[str, str]) -> None:
    """Shown, applied, kept; what is taken out of the file is deleted only if file or form say so."""
    db, db2, search, thanos = (names[role] for role in ("db", "db2", "search", "thanos"))
    logs = {"integration_type": "logs", "dest_service": search}
    metrics = {"integration_type": "metrics", "dest_service": thanos}
    # The metrics of the second database are wanted at both ends.
    wanted: dict[str, Any] = {
        db: {"integrations": [logs, metrics]},
        db2: {"integrations": [metrics]},
        thanos: {"integrations": [{"integration_type": "metrics", "source_service": db2}]},
    }

    write(services=wanted, dry_run=True)
    shown = run(DAG_ID)
    assert shown.state == "success"
    assert plans(shown) == {db: {"create": 2}, db2: {"create": 1}, thanos: {"create": 1}}
    write(services=wanted)
    assert plans(run(DAG_ID, dry_run=True)) == plans(shown)
    assert (links(client, db), links(client, db2)) == ([], [])

    applied = run(DAG_ID)
    assert applied.state == "success"
    # Airflow begins with any of them: of the two that want the second's metrics the later one finds them.
    done = plans(applied)
    assert done[db] == {"create": 2}
    assert sum(each.get("create", 0) for each in done.values()) == 3
    assert links(client, db) == [("logs", db, search), ("metrics", db, thanos)]
    assert links(client, db2) == [("metrics", db2, thanos)]

    write(services={db: {"integrations": [logs]}, db2: {"integrations": [], "prune": True}})
    pruned = run(DAG_ID)
    assert plans(pruned) == {db: {"keep": 2}, db2: {"delete": 1}}
    assert links(client, db) == [("logs", db, search), ("metrics", db, thanos)]
    assert links(client, db2) == []

    assert plans(run(DAG_ID, prune=True)) == {db: {"delete": 1, "keep": 1}, db2: {}}
    assert links(client, db) == [("logs", db, search)]


def test_a_mistake_in_the_file_is_found_before_anything_is_sent(
    run: Run, write: Write, emulator: RunningEmulator
) -> None:
    """One error names the entry; no service is looked at."""
    write(services={"db": {"integrations": [{"integration_type": "logs"}]}})
    before = emulator.log.read_text()
    refused = run(DAG_ID)
    assert refused.state == "failed"
    assert {name: task.state for name, task in refused.tasks.items()} == {
        "read_file": "failed",
        "reconcile": "upstream_failed",
    }
    assert refused.tasks["read_file"].tries == 1
    assert "services.db: integrations[0] must have either source_service or dest_service" in refused.output
    assert emulator.log.read_text() == before


def test_a_service_that_is_missing_does_not_stop_the_others(
    run: Run, client: Client, write: Write, names: dict[str, str]
) -> None:
    """The run fails, the others are up to date."""
    logs = {"integration_type": "logs", "dest_service": names["search"]}
    write(services={"a-missing-one": {"integrations": [logs]}, names["db"]: {"integrations": [logs]}})
    ended = run(DAG_ID)
    assert ended.state == "failed"
    assert "service a-missing-one does not exist" in ended.output
    assert links(client, names["db"]) == [("logs", names["db"], names["search"])]


def test_nothing_to_do(run: Run, write: Write) -> None:
    """A file without services is no mistake."""
    write(services={})
    ended = run(DAG_ID)
    assert (ended.state, ended.tasks["reconcile"].state) == ("success", "skipped")
