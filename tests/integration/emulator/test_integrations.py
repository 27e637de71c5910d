"""Integrations between services: which there can be, and how they live and end."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.conftest import start_emulator
from tests.integration.emulator.conftest import Api, eventually

UNKNOWN = "00000000-0000-4000-8000-000000000000"
TYPES = ("pg", "mysql", "valkey", "grafana", "opensearch", "thanos")


@pytest.fixture(scope="module")
def services(api) -> dict[str, str]:
    """A running service of each type."""
    return {kind: api.service() if kind == "pg" else api.record(kind) for kind in TYPES}


def request_of(kind: str, source: str, dest: str, **settings) -> dict:
    body = {"integration-type": kind, "source-service": source, "dest-service": dest}
    return body | ({"settings": settings} if settings else {})


def ends(api, *names) -> list[list[str]]:
    """Ids of the integrations that each service shows."""
    listed = {each["name"]: each for each in api.ok("GET", "/dbaas-service")["dbaas-services"]}
    return [[each["id"] for each in listed[name]["integrations"]] for name in names]


@pytest.mark.fact("reference-integration", "integration-both-ends")
@pytest.mark.parametrize(
    ("kind", "source", "dest"),
    [
        ("datasource", "grafana", "pg"),
        ("datasource", "grafana", "mysql"),
        ("datasource", "grafana", "opensearch"),
        ("datasource", "grafana", "thanos"),
        ("logs", "pg", "opensearch"),
        ("logs", "thanos", "opensearch"),
        ("metrics", "valkey", "thanos"),
        ("metrics", "mysql", "pg"),
    ],
)
def test_an_integration_is_made_shown_and_removed(api, services, kind, source, dest):
    """The operation's reference is its id; both services show it, in the list and in full."""
    names = services[source], services[dest]
    operation = api.ok("POST", "/dbaas-integration", request_of(kind, *names))
    identifier = operation["reference"]["id"]
    assert operation["state"] == "pending"
    assert operation["reference"]["link"] == f"/v2/dbaas-integration/{identifier}"
    assert operation["reference"]["command"] == "get-dbaas-integration"
    starting = api.ok("GET", f"/dbaas-integration/{identifier}")
    # On a slow machine it runs by now.
    seen = (starting["status"], starting["is-active"], starting["is-enabled"])
    assert seen in {("starting", False, True), ("running", True, True)}
    again = api.refused(409, "POST", "/dbaas-integration", request_of(kind, *names))
    assert again == "Service integration already exists"
    assert api.finish(operation)["state"] == "success"
    shown = api.ok("GET", f"/dbaas-integration/{identifier}")
    assert (shown["type"], shown["source"], shown["dest"], shown["settings"]) == (kind, *names, {})
    assert (shown["status"], shown["is-active"]) == ("running", True)
    assert ends(api, *names) == [[identifier], [identifier]]
    paths = {"pg": "postgres"}
    assert api.ok("GET", f"/dbaas-{paths.get(dest, dest)}/{services[dest]}")["integrations"] == [shown]
    assert api.done("DELETE", f"/dbaas-integration/{identifier}") == identifier
    assert ends(api, *names) == [[], []]
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"settings": {}})):
        message = api.refused(404, method, f"/dbaas-integration/{identifier}", body)
        assert message == f"Integration {identifier} does not exist"


@pytest.mark.parametrize(
    ("kind", "source", "dest", "text"),
    [
        ("datasource", "pg", "grafana", "type pg cannot be the source of an integration of type datasource"),
        ("datasource", "grafana", "valkey", "type valkey cannot be the destination"),
        (
            "logs",
            "pg",
            "thanos",
            "type thanos cannot be the destination of an integration of type logs, possible types: ",
        ),
        ("metrics", "thanos", "pg", "type thanos cannot be the source"),
        ("logs", "opensearch", "opensearch", "cannot be integrated with itself"),
        ("read_replica", "pg", "pg", "must be one of datasource, logs, metrics"),
    ],
)
def test_services_that_do_not_fit_are_not_joined(api, services, kind, source, dest, text):
    """Types have to match, in the right direction."""
    assert text in api.refused(400, "POST", "/dbaas-integration", request_of(kind, services[source], services[dest]))
    assert ends(api, services[source], services[dest]) == [[], []]


def test_what_does_not_exist_is_not_joined(api, services):
    """Neither end may be missing."""
    for names in (("absent", services["opensearch"]), (services["pg"], "absent")):
        message = api.refused(404, "POST", "/dbaas-integration", request_of("logs", *names))
        assert message == "Service absent does not exist"
    assert "missing keys" in api.refused(400, "POST", "/dbaas-integration", {"integration-type": "logs"})
    api.refused(404, "GET", f"/dbaas-integration/{UNKNOWN}")
    assert "valid uuid" in api.refused(400, "GET", "/dbaas-integration/17")


@pytest.mark.fact("integration-settings")
def test_settings_are_held_to_what_is_served_about_them(api, services):
    """When it is made and when it is changed; a change replaces what was set."""
    schema = api.ok("GET", "/dbaas-integration-settings/logs/pg/opensearch")["settings"]
    assert schema["properties"]["elasticsearch_index_days_max"]["maximum"] == 10000
    names = services["pg"], services["opensearch"]
    for settings, text in (
        ({"elasticsearch_index_days_max": 10001}, "settings.elasticsearch_index_days_max: must be at most 10000"),
        ({"elasticsearch_index_prefix": "A"}, "settings.elasticsearch_index_prefix: must match"),
        ({"selected_log_fields": ["HOSTNAME", "x"]}, "settings.selected_log_fields.1: must be one of"),
        ({"selected_log_fields": ["HOSTNAME"] * 6}, "must have at most 5 entries"),
        ({"database": "m"}, "settings: unknown keys database"),
    ):
        assert text in api.refused(400, "POST", "/dbaas-integration", request_of("logs", *names, **settings))
    given = {"elasticsearch_index_days_max": 7, "elasticsearch_index_prefix": "mine"}
    path = f"/dbaas-integration/{api.done('POST', '/dbaas-integration', request_of('logs', *names, **given))}"
    assert api.ok("GET", path)["settings"] == given
    assert "must be at least 1" in api.refused(400, "PUT", path, {"settings": {"elasticsearch_index_days_max": 0}})
    assert "missing keys 'settings'" in api.refused(400, "PUT", path, {})
    api.done("PUT", path, {"settings": {"elasticsearch_index_days_max": 8}})
    assert api.ok("GET", path)["settings"] == {"elasticsearch_index_days_max": 8}
    api.done("DELETE", path)


def test_settings_depend_on_the_source(api, services):
    """Only MySQL has settings for how it is measured."""
    of_mysql = api.ok("GET", "/dbaas-integration-settings/metrics/mysql/thanos")["settings"]["properties"]
    of_pg = api.ok("GET", "/dbaas-integration-settings/metrics/pg/thanos")["settings"]["properties"]
    assert of_mysql.keys() - of_pg.keys() == {"source_mysql"}
    settings = {"source_mysql": {"telegraf": {"gather_slave_status": True}}}
    body = request_of("metrics", services["pg"], services["thanos"], **settings)
    assert "unknown keys source_mysql" in api.refused(400, "POST", "/dbaas-integration", body)
    body = request_of("metrics", services["mysql"], services["thanos"], **settings)
    api.done("DELETE", f"/dbaas-integration/{api.done('POST', '/dbaas-integration', body)}")
    assert api.ok("GET", "/dbaas-integration-settings/datasource/grafana/pg")["settings"]["properties"] == {}
    for path, text in (
        ("logs/pg/thanos", "type thanos cannot be the destination"),
        ("logs/oracle/opensearch", "type oracle cannot be the source"),
        ("dashboard/pg/grafana", "Unknown integration type 'dashboard', known: datasource, logs, metrics"),
    ):
        assert text in api.refused(400, "GET", f"/dbaas-integration-settings/{path}")


def test_the_list_of_types_says_what_can_be_joined(api):
    """With descriptions and settings."""
    types = {each["type"]: each for each in api.ok("GET", "/dbaas-integration-types")["dbaas-integration-types"]}
    assert set(types) == {"datasource", "logs", "metrics"}
    assert types["datasource"]["source-service-types"] == ["grafana"]
    assert types["logs"]["dest-service-types"] == ["opensearch"]
    assert set(types["metrics"]["settings"]["properties"]) >= {"retention_days", "source_mysql"}
    assert all(each["source-description"] and each["dest-description"] for each in types.values())


def test_integrations_end_with_either_service(api, services):
    """The other service shows none any more, and a new service of the same name has none."""
    for victim in ("valkey", "thanos"):
        names = {kind: services[kind] for kind in ("valkey", "thanos")} | {victim: api.record(victim)}
        body = request_of("metrics", names["valkey"], names["thanos"])
        identifier = api.done("POST", "/dbaas-integration", body)
        api.done("DELETE", f"/dbaas-{victim}/{names[victim]}")
        api.refused(404, "GET", f"/dbaas-integration/{identifier}")
        assert ends(api, services["valkey"], services["thanos"]) == [[], []]
        assert ends(api, api.record(victim, names[victim])) == [[]]


@pytest.mark.fact("integration-active")
def test_an_integration_is_active_only_while_both_services_run(tmp_path):
    """It can be made before they do."""
    options = ("--operation-seconds", "0.1", "--startup-seconds", "2")
    with start_emulator(tmp_path / "log", *options) as emulator, closing(Api(emulator)) as api:
        for kind in ("grafana", "thanos"):
            api.done("POST", f"/dbaas-{kind}/{kind}", {"plan": "startup-4"})
        identifier = api.done("POST", "/dbaas-integration", request_of("datasource", "grafana", "thanos"))
        path = f"/dbaas-integration/{identifier}"
        shown = api.ok("GET", path)
        assert (shown["status"], shown["is-active"], shown["is-enabled"]) == ("inactive", False, True)
        eventually(lambda: api.ok("GET", path), lambda found: found["is-active"])
        states = [each["state"] for each in api.ok("GET", "/dbaas-service")["dbaas-services"]]
        assert states == ["running", "running"]
