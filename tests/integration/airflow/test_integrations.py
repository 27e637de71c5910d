"""Integrations between services, in a real Airflow, against the emulator, and against a server that answers as told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_dbaas.api import Client
from tests.integration.airflow.conftest import Run
from tests.integration.airflow.linked import linked_services, links, of
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])


@pytest.fixture
def names(client: Client) -> Iterator[dict[str, str]]:
    with linked_services(client) as names:
        yield names


def settings(client: Client, name: str) -> dict[str, Any]:
    (service,) = of(client, name)
    return dict(service.integrations[0].settings or {})


@modes
def test_from_creation_to_deletion(run: Run, client: Client, names: dict[str, str], mode: str) -> None:
    """Created once and active; reused, updated or refused when it is there; deleted, and missing without an error."""
    link = {"type": "logs", "source": names["db"], "dest": names["search"]}
    created = run(f"create_integration_{mode}", **link, settings={"elasticsearch_index_days_max": 7})
    assert created.state == "success"
    result = created.task.result
    assert result == {
        "integration_id": result["integration_id"],
        "integration_type": "logs",
        "source_service": names["db"],
        "dest_service": names["search"],
        "service": names["db"],
        "zone": "ch-gva-2",
        "status": "running",
        "created": True,
        "updated": False,
        "operation_id": result["operation_id"],
    }
    assert result["operation_id"]
    assert links(client, names["search"]) == [("logs", names["db"], names["search"])]

    other = {"elasticsearch_index_days_max": 9, "elasticsearch_index_prefix": "db"}
    reused = run(f"create_integration_{mode}", **link, settings=other)
    assert reused.task.result == {**result, "created": False, "operation_id": None}
    assert "Its settings differ from the given ones and are kept (if_exists='reuse')" in reused.output
    assert settings(client, names["db"]) == {"elasticsearch_index_days_max": 7}

    refused = run(f"new_integration_{mode}", **link)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"the logs integration {names['db']} → {names['search']} already exists (if_exists='fail')" in refused.output

    for updated in (True, False):
        set_ = run(f"set_integration_{mode}", **link, settings=other)
        assert (set_.task.result["created"], set_.task.result["updated"]) == (False, updated)
        assert settings(client, names["db"]) == other

    active = run(f"integration_active_{mode}", id=result["integration_id"])
    assert active.task.result["status"] == "running"

    deleted = run(f"delete_integration_{mode}", id=result["integration_id"])
    assert deleted.task.result["deleted"] is True
    assert (deleted.task.result["source_service"], deleted.task.result["status"]) == (names["db"], "absent")
    assert links(client, names["db"]) == []
    assert run(f"integration_absent_{mode}", id=result["integration_id"]).task.result["status"] == "absent"
    again = run(f"delete_integration_{mode}", **link)
    assert (again.state, again.task.result["deleted"]) == ("success", False)
    missing = run(f"delete_known_integration_{mode}", **link)
    assert (missing.task.state, missing.task.tries) == ("failed", 1)
    assert "does not exist (if_missing='fail')" in missing.output


@modes
def test_updates(run: Run, client: Client, names: dict[str, str], mode: str) -> None:
    """By id or by type and services; what is not named stays; what is as it shall be is not sent."""
    made = client.integrations.create(
        integration_type="metrics",
        source_service=names["db"],
        dest_service=names["thanos"],
        settings={"database": "stats", "retention_days": 10},
    )
    assert made.reference
    assert made.reference.id
    changed = run(f"update_integration_{mode}", id=made.reference.id, settings={"retention_days": 20})
    assert changed.task.result["updated"] is True
    assert settings(client, names["db"]) == {"database": "stats", "retention_days": 20}

    link = {"type": "metrics", "source": names["db"], "dest": names["thanos"]}
    same = run(f"update_integration_{mode}", **link, settings={"database": "stats"})
    assert (same.state, same.task.result["updated"], same.task.result["operation_id"]) == ("success", False, None)

    refused = run(f"update_integration_{mode}", **link, settings={"retention_days": 10001})
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "settings.retention_days: 10001 is greater than the maximum of 10000" in refused.output
    assert settings(client, names["db"])["retention_days"] == 20

    absent = run(f"update_integration_{mode}", **{**link, "source": names["db2"]}, settings={"retention_days": 1})
    assert (absent.task.state, absent.task.tries) == ("failed", 1)
    assert "does not exist; DbaasCreateIntegrationOperator creates one" in absent.output


@pytest.mark.parametrize(
    ("kind", "source", "dest", "given", "message"),
    [
        ("logs", "db", "search", {"elasticsearch_index_days_max": 0}, "_days_max: 0 is less than the minimum of 1"),
        (
            "logs",
            "db",
            "search",
            {"days": 3},
            "settings: unknown setting 'days'; known: elasticsearch_index_days_max, ",
        ),
        (
            "metrics",
            "search",
            "thanos",
            {"source_mysql": {}},
            "settings: unknown setting 'source_mysql'; known: database, ",
        ),
        ("logs", "db", "thanos", {}, "of type thanos, cannot be its destination: possible types: opensearch"),
        ("datasource", "db", "grafana", {}, "swapped, it is possible"),
        ("logs", "db", "nowhere", {}, "service nowhere does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    run: Run, client: Client, names: dict[str, str], kind: str, source: str, dest: str, given: Any, message: str
) -> None:
    """The error names the property, its value and the limit, or the types that are possible."""
    ends = {"source": names[source], "dest": names.get(dest, dest)}
    refused = run("create_integration_poking", type=kind, **ends, settings=given)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert message in refused.output
    assert links(client, names[source]) == []


def test_without_waiting(run: Run, client: Client, names: dict[str, str]) -> None:
    """The result is there as soon as the API has taken the request, with the operation to wait for."""
    link = {"type": "datasource", "source": names["grafana"], "dest": names["thanos"]}
    begun = run("begin_integration_poking", **link)
    assert begun.task.result["created"] is True
    assert client.operations.get(begun.task.result["operation_id"]).id
    assert run("integration_active_deferred", id=begun.task.result["integration_id"]).state == "success"
    ended = run("begin_deletion_poking", **link)
    assert (ended.task.result["status"], ended.task.result["deleted"]) == ("deleting", True)
    assert client.operations.get(ended.task.result["operation_id"]).id


def test_mapped_over_several(run: Run, client: Client, names: dict[str, str]) -> None:
    """One operator, as many integrations as a task before it found."""
    wanted = [
        {"integration_type": "logs", "dest_service": names["search"], "settings": {"elasticsearch_index_prefix": "x1"}},
        {"integration_type": "metrics", "dest_service": names["thanos"], "settings": None},
    ]
    assert run("map_integrations", source=names["db"], links=wanted).state == "success"
    # They are made in no order.
    assert sorted(links(client, names["db"])) == [
        ("logs", names["db"], names["search"]),
        ("metrics", names["db"], names["thanos"]),
    ]


ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
OPERATION = "11111111-2222-4333-8444-55555555555a"
LINK = {"type": "logs", "source": "db", "dest": "search"}
SHOWN = {"id": ID, "type": "logs", "source": "db", "dest": "search", "status": "running", "is-active": True}
TYPES = Reply(body={"dbaas-integration-types": [{"type": "logs"}]})
TAKEN = Reply(body={"id": OPERATION, "state": "pending"})


def services(*integrations: dict[str, Any]) -> Reply:
    db = {"name": "db", "type": "pg", "state": "running", "integrations": list(integrations)}
    return Reply(body={"dbaas-services": [db, {"name": "search", "type": "opensearch", "state": "running"}]})


def sent(server: ScriptedServer) -> list[str]:
    return [f"{method} {path}" for method, path, *_ in server.requests if method != "GET"]


@pytest.mark.parametrize("dag", ["create_integration_poking", "new_integration_deferred"])
def test_a_creation_whose_answer_is_lost_is_not_sent_again(run: Run, api: ScriptedServer, dag: str) -> None:
    """The connection breaks after the request: the integration that is there by then is this one."""
    api.replies = [services(), TYPES, Reply(drop=True), services(SHOWN)]
    ended = run(dag, **LINK)
    assert (ended.task.state, ended.task.tries, ended.task.result["created"]) == ("success", 1, True)
    assert ended.task.result["integration_id"] == ID
    assert sent(api) == ["POST /v2/dbaas-integration"]


def test_a_creation_that_shows_only_later_is_adopted_by_the_retry(run: Run, api: ScriptedServer) -> None:
    """Nothing is there right after the lost answer; the next try finds it and sends nothing."""
    api.replies = [services(), TYPES, Reply(drop=True), services(), services(SHOWN), TYPES, services(SHOWN)]
    ended = run("create_integration_poking", **LINK)
    assert (ended.task.state, ended.task.tries) == ("success", 2)
    assert sent(api) == ["POST /v2/dbaas-integration"]


@pytest.mark.fact("double-refused")
def test_an_integration_that_another_run_created_is_used(run: Run, api: ScriptedServer) -> None:
    """The API says that there is one; with if_exists="fail" that is an end."""
    conflict = Reply(409, {"message": "Service integration already exists"})
    api.replies = [services(), TYPES, conflict, services(SHOWN)]
    used = run("create_integration_deferred", **LINK)
    assert (used.task.state, used.task.result["created"]) == ("success", False)
    api.replies = [services(), TYPES, conflict, services(SHOWN)]
    refused = run("new_integration_poking", **LINK)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)


@pytest.mark.fact("reference-integration", "not-listed-at-once")
@pytest.mark.parametrize(
    "reference", [{"id": ID}, {"id": "db", "link": f"/v2/dbaas-integration/{ID}"}, {"link": f"/v2/x/{ID}/"}]
)
def test_an_integration_that_is_not_listed_yet_is_waited_for(
    run: Run, api: ScriptedServer, reference: dict[str, str]
) -> None:
    """The operation names it, as a UUID or only in a link; the list shows it a moment later."""
    done = Reply(body={"id": OPERATION, "state": "success", "reference": reference})
    api.replies = [services(), TYPES, TAKEN, done, services(), services(), services(SHOWN)]
    ended = run("create_integration_poking", **LINK)
    assert (ended.task.state, ended.task.tries, ended.task.result["integration_id"]) == ("success", 1, ID)


@pytest.mark.fact("reference-integration")
def test_an_operation_that_names_nothing(run: Run, api: ScriptedServer) -> None:
    """Then the list is all there is: found there, or by the retry."""
    done = Reply(body={"id": OPERATION, "state": "success"})
    api.replies = [services(), TYPES, TAKEN, done, services(SHOWN)]
    assert run("create_integration_poking", **LINK).task.result["integration_id"] == ID
    api.replies = [services(), TYPES, TAKEN, done, services(), services(SHOWN), TYPES, services(SHOWN)]
    ended = run("create_integration_poking", **LINK)
    assert (ended.task.state, ended.task.tries, ended.task.result["integration_id"]) == ("success", 2, ID)
    assert "the API accepted the logs integration db → search, but does not list it" in ended.output
    assert sent(api) == ["POST /v2/dbaas-integration"] * 2


def test_a_deletion_whose_answer_was_lost_is_done(run: Run, api: ScriptedServer) -> None:
    """The repeated request finds nothing: the first one did its work."""
    api.replies = [services(SHOWN), Reply(drop=True), Reply(404, {"message": "no such integration"})]
    ended = run("delete_known_integration_poking", **LINK)
    assert (ended.task.state, ended.task.tries, ended.task.result["deleted"]) == ("success", 1, True)


@pytest.mark.fact("read-replica")
def test_that_of_a_read_replica_is_not_deleted(run: Run, api: ScriptedServer) -> None:
    """It would make the replica a service of its own."""
    api.replies = [services({**SHOWN, "type": "read_replica", "dest": "copy"})]
    refused = run("delete_integration_poking", id=ID)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "is that of read replica copy: deleting it would make copy a separate service" in refused.output
    assert sent(api) == []


def test_a_service_that_is_powered_off(run: Run, api: ScriptedServer) -> None:
    """The integration cannot become active: said at once, not when the time is over."""
    waiting = {**SHOWN, "status": "inactive", "is-active": False}
    off = services(waiting)
    off.body["dbaas-services"][1]["state"] = "poweroff"
    api.replies = [off, TYPES, off]
    refused = run("create_integration_deferred", **LINK)
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "cannot become active: service search is powered off" in refused.output
