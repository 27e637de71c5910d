"""Every operation, through Exoscale's own SDK for Python: it shares no code with the project."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from exoscale.api.exceptions import ExoscaleAPIClientException, ExoscaleAPIServerException

from tests.conftest import RunningEmulator
from tests.contract.operations import OPERATIONS
from tests.integration.emulator.conftest import eventually, execute, query, source_of, uri_of
from tests.integration.emulator.witness import ENDPOINTS, TYPES, Witness, witnessed


class Sdk:
    """Calls operations by id; every answer is held to the document."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.client, self.witness = witnessed(emulator)

    def __call__(self, operation_id: str, **arguments: Any) -> Any:
        return getattr(self.client, operation_id.replace("-", "_"))(**arguments)

    def done(self, operation_id: str, **arguments: Any) -> str:
        """Id that the operation's reference names, once it has succeeded."""
        operation = self(operation_id, **arguments)
        reference: str = self.client.wait(operation["id"], max_wait_time=60)["reference"]["id"]
        return reference


@pytest.fixture
def sdk(emulator, monkeypatch) -> Iterator[Sdk]:
    # It looks every three seconds at first, and operations are over after a tenth of one here.
    monkeypatch.setattr("exoscale.api.v2._poll_interval", lambda run_time: 0.05)
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
    sdk.done("enable-dbaas-mysql-writes", name=names["mysql"])
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
    assert sdk.witness.answers.keys() | {"stop-dbaas-mysql-migration", "stop-dbaas-valkey-migration"} == set(OPERATIONS)
    assert sdk.witness.answers.total() > 250


def test_the_story_of_a_migration_from_the_first_service_to_the_last_deletion(sdk, postgres_servers):
    """Made, joined, attached, checked, moved, watched, stopped, taken apart: in the words of the SDK alone."""
    client = sdk.client
    source = postgres_servers(settings={"wal_level": "logical"})
    execute(source, "postgres", "CREATE DATABASE story")
    execute(source, "story", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 1000)")
    names = {kind: f"story-{kind}-{secrets.token_hex(4)}" for kind in ("pg", "opensearch")}
    for kind, name in names.items():
        made = getattr(client, f"create_dbaas_service_{kind}")(name=name, plan="startup-4")
        assert client.wait(made["id"])["state"] == "success"
    eventually(
        lambda: {each["name"]: each["state"] for each in client.list_dbaas_services()["dbaas-services"]},
        lambda found: [found[name] for name in names.values()] == ["running", "running"],
    )
    service, ends = names["pg"], {"source_service": names["pg"], "dest_service": names["opensearch"]}
    made = client.wait(client.create_dbaas_integration(integration_type="logs", **ends)["id"])
    integration = made["reference"]["id"]
    assert client.get_dbaas_integration(id=integration)["is-active"] is True
    made = client.create_dbaas_external_endpoint_rsyslog(name=service, settings=ENDPOINTS["rsyslog"])
    endpoint = client.wait(made["id"])["reference"]["id"]
    attach = {"source_service_name": service, "dest_endpoint_id": endpoint, "type": "rsyslog"}
    attached = client.wait(client.attach_dbaas_service_to_endpoint(**attach)["id"])["reference"]["id"]
    assert client.get_dbaas_external_integration(integration_id=attached)["status"] == "running"

    check = client.create_dbaas_task_migration_check(service=service, source_service_uri=uri_of(source))
    task = {"service": service, "id": client.wait(check["id"])["reference"]["id"]}
    checked = eventually(lambda: client.get_dbaas_task(**task), lambda found: "success" in found)
    assert (checked["success"], checked["task-type"]) == (True, "pg_migration_check")
    client.wait(client.update_dbaas_service_pg(name=service, migration=source_of(source, method="replication"))["id"])
    status = eventually(
        lambda: client.get_dbaas_migration_status(name=service), lambda found: found["status"] != "running"
    )
    assert (status["status"], [each["dbname"] for each in status["details"]]) == ("syncing", ["story"])
    execute(source, "story", "INSERT INTO t VALUES (0)")
    assert client.wait(client.stop_dbaas_pg_migration(name=service)["id"])["state"] == "success"
    assert "story" in client.get_dbaas_service_pg(name=service)["databases"]
    assert query(source, "story", "SELECT count(*) FROM pg_replication_slots") == [(0,)]

    page = client.get_dbaas_service_logs(service_name=service, limit=3, sort_order="asc")
    after = client.get_dbaas_service_logs(service_name=service, limit=3, sort_order="asc", offset=page["offset"])
    assert len(page["logs"]) == 3
    assert int(after["first-log-offset"]) > int(page["offset"])
    measured = eventually(
        lambda: client.get_dbaas_service_metrics(service_name=service)["metrics"], lambda found: "disk_usage" in found
    )
    assert measured["disk_usage"]["data"]["rows"]

    detach = {"source_service_name": service, "integration_id": attached}
    client.wait(client.detach_dbaas_service_from_endpoint(**detach)["id"])
    client.wait(client.delete_dbaas_external_endpoint_rsyslog(endpoint_id=endpoint)["id"])
    client.wait(client.delete_dbaas_integration(id=integration)["id"])
    for name in names.values():
        client.wait(client.delete_dbaas_service(name=name)["id"])
    for gone in (
        lambda: client.get_dbaas_integration(id=integration),
        lambda: client.get_dbaas_external_endpoint_rsyslog(endpoint_id=endpoint),
        lambda: client.get_dbaas_external_integration(integration_id=attached),
        lambda: client.get_dbaas_service_pg(name=service),
        lambda: client.get_dbaas_task(service=service, id=secrets.token_hex(16)),
    ):
        with pytest.raises(ExoscaleAPIClientException, match=r"Client error 40[04]"):
            gone()
    assert sdk.witness.answers.total() > 50
    assert sdk.witness.refusals.total() == 5


def test_the_sdk_waits_for_an_operation_that_fails(sdk, postgres_servers):
    """A stop whose source is gone says so: the SDK wants a reason with every failure."""
    client, source = sdk.client, postgres_servers(settings={"wal_level": "logical"})
    execute(source, "postgres", "CREATE DATABASE d")
    execute(source, "d", "CREATE TABLE t (a int PRIMARY KEY)")
    name = f"sdk-{secrets.token_hex(4)}"
    client.wait(client.create_dbaas_service_pg(name=name, plan="startup-4")["id"])
    eventually(lambda: client.get_dbaas_service_pg(name=name), lambda found: found["state"] == "running")
    client.update_dbaas_service_pg(name=name, migration=source_of(source, method="replication"))
    eventually(lambda: client.get_dbaas_migration_status(name=name), lambda found: found["status"] == "syncing")
    source.stop()
    operation = client.stop_dbaas_pg_migration(name=name)
    with pytest.raises(ExoscaleAPIServerException, match="Operation error: failure, partial"):
        client.wait(operation["id"])
    with pytest.raises(ExoscaleAPIClientException, match=r"Operation .* does not exist"):
        client.wait("00000000-0000-4000-8000-000000000000")
    client.wait(client.delete_dbaas_service_pg(name=name)["id"])


@pytest.mark.parametrize(
    "changes", [{"id": "not-a-uuid"}, {"state": "finished"}, {"reference": {"id": 1}}], ids=["format", "enum", "type"]
)
def test_the_witness_sees_what_is_off_the_document(emulator, changes):
    """An answer with one property wrong is not let through."""
    response = requests.Response()
    response.status_code, response.headers["content-type"] = 200, "application/json"
    identifier = "00000000-0000-4000-8000-000000000000"
    response.request = requests.Request("GET", f"{emulator.url}/operation/{identifier}").prepare()
    good = {"id": identifier, "state": "success"}
    witness = Witness(emulator.url)
    response._content = json.dumps(good).encode()
    witness(response)
    response._content = json.dumps(good | changes).encode()
    with pytest.raises(AssertionError, match="get-operation"):
        witness(response)
    assert witness.answers == {"get-operation": 1}


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
