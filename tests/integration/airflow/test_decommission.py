"""The example DAG ``dbaas_decommission`` as users get it; in these runs the approval is taken as given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.api import Client
from tests.integration.airflow.conftest import DagRun, Run
from tests.integration.airflow.linked import linked_services, links, of

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

DAG_ID = "dbaas_decommission"


@pytest.fixture
def run(run: Run, dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Run:
    """As everywhere, with an approval that is taken as given: ``DAG.test()`` has nobody to ask."""
    dag = dags[DAG_ID]
    ask = dag.test
    monkeypatch.setattr(dag, "test", lambda **options: ask(**options, mark_success_pattern="approve"))
    return lambda dag_id, archive=None, **parameters: run(dag_id, archive=archive, **parameters)


@pytest.fixture
def names(client: Client) -> Iterator[dict[str, str]]:
    with linked_services(client) as names:
        yield names


def attach(client: Client, service: str) -> str:
    """Attach a service to an endpoint of its own; the endpoint's id."""
    created = client.external_endpoints.prometheus.create(name=f"prometheus-of-{service}")
    endpoint_id = str(created.reference and created.reference.id)
    client.external_endpoints.attach(source_service_name=service, dest_endpoint_id=endpoint_id, type="prometheus")
    return endpoint_id


def states(ended: DagRun) -> dict[str, str]:
    return {name: task.state for name, task in ended.tasks.items()}


def test_a_service_is_unlinked_and_deleted(run: Run, client: Client, names: dict[str, str], tmp_path: Path) -> None:
    """Log and metrics are copied; integrations and attachments are shown and go; at last the service goes."""
    db, search = names["db"], names["search"]
    client.integrations.create(integration_type="logs", source_service=db, dest_service=search)
    endpoint = attach(client, db)
    ended = run(DAG_ID, service=db, confirm=db, archive=f"file://{tmp_path}/last")
    assert set(states(ended).values()) == {"success"}
    for line in (f"- delete logs integration {db} → {search}", f"- delete attachment {db} → prometheus endpoint"):
        assert line in ended.output
    assert (of(client, db), links(client, search)) == ([], [])
    entries = [json.loads(line) for line in (tmp_path / "last" / f"{db}.jsonl").read_text().splitlines()]
    assert entries
    assert (tmp_path / "last" / f"{db}.csv").read_text().startswith("time,service,node,metric,value,unit,title\n")
    unlinked = ended.tasks["unlink"].result
    assert (unlinked["applied"], len(unlinked["plan"]["delete"])) == (True, 2)
    # The API keeps an endpoint to which a service is attached.
    client.external_endpoints.prometheus.delete(endpoint)


def test_without_a_folder_nothing_is_copied(run: Run, client: Client, names: dict[str, str]) -> None:
    """And a service without links goes as well."""
    ended = run(DAG_ID, service=names["db"], confirm=names["db"])
    assert ended.state == "success"
    assert {name for name, state in states(ended).items() if state == "skipped"} == {"copy_log", "copy_metrics"}
    assert of(client, names["db"]) == []


def untouched(client: Client, names: dict[str, str]) -> bool:
    return links(client, names["db"]) == [("logs", names["db"], names["search"])]


@pytest.fixture
def linked(client: Client, names: dict[str, str]) -> str:
    """The name of a service with an integration."""
    client.integrations.create(integration_type="logs", source_service=names["db"], dest_service=names["search"])
    return names["db"]


def test_the_name_must_be_typed_twice(run: Run, client: Client, names: dict[str, str], linked: str) -> None:
    """Otherwise nothing is even looked at."""
    refused = run(DAG_ID, service=linked, confirm=names["db2"])
    assert f"the names differ: '{linked}' and '{names['db2']}'; nothing was changed" in refused.output
    assert states(refused)["compare_names"] == "failed"
    assert {state for name, state in states(refused).items() if name != "compare_names"} == {"upstream_failed"}
    assert untouched(client, names)


def test_a_protected_service_keeps_its_links(run: Run, client: Client, names: dict[str, str], linked: str) -> None:
    """What the deletion would refuse is refused before anything is taken apart."""
    client.services.mysql.update(name=linked, termination_protection=True)
    try:
        refused = run(DAG_ID, service=linked, confirm=linked)
    finally:
        client.services.mysql.update(name=linked, termination_protection=False)
    assert refused.tasks["check"].tries == 1
    assert "has termination protection" in refused.output
    assert states(refused)["approve"] == "upstream_failed"
    assert untouched(client, names)


def test_a_copy_that_fails_stops_it(
    run: Run, client: Client, names: dict[str, str], linked: str, tmp_path: Path
) -> None:
    """The file is something else than a log: nothing is changed."""
    (tmp_path / f"{linked}.jsonl").write_text("not a log\n")
    stopped = run(DAG_ID, service=linked, confirm=linked, archive=f"file://{tmp_path}")
    assert states(stopped)["copy_log"] == "failed"
    assert {states(stopped)[name] for name in ("check_again", "unlink", "delete")} == {"upstream_failed"}
    assert untouched(client, names)


def test_an_unknown_service(run: Run) -> None:
    """A name that was mistyped twice is no service that is gone already."""
    refused = run(DAG_ID, service="no-such-service", confirm="no-such-service")
    assert states(refused)["check"] == "failed"
    assert "service no-such-service does not exist" in refused.output
