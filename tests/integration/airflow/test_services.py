"""Services of every type in a real Airflow: created, reused, changed and deleted, poking and deferred."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.api.parameters import SERVICE_TYPES
from airflow_dbaas.operators import services
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])
ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"

#: A property of each type beyond those that all have.
SPECIAL: dict[str, dict[str, Any]] = {
    "pg": {"pg_settings": {"log_min_duration_statement": 100}},
    "mysql": {"binlog_retention_period": 700},
    "valkey": {"valkey_settings": {"ssl": True}},
    "grafana": {"grafana_settings": {"alerting_enabled": False}},
    "opensearch": {"index_template": {"number_of_shards": 3}},
    "thanos": {"thanos_settings": {"query": {"query_timeout": "1m"}}},
}


@pytest.fixture(autouse=True)
def _quick_to_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SETTLING_SECONDS", 0.05)


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """A name; the service that has it in the end is deleted."""
    name = f"svc-{secrets.token_hex(4)}"
    yield name
    left = client.services.list().named(name)
    if left is not None:
        if left.termination_protection:
            client.operation(f"update-dbaas-service-{left.type}")(name=name, termination_protection=False)
        client.services.delete(name)


def sent(emulator: RunningEmulator, method: str) -> int:
    """How many requests of a method the emulator has had."""
    return emulator.log.read_text().count(f'"{method} /v2/')


def shown(client: Client, service_type: str, name: str) -> Any:
    return client.operation(f"get-dbaas-service-{service_type}")(name)


@modes
@pytest.mark.parametrize("service_type", SERVICE_TYPES)
def test_the_life_of_a_service(run: Run, client: Client, name: str, service_type: str, mode: str) -> None:
    """Created, reused, changed, found unchanged, moved to another plan, deleted."""
    special = SPECIAL[service_type]
    kind = {"service": name, "type": service_type}
    result = {**kind, "zone": "ch-gva-2", "state": "running"}

    created = run(f"service_create_{mode}", **kind, settings={"ip_filter": ["192.0.2.0/24"], **special})
    assert created.state == "success"
    operation = created.task.result["operation_id"]
    assert operation
    assert created.task.result == {**result, "plan": "startup-4", "created": True, "operation_id": operation}
    assert shown(client, service_type, name).ip_filter == ["192.0.2.0/24"]

    again = run(f"service_create_{mode}", **kind)
    assert again.task.result == {**result, "plan": "startup-4", "created": False, "operation_id": None}

    wanted = {"ip_filter": ["198.51.100.7/32"], "maintenance": {"dow": "monday", "time": "03:00:00"}, **special}
    changed = run(f"service_update_{mode}", service=name, settings=wanted)
    assert changed.state == "success"
    # What the service had from its creation was not sent again.
    assert changed.task.result["changed"] == ["ip_filter", "maintenance"]
    assert changed.task.result["operation_id"]
    assert shown(client, service_type, name).ip_filter == ["198.51.100.7/32"]
    assert shown(client, service_type, name).maintenance["dow"] == "monday"

    same = run(f"service_update_{mode}", service=name, settings=wanted)
    assert same.task.result == {**result, "plan": "startup-4", "changed": [], "operation_id": None}

    moved = run(f"service_update_{mode}", **kind, settings={"plan": "startup-8", **wanted})
    assert moved.state == "success"
    assert (moved.task.result["changed"], moved.task.result["plan"]) == (["plan"], "startup-8")
    assert client.services.list().named(name).plan == "startup-8"

    deleted = run(f"delete_{mode}", service=name)
    assert deleted.state == "success"
    assert client.services.list().named(name) is None


def test_wrong_settings_send_nothing(run: Run, emulator: RunningEmulator, client: Client, name: str) -> None:
    """A property that another type has is refused by the type's own body, before any request."""
    before = emulator.log.read_text()
    for dag in ("service_create_poking", "service_update_poking"):
        refused = run(dag, service=name, type="grafana", settings={"pg_settings": {}})
        assert (refused.task.state, refused.task.tries) == ("failed", 1)
        assert "settings: unknown setting 'pg_settings', did you mean 'grafana_settings'?" in refused.output
    assert emulator.log.read_text() == before


def test_an_update_of_the_wrong_service_is_refused(run: Run, client: Client, name: str) -> None:
    """Of one that does not exist, or is of another type."""
    missing = run("service_update_poking", service=name, settings={"plan": "startup-8"})
    assert (missing.task.state, missing.task.tries) == ("failed", 1)
    assert f"service {name} does not exist" in missing.output
    assert run("service_create_poking", service=name, type="valkey").state == "success"
    refused = run("service_update_poking", service=name, type="mysql", settings={"plan": "startup-8"})
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert f"service {name} is of type valkey, not mysql" in refused.output
    reused = run("service_create_poking", service=name, type="mysql")
    assert f"service {name} already exists and is of type valkey, not mysql" in reused.output


def test_nothing_is_waited_for(run: Run, client: Client, name: str) -> None:
    """The result is there as soon as the API has taken the request, with the operation to wait for."""
    created = run("service_create_only_deferred", service=name, type="thanos")
    result = {"service": name, "type": "thanos", "zone": "ch-gva-2"}
    operation = created.task.result["operation_id"]
    assert created.task.result == {
        **result,
        "state": None,
        "plan": "startup-4",
        "created": True,
        "operation_id": operation,
    }
    assert run("operation_poking", id=operation).state == "success"
    assert run("service_poking", service=name).state == "success"
    updated = run("service_update_only_poking", service=name, settings={"plan": "startup-16"})
    operation = updated.task.result["operation_id"]
    assert updated.task.result == {
        **result,
        "state": "running",
        "plan": "startup-16",
        "changed": ["plan"],
        "operation_id": operation,
    }
    assert run("operation_poking", id=operation).state == "success"
    deleted = run("service_delete_only_poking", service=name)
    operation = deleted.task.result["operation_id"]
    assert deleted.task.result == {
        "service": name,
        "zone": "ch-gva-2",
        "state": "deleting",
        "deleted": True,
        "operation_id": operation,
    }
    assert run("operation_poking", id=operation).state == "success"


def test_protection_is_lifted_by_an_update_only(run: Run, client: Client, name: str) -> None:
    """Force does not override it."""
    kind = {"service": name, "type": "pg"}
    assert run("service_create_poking", **kind, settings={"termination_protection": True}).state == "success"
    for dag in ("delete_poking", "service_delete_by_force_deferred"):
        refused = run(dag, service=name)
        assert (refused.task.state, refused.task.tries) == ("failed", 1)
        assert "has termination protection, which force does not override" in refused.output
    assert run("service_update_poking", **kind, settings={"termination_protection": False}).state == "success"
    assert run("delete_poking", service=name).task.result["deleted"] is True
    missing = run("service_delete_known_poking", service=name)
    assert (missing.task.state, missing.task.tries) == ("failed", 1)
    assert "does not exist (if_missing='fail')" in missing.output


def listed(**fields: Any) -> Reply:
    """A list of services with one of them."""
    return Reply(
        body={"dbaas-services": [{"name": "db", "type": "pg", "plan": "startup-4", "state": "running", **fields}]}
    )


NO_SERVICE = Reply(body={"dbaas-services": []})
REPLICA = {"id": ID, "type": "read_replica", "source": "db", "dest": "copy", "is-active": True}
MIGRATION = Reply(body={"status": "running", "details": [{"dbname": "shop", "status": "running"}]})
ATTACHED = Reply(body={"external-integrations": [{"type": "rsyslog", "dest-endpoint-name": "collector"}]})
TAKEN = Reply(body={"id": ID, "state": "success"})


@pytest.mark.fact("read-replica")
@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ([listed(integrations=[REPLICA])], "service db has active read replicas: copy"),
        ([listed(), MIGRATION], "a migration into service db is under way"),
        # It has just begun: no database is named yet.
        ([listed(), Reply(body={"status": "running"})], "a migration into service db is under way (status running)"),
    ],
)
def test_a_service_in_use_is_deleted_by_force_only(
    run: Run, api: ScriptedServer, looks: list[Reply], reason: str
) -> None:
    """Otherwise nothing is sent; what goes with it is logged."""
    api.replies = list(looks)
    refused = run("delete_poking", service="db")
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert reason in refused.output
    assert {method for method, *_ in api.requests} == {"GET"}

    api.replies = [looks[0], ATTACHED, TAKEN, TAKEN, NO_SERVICE]
    forced = run("service_delete_by_force_poking", service="db")
    assert (forced.state, forced.task.result["deleted"]) == ("success", True)
    assert "Deleted with it: its integration with the rsyslog endpoint collector" in forced.output
    if reason.endswith("copy"):
        assert f"Deleted with it: integration read_replica, db → copy ({ID})" in forced.output


def test_a_look_that_finds_nothing_is_no_deletion(run: Run, api: ScriptedServer) -> None:
    """That the API knows of no attachments (404) does not mean that the service is gone."""
    unknown = Reply(404, {"message": "not found"})
    api.replies = [listed(), unknown, unknown, TAKEN, TAKEN, NO_SERVICE]
    deleted = run("delete_poking", service="db")
    assert (deleted.state, deleted.task.result["deleted"]) == ("success", True)
    assert [method for method, *_ in api.requests] == ["GET", "GET", "GET", "DELETE", "GET", "GET"]


def test_a_retry_knows_the_service_it_created(run: Run, api: ScriptedServer) -> None:
    """Airflow keeps what the first try noted: also ``if_exists='fail'`` takes the service for the task's own."""
    busy = Reply(body={"id": ID, "state": "failure", "reason": "busy"})
    api.replies = [NO_SERVICE, Reply(body={"id": ID, "state": "pending"}), busy, listed()]
    retried = run("service_create_new_poking", service="db", type="pg")
    assert (retried.task.state, retried.task.tries) == ("success", 2)
    assert (retried.task.result["created"], retried.task.result["operation_id"]) == (True, ID)
    assert [method for method, *_ in api.requests].count("POST") == 1


@pytest.mark.parametrize(("days", "state"), [(-1, "success"), (1, "failed")])
def test_a_service_of_the_same_name_is_not_the_one_created(
    run: Run, api: ScriptedServer, days: int, state: str
) -> None:
    """Somebody else made it after this task had made one."""
    moment = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    busy = Reply(body={"id": ID, "state": "failure", "reason": "busy"})
    api.replies = [NO_SERVICE, Reply(body={"id": ID, "state": "pending"}), busy, listed(**{"created-at": moment})]
    retried = run("service_create_new_poking", service="db", type="pg")
    assert (retried.task.state, retried.task.tries) == (state, 2)


def test_a_retry_knows_what_it_changed(run: Run, api: ScriptedServer) -> None:
    """The second try finds nothing to change, and reports what the first one did."""
    busy = Reply(body={"id": ID, "state": "failure", "reason": "busy"})
    details = Reply(body={"name": "db", "type": "pg", "termination-protection": False})
    protected = Reply(body={"name": "db", "type": "pg", "termination-protection": True})
    api.replies = [listed(), details, Reply(body={"id": ID}), busy, listed(), protected, listed()]
    retried = run("service_update_poking", service="db", settings={"termination_protection": True})
    assert (retried.task.state, retried.task.tries) == ("success", 2)
    assert (retried.task.result["changed"], retried.task.result["operation_id"]) == (["termination_protection"], ID)
    assert [method for method, *_ in api.requests].count("PUT") == 1


def test_a_lost_creation_of_any_type_is_found(run: Run, api: ScriptedServer) -> None:
    """A create is sent once; what became of it is looked up."""
    api.replies = [NO_SERVICE, Reply(drop=True), listed(type="valkey")]
    ended = run("service_create_deferred", service="db", type="valkey")
    assert (ended.task.state, ended.task.tries, ended.task.result["created"]) == ("success", 1, True)
    assert [f"{method} {path}" for method, path, *_ in api.requests if method == "POST"] == ["POST /v2/dbaas-valkey/db"]


@pytest.mark.fact("service-runs-on")
@modes
def test_a_move_is_over_when_the_new_plan_runs(run: Run, api: ScriptedServer, mode: str) -> None:
    """Not before: running with the old plan, or not running yet, is not taken for the end."""
    api.replies = [
        listed(),
        Reply(body={"name": "db", "type": "pg", "plan": "startup-4", "version": "17.6"}),
        TAKEN,
        TAKEN,
        listed(),
        listed(plan="business-8", state="rebalancing"),
        listed(plan="business-8"),
    ]
    moved = run(f"service_update_{mode}", service="db", settings={"plan": "business-8", "version": "17"})
    assert moved.state == "success"
    assert (moved.task.result["changed"], moved.task.result["plan"]) == (["plan"], "business-8")
    assert len(api.requests) == 7
    (body,) = [json.loads(content) for method, _, _, content in api.requests if method == "PUT"]
    assert body == {"plan": "business-8"}


@pytest.mark.fact("service-must-run")
def test_a_service_that_does_not_run_is_moved_when_it_does(run: Run, api: ScriptedServer) -> None:
    """The API would refuse it; it is waited for first. What needs no running service is changed at once."""
    details = Reply(body={"name": "db", "type": "pg", "plan": "startup-4"})
    rebuilding = listed(state="rebuilding")
    api.replies = [rebuilding, details, rebuilding, listed(), TAKEN, TAKEN, listed(plan="business-8")]
    assert run("service_update_deferred", service="db", settings={"plan": "business-8"}).state == "success"
    assert [method for method, *_ in api.requests][:5] == ["GET", "GET", "GET", "GET", "PUT"]
    api.requests.clear()
    api.replies = [rebuilding, details, TAKEN, TAKEN, listed()]
    # Not shown is not the same as empty.
    changed = run("service_update_poking", service="db", settings={"ip_filter": []})
    assert changed.task.result["changed"] == ["ip_filter"]
    assert [method for method, *_ in api.requests][:3] == ["GET", "GET", "PUT"]


@modes
def test_writes_are_enabled(run: Run, client: Client, emulator: RunningEmulator, name: str, mode: str) -> None:
    """A request and its operation, of MySQL services only; a second time is harmless."""
    client.services.mysql.create(name=name, plan="hobbyist-2")
    for _ in range(2):
        enabled = run(f"service_enable_writes_{mode}", service=name)
        assert enabled.state == "success"
        operation = client.operations.get(enabled.task.result.pop("operation_id"))
        assert (operation.state, enabled.task.result) == ("success", {"service": name, "zone": "ch-gva-2"})
    assert emulator.log.read_text().count(f"enable-dbaas-mysql-writes: /v2/dbaas-mysql/{name}\n") == 2
    assert run(f"service_enable_writes_{mode}", service="nowhere").state == "failed"
