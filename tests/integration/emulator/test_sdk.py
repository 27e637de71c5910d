"""Every operation, through Exoscale's own SDK for Python: it shares no code with the project."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from exoscale.api.exceptions import ExoscaleAPIClientException
from exoscale.api.v2 import Client

from tests.conftest import RunningEmulator
from tests.contract.operations import OPERATIONS
from tests.integration.emulator.conftest import eventually, execute, source_of, uri_of

TYPES = ("pg", "mysql", "valkey", "grafana", "opensearch", "thanos")
ENDPOINTS = {
    "datadog": {"datadog-api-key": "abc", "site": "datadoghq.eu"},
    "elasticsearch": {"url": "https://e.example.com", "index-prefix": "mine"},
    "opensearch": {"url": "https://o.example.com", "index-prefix": "mine"},
    "prometheus": {"basic-auth-username": "scraper", "basic-auth-password": "a-password"},
    "rsyslog": {"server": "r.example.com", "port": 514, "tls": False, "format": "rfc3164"},
}


class Sdk:
    """Calls operations by id and remembers which."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.client = Client(emulator.key, emulator.secret, url=emulator.url)
        self.called: set[str] = set()

    def __call__(self, operation_id: str, **arguments: Any) -> Any:
        self.called.add(operation_id)
        return getattr(self.client, operation_id.replace("-", "_"))(**arguments)

    def done(self, operation_id: str, **arguments: Any) -> str:
        """Id that the operation's reference names, once it has succeeded."""
        operation = self(operation_id, **arguments)
        found = eventually(lambda: self("get-operation", id=operation["id"]), lambda found: found["state"] != "pending")
        assert found["state"] == "success", found
        reference: str = found["reference"]["id"]
        return reference


@pytest.fixture
def sdk(emulator) -> Iterator[Sdk]:
    made = Sdk(emulator)
    yield made
    made.client.http_client.close()


def test_exoscales_own_sdk_can_do_all_of_it(sdk, postgres_source):
    """Each operation answers, and what was made is gone at the end."""
    names = {kind: f"sdk-{kind}-{secrets.token_hex(4)}" for kind in TYPES}
    for kind, name in names.items():
        sdk.done(f"create-dbaas-service-{kind}", name=name, plan="startup-4")
    eventually(
        lambda: [each for each in sdk("list-dbaas-services")["dbaas-services"] if each["name"] in names.values()],
        lambda found: len(found) == len(TYPES) and {each["state"] for each in found} == {"running"},
    )
    for kind, name in names.items():
        sdk.done(f"update-dbaas-service-{kind}", name=name, plan="startup-8")
        assert sdk(f"get-dbaas-service-{kind}", name=name)["plan"] == "startup-8"
        assert sdk("get-dbaas-service-type", service_type_name=kind)["name"] == kind
    assert len(sdk("list-dbaas-service-types")["dbaas-service-types"]) == len(TYPES)
    for kind in ("pg", "mysql"):
        assert sdk(f"get-dbaas-settings-{kind}")["settings"][kind]["properties"]
    try_users_and_databases(sdk, names)
    try_integrations(sdk, names)
    try_endpoints(sdk, names)
    try_migrations(sdk, names, postgres_source)
    assert sdk("get-dbaas-ca-certificate")["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert sdk("get-dbaas-service-logs", service_name=names["pg"], limit=5)["logs"]
    assert "metrics" in sdk("get-dbaas-service-metrics", service_name=names["pg"], period="hour")
    sdk.done("delete-dbaas-service", name=names.pop("opensearch"))
    sdk.done("create-dbaas-service-opensearch", name="sdk-again", plan="startup-4")
    for kind, name in (names | {"opensearch": "sdk-again"}).items():
        sdk.done(f"delete-dbaas-service-{kind}", name=name)
    assert sdk.called == set(OPERATIONS)


def try_users_and_databases(sdk: Sdk, names: dict[str, str]) -> None:
    """In both types of services that have them."""
    for kind, word in (("pg", "postgres"), ("mysql", "mysql")):
        where: dict[str, Any] = {"service_name": names[kind]}
        sdk.done(f"create-dbaas-{word}-user", **where, username="user")
        sdk.done(f"reset-dbaas-{word}-user-password", **where, username="user", password="Some_Passw0rd")
        revealed = sdk(f"reveal-dbaas-{word}-user-password", **where, username="user")
        assert revealed == {"username": "user", "password": "Some_Passw0rd"}
        sdk.done(f"delete-dbaas-{word}-user", **where, username="user")
        sdk.done(f"create-dbaas-{kind}-database", **where, database_name="more")
        assert "more" in sdk(f"get-dbaas-service-{kind}", name=names[kind])["databases"]
        sdk.done(f"delete-dbaas-{kind}-database", **where, database_name="more")


def try_integrations(sdk: Sdk, names: dict[str, str]) -> None:
    """One, and what there is to know of all."""
    assert len(sdk("list-dbaas-integration-types")["dbaas-integration-types"]) == 3
    ends = {"integration_type": "logs", "source_type": "pg", "dest_type": "opensearch"}
    assert sdk("list-dbaas-integration-settings", **ends)["settings"]["properties"]
    joined = {"source_service": names["pg"], "dest_service": names["opensearch"]}
    identifier = sdk.done("create-dbaas-integration", integration_type="logs", **joined)
    sdk.done("update-dbaas-integration", id=identifier, settings={"elasticsearch_index_days_max": 2})
    shown = sdk("get-dbaas-integration", id=identifier)
    assert (shown["is-active"], shown["settings"]) == (True, {"elasticsearch_index_days_max": 2})
    sdk.done("delete-dbaas-integration", id=identifier)


def try_endpoints(sdk: Sdk, names: dict[str, str]) -> None:
    """One of each type, with a service attached."""
    assert len(sdk("list-dbaas-external-endpoint-types")["endpoint-types"]) == len(ENDPOINTS)
    for kind, settings in ENDPOINTS.items():
        name = f"sdk-{secrets.token_hex(4)}"
        identifier = sdk.done(f"create-dbaas-external-endpoint-{kind}", name=name, settings=settings)
        sdk.done(f"update-dbaas-external-endpoint-{kind}", endpoint_id=identifier, settings=settings)
        assert sdk(f"get-dbaas-external-endpoint-{kind}", endpoint_id=identifier)["name"] == name
        assert identifier in [each["id"] for each in sdk("list-dbaas-external-endpoints")["dbaas-endpoints"]]
        service = {"source_service_name": names["pg"]}
        attached = sdk.done("attach-dbaas-service-to-endpoint", **service, dest_endpoint_id=identifier, type=kind)
        assert sdk("get-dbaas-external-integration", integration_id=attached)["dest-endpoint-id"] == identifier
        listed = sdk("list-dbaas-external-integrations", service_name=names["pg"])["external-integrations"]
        assert [each["integration-id"] for each in listed] == [attached]
        if kind == "datadog":
            subject = "dbaas-external-integration-settings-datadog"
            sdk.done(f"update-{subject}", integration_id=attached, settings={"datadog-dbm-enabled": True})
            assert sdk(f"get-{subject}", integration_id=attached)["settings"] == {"datadog-dbm-enabled": True}
        sdk.done("detach-dbaas-service-from-endpoint", **service, integration_id=attached)
        sdk.done(f"delete-dbaas-external-endpoint-{kind}", endpoint_id=identifier)


def try_migrations(sdk: Sdk, names: dict[str, str], source: Any) -> None:
    """A real one into PostgreSQL; into the others there is none to stop."""
    execute(source, "postgres", "CREATE DATABASE sdk_moved")
    execute(source, "sdk_moved", "CREATE TABLE t (id int PRIMARY KEY)")
    check = {"service": names["pg"], "source_service_uri": uri_of(source), "method": "dump"}
    task = {"service": names["pg"], "id": sdk.done("create-dbaas-task-migration-check", **check)}
    found = eventually(lambda: sdk("get-dbaas-task", **task), lambda found: "success" in found)
    assert found["success"] is True
    sdk.done("update-dbaas-service-pg", name=names["pg"], migration=source_of(source, method="dump"))
    status = eventually(
        lambda: sdk("get-dbaas-migration-status", name=names["pg"]), lambda found: found["status"] != "running"
    )
    assert [each["status"] for each in status["details"]] == ["done"]
    sdk.done("stop-dbaas-pg-migration", name=names["pg"])
    for kind in ("mysql", "valkey"):
        with pytest.raises(ExoscaleAPIClientException, match="has no migration"):
            sdk(f"stop-dbaas-{kind}-migration", name=names[kind])
