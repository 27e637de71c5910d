"""All integrations and attachments of a service brought in line with a list, in a real Airflow."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_dbaas.api import Client
from tests.integration.airflow.conftest import DagRun, Run
from tests.integration.airflow.linked import linked_services, links, of
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])


@pytest.fixture
def names(client: Client) -> Iterator[dict[str, str]]:
    with linked_services(client) as names:
        yield names


@pytest.fixture
def endpoints(client: Client) -> Iterator[list[str]]:
    """Two endpoints of type prometheus, by name."""
    names = [f"{role}-{secrets.token_hex(4)}" for role in ("first", "second")]
    ids = []
    for name in names:
        reference = client.external_endpoints.prometheus.create(name=name).reference
        ids.append(str(reference and reference.id))
    yield names
    for endpoint_id in ids:
        client.external_endpoints.prometheus.delete(endpoint_id)


def attached(client: Client, service: str) -> list[str | None]:
    return [
        each.dest_endpoint_name for each in client.external_endpoints.list_integrations(service).external_integrations
    ]


def counts(ended: DagRun) -> dict[str, int]:
    return {action: len(items) for action, items in ended.task.result["plan"].items()}


@modes
def test_from_nothing_to_the_list_and_on(
    run: Run, client: Client, names: dict[str, str], endpoints: list[str], mode: str
) -> None:
    """A dry run shows the plan; a run carries it out; another one keeps all; a changed list is followed."""
    db, search, thanos, grafana = (names[role] for role in ("db", "search", "thanos", "grafana"))
    logs = {"integration_type": "logs", "dest_service": search, "settings": {"elasticsearch_index_days_max": 7}}
    metrics = {"integration_type": "metrics", "dest_service": thanos}
    source = {"integration_type": "datasource", "source_service": grafana}
    prometheus = [{"endpoint_name": name, "endpoint_type": "prometheus"} for name in endpoints]
    first = {"service": db, "integrations": [logs, metrics], "endpoints": prometheus[:1]}

    dry = run(f"reconcile_{mode}", **first, dry_run=True)
    assert dry.state == "success"
    assert (dry.task.result["service"], dry.task.result["dry_run"], dry.task.result["applied"]) == (db, True, False)
    assert counts(dry) == {"create": 3, "update": 0, "delete": 0, "keep": 0}
    for line in (
        f"Plan for service {db}: 3 to create, 0 to update, 0 to delete, 0 to keep",
        f"  + create logs integration {db} → {search} {{'elasticsearch_index_days_max': 7}}",
        f"  + create metrics integration {db} → {thanos}",
        f"  + create attachment {db} → prometheus endpoint {endpoints[0]}",
    ):
        assert line in dry.output
    assert (links(client, db), attached(client, db)) == ([], [])

    applied = run(f"reconcile_{mode}", **first)
    assert (applied.state, applied.task.result["applied"]) == ("success", True)
    assert applied.task.result["plan"] == dry.task.result["plan"]
    assert links(client, db) == [("logs", db, search), ("metrics", db, thanos)]
    assert attached(client, db) == endpoints[:1]

    again = run(f"reconcile_{mode}", **first, prune=True)
    assert counts(again) == {"create": 0, "update": 0, "delete": 0, "keep": 3}
    assert "Now:" not in again.output

    changed = {"elasticsearch_index_days_max": 9}
    second = {
        "service": db,
        "integrations": [source, {**logs, "settings": changed}],
        "endpoints": prometheus[1:],
    }
    left = run(f"reconcile_{mode}", **second)
    assert counts(left) == {"create": 2, "update": 1, "delete": 0, "keep": 2}
    assert f"metrics integration {db} → {thanos}; not in the list, kept because prune is off" in left.output
    assert [each["left"] for each in left.task.result["plan"]["keep"]] == [True, True]
    assert sorted(links(client, db)) == [("datasource", grafana, db), ("logs", db, search), ("metrics", db, thanos)]
    (service,) = of(client, db)
    assert [each.settings for each in service.integrations if each.type == "logs"] == [changed]
    assert attached(client, db) == endpoints

    pruned = run(f"reconcile_{mode}", **second, prune=True)
    assert counts(pruned) == {"create": 0, "update": 0, "delete": 2, "keep": 3}
    assert sorted(links(client, db)) == [("datasource", grafana, db), ("logs", db, search)]
    assert attached(client, db) == endpoints[1:]

    none = run(f"reconcile_{mode}", service=db, integrations=[], endpoints=None, prune=True)
    assert counts(none) == {"create": 0, "update": 0, "delete": 2, "keep": 0}
    assert (links(client, db), attached(client, db)) == ([], endpoints[1:])
    assert run("reconcile_poking", service=db, integrations=None, endpoints=[], prune=True).state == "success"
    assert attached(client, db) == []


def test_two_services(run: Run, client: Client, names: dict[str, str]) -> None:
    """The list of one service says nothing of another's, even where both are linked to the same third one."""
    wanted = [{"integration_type": "logs", "dest_service": names["search"]}]
    for role in ("db", "db2"):
        assert counts(run("reconcile_poking", service=names[role], integrations=wanted, endpoints=None))["create"] == 1
    pruned = run("reconcile_poking", service=names["db"], integrations=[], endpoints=None, prune=True)
    assert counts(pruned)["delete"] == 1
    assert links(client, names["search"]) == [("logs", names["db2"], names["search"])]
    # Seen from the other end it is one of its own.
    kept = run(
        "reconcile_poking",
        service=names["search"],
        integrations=[{"integration_type": "logs", "source_service": names["db2"]}],
        endpoints=None,
        prune=True,
    )
    assert counts(kept) == {"create": 0, "update": 0, "delete": 0, "keep": 1}


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (
            {
                "integrations": [
                    {"integration_type": "metrics", "dest_service": "{thanos}", "settings": {"database": ""}}
                ]
            },
            "integrations[1].settings.database: '' ",
        ),
        ({"integrations": [{"integration_type": "logs", "dest_service": "{grafana}"}]}, "cannot be its destination"),
        ({"integrations": [{"integration_type": "logs", "dest_service": "nowhere"}]}, "service nowhere does not exist"),
        ({"integrations": [{"integration_type": "logs"}]}, "integrations[1] must have either source_service or dest_"),
        (
            {"endpoints": [{"endpoint_name": "nowhere", "endpoint_type": "datadog"}]},
            "endpoints[0]: endpoint nowhere does not exist; there are: ",
        ),
        ({"endpoints": "none"}, "endpoints must be a list of mappings, got str"),
        ({"prune": "no"}, "prune must be true or false, got 'no'"),
        ({"service": "nowhere"}, "service nowhere does not exist"),
    ],
)
def test_all_is_checked_before_the_first_change(
    run: Run, client: Client, names: dict[str, str], last: dict[str, Any], message: str
) -> None:
    """One wrong entry, and none of the right ones before it is made."""
    last = json.loads(json.dumps(last).replace("{thanos}", names["thanos"]).replace("{grafana}", names["grafana"]))
    good = {"integration_type": "logs", "dest_service": names["search"]}
    arguments = {"service": names["db"], "endpoints": [], **last, "integrations": [good, *last.get("integrations", [])]}
    refused = run("reconcile_poking", **arguments)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert message in refused.output
    assert links(client, names["db"]) == []


ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
DONE = Reply(body={"id": ID, "state": "success"})
TYPES = Reply(body={"dbaas-integration-types": [{"type": "logs"}, {"type": "metrics"}]})
LOGS = {"id": "1", "type": "logs", "source": "db", "dest": "search"}
METRICS = {"id": "2", "type": "metrics", "source": "db", "dest": "thanos"}
WANTED = [
    {"integration_type": "logs", "dest_service": "search"},
    {"integration_type": "metrics", "dest_service": "thanos"},
]


def services(*integrations: dict[str, Any]) -> Reply:
    db = {"name": "db", "type": "pg", "integrations": list(integrations)}
    others = [{"name": "search", "type": "opensearch"}, {"name": "thanos", "type": "thanos"}]
    return Reply(body={"dbaas-services": [db, *others]})


def made(server: ScriptedServer) -> list[Any]:
    return [json.loads(body)["integration-type"] for method, _, _, body in server.requests if method == "POST"]


def test_a_step_whose_answer_is_lost_is_not_done_again(run: Run, api: ScriptedServer) -> None:
    """What is there by then is done; the next step follows."""
    api.replies = [
        services(),
        TYPES,
        services(),
        Reply(drop=True),
        services(LOGS),
        services(LOGS),
        DONE,
        DONE,
        services(LOGS, METRICS),
    ]
    ended = run("reconcile_poking", service="db", integrations=WANTED, endpoints=None)
    assert (ended.task.state, ended.task.tries, ended.task.result["applied"]) == ("success", 1, True)
    assert made(api) == ["logs", "metrics"]


def test_a_retry_goes_on_where_the_last_try_stopped(run: Run, api: ScriptedServer) -> None:
    """The first integration is there, the second failed: only that is made by the retry."""
    api.replies = [
        services(),
        TYPES,
        services(),
        DONE,
        DONE,
        services(LOGS),
        Reply(503, {"message": "not now"}),
        services(LOGS),
        services(LOGS),
        TYPES,
        services(LOGS),
        DONE,
        DONE,
        services(LOGS, METRICS),
    ]
    ended = run("reconcile_deferred", service="db", integrations=WANTED, endpoints=None)
    assert (ended.task.state, ended.task.tries) == ("success", 2)
    assert counts(ended) == {"create": 1, "update": 0, "delete": 0, "keep": 1}
    assert made(api) == ["logs", "metrics", "metrics"]


def test_what_the_api_is_slow_to_show_is_done_once(run: Run, api: ScriptedServer) -> None:
    """The list still lacks what was made: it is not made again, and the log says so."""
    api.replies = [services(), TYPES, services(), DONE, DONE, services()]
    ended = run("reconcile_poking", service="db", integrations=WANTED[:1], endpoints=None)
    assert ended.state == "success"
    assert "Done, but the API does not show it: create logs integration db → search" in ended.output
    assert made(api) == ["logs"]


def test_read_replicas_are_left_alone(run: Run, api: ScriptedServer) -> None:
    """Even with prune."""
    api.replies = [services({**LOGS, "type": "read_replica", "dest": "copy"})]
    api.replies = [api.replies[0], TYPES, api.replies[0]]
    ended = run("reconcile_poking", service="db", integrations=[], endpoints=None, prune=True)
    assert counts(ended) == {"create": 0, "update": 0, "delete": 0, "keep": 0}
    assert {method for method, *_ in api.requests} == {"GET"}
