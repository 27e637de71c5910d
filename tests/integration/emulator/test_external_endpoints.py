"""External endpoints of all types, and services attached to them."""

from __future__ import annotations

import secrets

import pytest

from tests.integration.emulator.conftest import eventually

UNKNOWN = "00000000-0000-4000-8000-000000000000"
# For each type: what is set, what of it is a secret or otherwise never shown, a change, and a bad setting.
KINDS = {
    "datadog": (
        {"site": "datadoghq.eu", "datadog-tags": [{"tag": "env:test", "comment": "c"}], "disable-consumer-stats": True},
        {"datadog-api-key": "CANARYdatadogkey"},
        {"datadog-api-key": "CANARYotherkey", "max-partition-contexts": 300},
        ({"site": "datadoghq.moon"}, "settings.site: must be one of"),
    ),
    "elasticsearch": (
        {"url": "https://logs.example.com:9200", "index-prefix": "mine", "timeout": 10},
        {"ca": "CANARY-ca-e"},
        {"index-days-max": 5},
        ({"timeout": 9}, "settings.timeout: must be at least 10"),
    ),
    "opensearch": (
        {"url": "https://logs.example.com:9200", "index-prefix": "mine"},
        {"ca": "CANARY-ca-o"},
        {"index-prefix": "other"},
        ({"index-prefix": "A"}, "settings.index-prefix: must match"),
    ),
    "prometheus": (
        {"basic-auth-username": "scraper"},
        {"basic-auth-password": "CANARY-basic"},
        {"basic-auth-username": "another"},
        ({"basic-auth-password": "short-c"}, "settings.basic-auth-password: must have at least 8"),
    ),
    "rsyslog": (
        {"server": "logs.example.com", "port": 514, "tls": True, "format": "rfc5424", "sd": "x@1"},
        {"ca": "CANARY-ca-r", "cert": "CANARY-cert", "key": "CANARY-key"},
        {"port": 6514, "key": "CANARY-new-key"},
        ({"port": 0}, "settings.port: must be at least 1"),
    ),
}


@pytest.fixture(scope="module")
def service(api) -> str:
    """A running service of type ``pg``."""
    return api.service()


def make(api, kind: str) -> str:
    """Id of a new endpoint."""
    shown, hidden, *_ = KINDS[kind]
    path = f"/dbaas-external-endpoint-{kind}/{kind}-{secrets.token_hex(4)}"
    return api.done("POST", path, {"settings": shown | hidden})


def attach(api, service: str, endpoint: str, kind: str) -> str:
    """Id of a new external integration."""
    body = {"dest-endpoint-id": endpoint, "type": kind}
    return api.done("PUT", f"/dbaas-external-endpoint/{service}/attach", body)


@pytest.mark.fact("reference-endpoint", "endpoint-secrets")
@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_is_made_shown_changed_and_removed(api, kind):
    """The operation's reference is its id; what is never shown is not."""
    shown, hidden, change, _ = KINDS[kind]
    name, subject = f"an end/{secrets.token_hex(4)}", f"dbaas-external-endpoint-{kind}"
    path = f"/{subject}/{name.replace(' ', '%20').replace('/', '%2F')}"
    operation = api.ok("POST", path, {"settings": shown | hidden})
    identifier = operation["reference"]["id"]
    assert operation["state"] == "pending"
    assert operation["reference"]["link"] == f"/v2/{subject}/{identifier}"
    assert operation["reference"]["command"] == f"get-{subject}"
    assert f"{name} of type {kind} already exists" in api.refused(409, "POST", path, {"settings": shown | hidden})
    summary = {"id": identifier, "name": name, "type": kind}
    assert summary in api.ok("GET", "/dbaas-external-endpoints")["dbaas-endpoints"]
    path = f"/{subject}/{identifier}"
    assert api.ok("GET", path) == summary | {"settings": shown}
    assert api.done("PUT", path, {"settings": change}) == identifier
    expected = shown | {key: value for key, value in change.items() if key not in hidden}
    assert api.ok("GET", path)["settings"] == expected
    api.done("PUT", path, {})
    assert api.ok("GET", path)["settings"] == expected
    assert api.done("DELETE", path) == identifier
    assert summary not in api.ok("GET", "/dbaas-external-endpoints")["dbaas-endpoints"]
    for method, body in (("GET", None), ("PUT", {"settings": change}), ("DELETE", None)):
        assert "does not exist" in api.refused(404, method, path, body)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_endpoint_is_refused_in_words(api, kind):
    """When it is made and when it is changed; without the value, which may be a secret."""
    shown, hidden, change, (bad, text) = KINDS[kind]
    path = f"/dbaas-external-endpoint-{kind}"
    for method, target, good in (("POST", f"{path}/bad", shown | hidden), ("PUT", f"{path}/{make(api, kind)}", change)):
        message = api.refused(400, method, target, {"settings": good | bad})
        assert text in message
        assert not any(f"'{value}'" in message for value in bad.values())
    assert "name: must have at least 1" in api.refused(400, "POST", f"{path}/", {"settings": shown | hidden})
    assert "valid uuid" in api.refused(400, "GET", f"{path}/17")
    api.refused(404, "GET", f"{path}/{UNKNOWN}")
    if kind == "prometheus":
        # The only one that needs no settings.
        identifier = api.done("POST", f"{path}/plain-{secrets.token_hex(4)}", {})
        assert api.ok("GET", f"{path}/{identifier}")["settings"] == {}
    else:
        assert "missing keys 'settings'" in api.refused(400, "POST", f"{path}/bad", {})
        assert "missing keys 'settings." in api.refused(400, "POST", f"{path}/bad", {"settings": {}})


@pytest.mark.fact("endpoint-names")
def test_an_endpoint_is_found_under_its_own_type_only(api):
    """And a name is taken within one type only."""
    identifier = make(api, "rsyslog")
    name = api.ok("GET", f"/dbaas-external-endpoint-rsyslog/{identifier}")["name"]
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        message = api.refused(404, method, f"/dbaas-external-endpoint-prometheus/{identifier}", body)
        assert message == f"External endpoint {identifier} of type prometheus does not exist"
    api.done("POST", f"/dbaas-external-endpoint-prometheus/{name}", {})


@pytest.mark.fact("reference-attachment")
@pytest.mark.parametrize("kind", KINDS)
def test_a_service_is_attached_and_detached(api, service, kind):
    """The operation's reference is the external integration; an endpoint in use is not deleted."""
    endpoint = make(api, kind)
    name = api.ok("GET", f"/dbaas-external-endpoint-{kind}/{endpoint}")["name"]
    body = {"dest-endpoint-id": endpoint, "type": kind}
    operation = api.ok("PUT", f"/dbaas-external-endpoint/{service}/attach", body)
    identifier = operation["reference"]["id"]
    assert operation["reference"]["link"] == f"/v2/dbaas-external-integration/{identifier}"
    path = f"/dbaas-external-integration/{identifier}"
    assert api.ok("GET", path)["status"] == "starting"
    assert "already" in api.refused(409, "PUT", f"/dbaas-external-endpoint/{service}/attach", body)
    assert api.finish(operation)["state"] == "success"
    shown = api.ok("GET", path)
    assert shown.pop("description")
    assert shown == {
        "integration-id": identifier,
        "type": kind,
        "dest-endpoint-id": endpoint,
        "dest-endpoint-name": name,
        "source-service-name": service,
        "source-service-type": "pg",
        "status": "running",
    }
    listed = api.ok("GET", f"/dbaas-external-integrations/{service}")["external-integrations"]
    assert [each["integration-id"] for each in listed] == [identifier]
    message = api.refused(409, "DELETE", f"/dbaas-external-endpoint-{kind}/{endpoint}")
    assert message == f"External endpoint {name} is in use by {service}; detach the services first"
    body = {"integration-id": identifier}
    assert api.done("PUT", f"/dbaas-external-endpoint/{service}/detach", body) == identifier
    api.refused(404, "GET", path)
    assert api.ok("GET", f"/dbaas-external-integrations/{service}") == {"external-integrations": []}
    assert "does not exist" in api.refused(404, "PUT", f"/dbaas-external-endpoint/{service}/detach", body)
    api.done("DELETE", f"/dbaas-external-endpoint-{kind}/{endpoint}")


def test_what_does_not_fit_is_not_attached(api, service):
    """Unknown ends, another type than the endpoint's, a type of service that it cannot serve."""
    endpoint, thanos = make(api, "datadog"), api.record("thanos")
    body = {"dest-endpoint-id": endpoint, "type": "datadog"}
    assert "Service absent" in api.refused(404, "PUT", "/dbaas-external-endpoint/absent/attach", body)
    path = f"/dbaas-external-endpoint/{service}/attach"
    assert "does not exist" in api.refused(404, "PUT", path, body | {"dest-endpoint-id": UNKNOWN})
    assert "is of type datadog, not rsyslog" in api.refused(400, "PUT", path, body | {"type": "rsyslog"})
    assert "must be one of" in api.refused(400, "PUT", path, body | {"type": "kafka"})
    message = api.refused(400, "PUT", f"/dbaas-external-endpoint/{thanos}/attach", body)
    assert "type thanos cannot be attached to an external endpoint of type datadog" in message
    assert "Service absent" in api.refused(404, "GET", "/dbaas-external-integrations/absent")
    assert "does not exist" in api.refused(404, "GET", f"/dbaas-external-integration/{UNKNOWN}")


def test_a_service_detaches_what_is_its_own_only(api, service):
    """Not what another service is attached to."""
    integration = attach(api, service, make(api, "rsyslog"), "rsyslog")
    other = api.record("valkey")
    body = {"integration-id": integration}
    message = api.refused(404, "PUT", f"/dbaas-external-endpoint/{other}/detach", body)
    assert message == f"Service {other} has no external integration {integration}"
    assert "Service absent" in api.refused(404, "PUT", "/dbaas-external-endpoint/absent/detach", body)
    api.done("PUT", f"/dbaas-external-endpoint/{service}/detach", body)


def test_attachments_end_with_the_service(api):
    """The endpoint can be deleted then."""
    name, endpoint = api.record("valkey"), make(api, "rsyslog")
    integration = attach(api, name, endpoint, "rsyslog")
    api.done("DELETE", f"/dbaas-valkey/{name}")
    api.refused(404, "GET", f"/dbaas-external-integration/{integration}")
    api.done("DELETE", f"/dbaas-external-endpoint-rsyslog/{endpoint}")


def test_an_attached_service_may_have_settings_for_datadog(api, service):
    """And for Datadog only; a change leaves what it does not name."""
    integration = attach(api, service, make(api, "datadog"), "datadog")
    path = f"/dbaas-external-integration-settings-datadog/{integration}"
    assert api.ok("GET", path) == {"settings": {}}
    assert api.done("POST", path, {"settings": {"datadog-dbm-enabled": True}}) == integration
    api.done("POST", path, {"settings": {"datadog-pgbouncer-enabled": False}})
    expected = {"datadog-dbm-enabled": True, "datadog-pgbouncer-enabled": False}
    eventually(lambda: api.ok("GET", path)["settings"], lambda found: found == expected)
    assert "must be of type boolean" in api.refused(400, "POST", path, {"settings": {"datadog-dbm-enabled": "yes"}})
    other = attach(api, service, make(api, "rsyslog"), "rsyslog")
    for method, body in (("GET", None), ("POST", {"settings": {}})):
        message = api.refused(400, method, f"/dbaas-external-integration-settings-datadog/{other}", body)
        assert message == f"External integration {other} is of type rsyslog, not datadog"
        api.refused(404, method, f"/dbaas-external-integration-settings-datadog/{UNKNOWN}", body)
    for each in (integration, other):
        api.done("PUT", f"/dbaas-external-endpoint/{service}/detach", {"integration-id": each})


def test_the_list_of_types_says_which_services_can_be_attached(api):
    """For each of the five."""
    types = {each["type"]: each for each in api.ok("GET", "/dbaas-external-endpoint-types")["endpoint-types"]}
    assert set(types) == set(KINDS)
    assert "thanos" not in types["datadog"]["service-types"]
    assert "pg" in types["rsyslog"]["service-types"]


def test_no_secret_of_an_endpoint_is_in_the_log(emulator):
    """After all that the tests above have set and refused."""
    log = emulator.log.read_text()
    assert "create-dbaas-external-endpoint-datadog: /v2/dbaas-external-endpoint-datadog/" in log
    assert "CANARY" not in log
    assert "short-c" not in log
