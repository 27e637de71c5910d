"""Services of the types that have no server here, and what there is to know of types."""

import secrets
from contextlib import closing

import pytest

from airflow_dbaas.emulator.postgres import installed
from tests.conftest import start_emulator
from tests.integration.emulator.conftest import Api, eventually

RECORDS = ("valkey", "grafana", "opensearch", "thanos")
MIGRATION = {"host": "127.0.0.1", "port": 1, "username": "u", "password": "p-secret"}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_created_shown_changed_and_deleted(api, kind):
    """As any service, but with nothing in its answers that would lead to a server."""
    name = f"{kind}-{secrets.token_hex(4)}"
    path = f"/dbaas-{kind}/{name}"
    operation = api.ok("POST", path, {"plan": "startup-4", "ip-filter": ["10.0.0.0/8"]})
    reference = operation["reference"]
    assert operation["state"] == "pending"
    assert (reference["link"], reference["command"]) == (f"/v2{path}", f"get-dbaas-service-{kind}")
    assert "already taken" in api.refused(409, "POST", path, {"plan": "startup-4"})
    assert "already taken" in api.refused(409, "POST", f"/dbaas-postgres/{name}", {"plan": "startup-4"})
    shown = eventually(lambda: api.ok("GET", path), lambda found: found["state"] == "running")
    assert (shown["name"], shown["type"], shown["plan"]) == (name, kind, "startup-4")
    assert (shown["ip-filter"], shown["integrations"], shown["prometheus-uri"]) == (["10.0.0.0/8"], [], {})
    assert shown.keys().isdisjoint({"uri", "uri-params", "connection-info", "components"})
    listed = {each["name"]: each for each in api.ok("GET", "/dbaas-service")["dbaas-services"]}
    assert (listed[name]["type"], listed[name]["state"]) == (kind, "running")
    update = {"plan": "startup-8", "maintenance": {"dow": "monday", "time": "01:02:03"}}
    assert api.done("PUT", path, update) == reference["id"]
    changed = api.ok("GET", path)
    assert (changed["plan"], changed["maintenance"]["dow"]) == ("startup-8", "monday")
    assert changed["updated-at"] > changed["created-at"]
    assert "unknown plan 'x'" in api.refused(400, "PUT", path, {"plan": "x"})
    api.done("DELETE", path)
    for method in ("GET", "DELETE"):
        assert f"Service {name} does not exist" in api.refused(404, method, path)
    api.refused(404, "PUT", path, {})


@pytest.mark.parametrize("kind", RECORDS)
def test_a_bad_record_is_refused_in_words(api, kind):
    """Unknown plans and versions, no name, too long a name, what the emulator cannot do."""
    path = f"/dbaas-{kind}/bad"
    assert "missing keys 'plan'" in api.refused(400, "POST", path, {})
    assert "unknown plan 'gigantic-1'" in api.refused(400, "POST", path, {"plan": "gigantic-1"})
    assert "name: must have at least 1" in api.refused(400, "POST", f"/dbaas-{kind}/", {"plan": "startup-4"})
    assert "at most 63" in api.refused(400, "POST", f"/dbaas-{kind}/{'n' * 64}", {"plan": "startup-4"})
    if kind != "thanos":
        assert "fork-from-service" in api.refused(400, "POST", path, {"plan": "startup-4", "fork-from-service": "y"})
    if kind not in {"grafana", "thanos"}:
        message = api.refused(400, "POST", path, {"plan": "startup-4", "version": "0.1"})
        assert "0.1 is not available in this emulator" in message
    api.refused(404, "GET", path)


def test_a_service_is_found_under_its_own_type_only(api):
    """Under the path of another type there is no such service."""
    name = api.record("valkey")
    for path in (f"/dbaas-postgres/{name}", f"/dbaas-mysql/{name}"):
        for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
            assert "it is of type valkey" in api.refused(404, method, path, body)
    # Except where a service of any type can be deleted.
    api.done("DELETE", f"/dbaas-service/{name}")
    api.refused(404, "GET", f"/dbaas-valkey/{name}")


def test_a_protected_record_is_not_deleted(api):
    """By neither of the two ways."""
    name = api.record("thanos", **{"termination-protection": True})
    for path in (f"/dbaas-thanos/{name}", f"/dbaas-service/{name}"):
        assert "protected against termination" in api.refused(409, "DELETE", path)
    api.done("PUT", f"/dbaas-thanos/{name}", {"termination-protection": False})
    api.done("DELETE", f"/dbaas-thanos/{name}")


def test_a_record_may_have_any_name(api):
    """When it is encoded; links are."""
    name = api.record("grafana", "an%20odd%2Fgrafana%3F%0A")
    assert api.ok("GET", f"/dbaas-grafana/{name}")["name"] == "an odd/grafana?\n"
    operation = api.ok("DELETE", f"/dbaas-grafana/{name}")
    assert operation["reference"]["link"] == f"/v2/dbaas-grafana/{name}"


@pytest.mark.fact("service-version")
def test_a_version_comes_back_finer_than_it_was_asked_for(api):
    """And cannot be changed; asking for what is there is no change."""
    name = api.record("valkey", version="8.1")
    shown = api.ok("GET", f"/dbaas-valkey/{name}")["version"]
    assert shown.startswith("8.1.")
    for same in ("8.1", shown):
        api.done("PUT", f"/dbaas-valkey/{name}", {"version": same})
    assert "changing the version" in api.refused(400, "PUT", f"/dbaas-valkey/{name}", {"version": "9"})


def test_a_null_takes_a_value_back(api):
    """The document allows nulls in requests where it allows none in answers."""
    template = {"number-of-replicas": None, "mapping-nested-objects-limit": None, "number-of-shards": 2}
    patterns = [{"pattern": "p*", "max-index-count": None}]
    name = api.record("opensearch", **{"index-template": template, "index-patterns": patterns, "max-index-count": None})
    shown = api.ok("GET", f"/dbaas-opensearch/{name}")
    assert (shown["index-template"], shown["index-patterns"]) == ({"number-of-shards": 2}, [{"pattern": "p*"}])


def test_nothing_is_migrated_into_a_record(api):
    """There is no server that could take it; no status either, and nothing to stop or check."""
    kind, name = "valkey", api.record("valkey")
    path = f"/dbaas-{kind}/{name}"
    for method, target in (("POST", f"/dbaas-{kind}/another"), ("PUT", path)):
        message = api.refused(400, method, target, {"plan": "startup-4", "migration": MIGRATION})
        assert message == f"migration: the emulator has no {kind} server to migrate into"
    assert api.refused(404, "POST", f"{path}/migration/stop") == f"Service {name} has no migration"
    assert api.refused(404, "GET", f"/dbaas-migration-status/{name}") == f"Service {name} has no migration"
    message = api.refused(400, "POST", f"/dbaas-task-migration-check/{name}", {"source-service-uri": "x"})
    assert f"no {kind} server" in message
    api.refused(404, "POST", f"/dbaas-{kind}/absent/migration/stop")


@pytest.mark.fact("operation-is-not-readiness", "service-users")
def test_a_record_is_rebuilding_for_as_long_as_was_said(tmp_path):
    """It is not ready when the operation is over."""
    options = ("--operation-seconds", "0.1", "--startup-seconds", "2")
    with start_emulator(tmp_path / "log", *options) as emulator, closing(Api(emulator)) as api:
        api.done("POST", "/dbaas-valkey/one", {"plan": "hobbyist-2"})
        assert api.ok("GET", "/dbaas-valkey/one")["state"] == "rebuilding"
        eventually(lambda: api.ok("GET", "/dbaas-valkey/one")["state"], lambda state: state == "running")


def test_types_of_services_have_plans_and_versions(api):
    """PostgreSQL those that are installed here, which are the ones that can be asked for."""
    types = {each["name"]: each for each in api.ok("GET", "/dbaas-service-type")["dbaas-service-types"]}
    assert set(types) == {"pg", "mysql", *RECORDS}
    assert types["pg"]["available-versions"] == [str(major) for major in installed()]
    assert types["pg"]["default-version"] == "17"
    for name, shown in types.items():
        assert api.ok("GET", f"/dbaas-service-type/{name}") == shown
        plans = {plan["name"]: plan for plan in shown["plans"]}
        assert (plans["startup-4"]["node-count"], plans["startup-4"]["zones"]) == (1, ["ch-gva-2"])
        assert plans["startup-4"]["node-memory"] == 4 * 1024**3
    assert "default-version" not in types["thanos"]
    assert api.refused(404, "GET", "/dbaas-service-type/oracle") == "Service type oracle does not exist"


def test_settings_that_can_be_set_are_those_of_the_document(api):
    """And a request that goes against what is served here is refused."""
    pg = api.ok("GET", "/dbaas-settings-pg")["settings"]
    assert set(pg) == {"pg", "pglookout", "pgbouncer", "timescaledb"}
    limit = pg["pg"]["properties"]["max_worker_processes"]["maximum"]
    body = {"plan": "startup-4", "pg-settings": {"max_worker_processes": limit + 1}}
    assert f"must be at most {limit}" in api.refused(400, "POST", "/dbaas-postgres/bad", body)
    assert api.ok("GET", "/dbaas-settings-mysql")["settings"]["mysql"]["additionalProperties"] is False
