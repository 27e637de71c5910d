"""Operations, tasks, services, integrations and migrations that go wrong, and the verdicts of the waits on them."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.faults.kinds import REASONS
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.waiting import poller
from airflow_dbaas.waiting.conditions import (
    Done,
    ExternalIntegrationWait,
    Failed,
    IntegrationWait,
    MigrationWait,
    OperationWait,
    Pending,
    ServiceWait,
    TaskWait,
    Verdict,
    Wait,
)
from tests.integration.emulator.conftest import eventually, execute, source_of, uri_of
from tests.integration.emulator.failing import Failing


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    """An emulator of this module's own."""
    with Failing.started(tmp_path_factory.mktemp("failing") / "emulator.log") as failing:
        yield failing


@pytest.fixture(scope="module")
def client(failing: Failing) -> Iterator[Client]:
    with Client(failing.emulator.key, failing.emulator.secret, url=failing.emulator.url) as client:
        yield client


@pytest.fixture(scope="module")
def pg(failing: Failing) -> str:
    """Name of a service with a server."""
    return failing.api.service()


@pytest.fixture(scope="module")
def source(postgres_source: PostgresServer) -> PostgresServer:
    """A server with two databases."""
    for name in ("first", "second"):
        execute(postgres_source, "postgres", f"CREATE DATABASE {name}")
    return postgres_source


def seen(client: Client, wait: Wait) -> Verdict:
    """The verdict at one look."""
    return poller.poll(client, poller.Watch(wait))


def ended(client: Client, wait: Wait) -> Done | Failed:
    """The verdict once it is final."""
    found: Done | Failed = eventually(lambda: seen(client, wait), lambda verdict: not isinstance(verdict, Pending), 10)
    return found


def record(client: Client, kind: str = "valkey") -> str:
    """Name of a new service without a server."""
    name = f"{kind}-{secrets.token_hex(4)}"
    client.operation(f"create-dbaas-service-{kind}")(name=name, plan="startup-4")
    return name


MENDED = {"incorrect", "forbidden", "not-found", "unsupported", "conflict"}


@pytest.mark.parametrize("state", ["failure", "timeout"])
@pytest.mark.parametrize("reason", REASONS)
def test_operations_fail_for_every_reason(failing, client, reason, state):
    """State, reason and message are told; whether a later try may help depends on the reason. The work is done."""
    name = f"valkey-{secrets.token_hex(4)}"
    failing.told({"kind": "operation-fails", "reason": reason, "state": state, "message": "so it is", "name": name})
    operation = client.services.valkey.create(name=name, plan="startup-4")
    verdict = ended(client, OperationWait(operation.id))
    assert isinstance(verdict, Failed)
    assert str(verdict.error) == f"operation {operation.id} ended in {state} ({reason}): so it is"
    assert verdict.error.retryable == (reason not in MENDED)
    assert failing.counts() == [(1, 1)]
    assert name in failing.names()


def test_operations_that_never_end(failing, client):
    """The operation stays pending while the work is done and others end."""
    failing.told({"kind": "operation-never-ends"})
    name = f"valkey-{secrets.token_hex(4)}"
    stuck = client.services.valkey.create(name=name, plan="startup-4")
    assert isinstance(ended(client, OperationWait(client.services.delete(name).id)), Done)
    assert seen(client, OperationWait(stuck.id)) == Pending(f"operation {stuck.id} is pending")


def test_tasks_that_fail_and_that_never_end(failing, client, pg, source):
    """A check fails with the text that was asked for, though its source is good; another one never comes to an end."""
    failing.told({"kind": "task-fails", "result": "no luck"}, {"kind": "task-never-ends"})
    failed, stuck, good = [
        client.migrations.check(service=pg, source_service_uri=uri_of(source), method="dump") for _ in range(3)
    ]
    waits = [TaskWait(pg, each.reference.id) for each in (failed, stuck, good)]
    verdict = ended(client, waits[0])
    assert isinstance(verdict, Failed)
    assert str(verdict.error).endswith("no luck")
    assert isinstance(ended(client, waits[2]), Done)
    assert isinstance(seen(client, waits[1]), Pending)


def test_services_that_power_off(failing, client):
    """The service named is shown so, in the list and by itself; the others are not, and it runs again afterwards."""
    name, other = record(client), record(client)
    failing.told({"kind": "service-poweroff", "name": name, "times": 2})
    verdict = seen(client, ServiceWait(name))
    assert isinstance(verdict, Failed)
    assert f"service {name} is powered off" in str(verdict.error)
    assert isinstance(seen(client, ServiceWait(other)), Failed | Done)
    assert isinstance(seen(client, ServiceWait(name)), Done)
    failing.told({"kind": "service-poweroff", "operation": "get-dbaas-service-valkey"})
    assert client.services.valkey.get(other).state == "poweroff"
    assert client.services.valkey.get(other).state == "running"


def test_services_that_vanish(failing, client):
    """After a while the service is in no list and unknown: in doubt for a minute, for it may have been made now."""
    name = record(client)
    failing.told({"kind": "service-gone", "name": name, "after": 1, "times": 2})
    assert isinstance(seen(client, ServiceWait(name)), Done)
    verdict = seen(client, ServiceWait(name))
    assert isinstance(verdict, Pending)
    assert f"service {name} does not exist" in verdict.note
    assert "fails if it lasts 60 s" in verdict.note
    assert failing.api.refused(404, "GET", f"/dbaas-valkey/{name}") == f"Service {name} does not exist"
    assert isinstance(seen(client, ServiceWait(name)), Done)
    assert name in failing.names()


def test_integrations_that_turn_inactive(failing, client):
    """Shown so wherever they are shown, and only the one that is named; failed ones are in doubt for two minutes."""
    source, dest, other = record(client, "grafana"), record(client, "valkey"), record(client, "thanos")
    wait, good = [
        IntegrationWait(client.integrations.create(**each).reference.id)
        for each in (
            {"integration_type": "datasource", "source_service": source, "dest_service": other},
            {"integration_type": "metrics", "source_service": dest, "dest_service": other},
        )
    ]
    eventually(lambda: seen(client, wait), lambda verdict: isinstance(verdict, Done), 10)
    eventually(lambda: seen(client, good), lambda verdict: isinstance(verdict, Done), 10)
    failing.told({"kind": "integration-inactive", "name": wait.integration_id, "times": 4})
    inactive = seen(client, wait)
    assert isinstance(inactive, Pending)
    assert "is inactive, not active yet" in inactive.note
    assert isinstance(seen(client, good), Done)
    assert client.integrations.get(wait.integration_id).is_active is False
    assert client.services.grafana.get(source).integrations[0].status == "inactive"
    assert isinstance(seen(client, wait), Done)
    failing.told({"kind": "integration-inactive", "name": other, "status": "failed"})
    failed = seen(client, wait)
    assert isinstance(failed, Pending)
    assert "failed (may be transient; the task fails if it lasts 2 min)" in failed.note


def test_attachments_that_turn_inactive(failing, client):
    """The same for a service that is attached to an external endpoint."""
    name = record(client)
    endpoint = client.external_endpoints.rsyslog.create(
        name=f"syslog-{secrets.token_hex(4)}",
        settings={"server": "logs.example.com", "port": 514, "tls": False, "format": "rfc5424"},
    ).reference.id
    attached = client.external_endpoints.attach(source_service_name=name, dest_endpoint_id=endpoint, type="rsyslog")
    wait = ExternalIntegrationWait(attached.reference.id)
    eventually(lambda: seen(client, wait), lambda verdict: isinstance(verdict, Done), 10)
    failing.told({"kind": "integration-inactive", "times": 2})
    assert "is inactive, not active yet" in seen(client, wait).note
    assert client.external_endpoints.list_integrations(name).external_integrations[0].status == "inactive"
    assert isinstance(seen(client, wait), Done)


@pytest.fixture(scope="module")
def migrated(failing: Failing, pg: str, source: PostgresServer) -> str:
    """Name of a service that two databases were moved into."""
    status = failing.api.migrate(pg, **source_of(source, method="dump"))
    assert {each["dbname"] for each in status["details"]} >= {"first", "second"}
    return pg


def test_migrations_that_fail_for_one_database(failing, client, migrated):
    """The failed database is named with its error; the others are done. It is over: a dump does not recover."""
    failing.told({"kind": "migration-fails", "database": "second", "error": "disk is full"})
    verdict = seen(client, MigrationWait(migrated))
    assert isinstance(verdict, Failed)
    assert "disk is full" in str(verdict.error)
    assert "second" in str(verdict.error)


def test_migrations_that_fail_as_a_whole(failing, client, migrated):
    """Every database is shown as failed; at the next look all is well again."""
    failing.told({"kind": "migration-fails"})
    shown = client.migrations.status(migrated)
    assert (shown.status, shown.error) == ("failed", "Migration process failed")
    assert {each.status for each in shown.details} == {"failed"}
    assert isinstance(seen(client, MigrationWait(migrated)), Done)


def test_migrations_that_vanish(failing, client, migrated):
    """A status that is gone is in doubt for a minute; when it is back, so is the result."""
    failing.told({"kind": "migration-gone"})
    verdict = seen(client, MigrationWait(migrated))
    assert isinstance(verdict, Pending)
    assert f"There is no migration into service {migrated}" in verdict.note
    assert "fails if it lasts 60 s" in verdict.note
    assert isinstance(seen(client, MigrationWait(migrated)), Done)


# Telling it.


def test_the_control_address_wants_a_signature(failing):
    """Whoever cannot sign changes nothing and learns nothing; other methods are refused."""
    failing.told({"kind": "reset", "operation": "list-dbaas-services"})
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        found = failing.control(method, {"rules": []} if method == "PUT" else None, unsigned=True)
        assert (found.status_code, found.json()) == (403, {"message": "Invalid request signature"})
        assert failing.control(method, secret="wrong").status_code == 403
    assert failing.counts() == [(0, 0)]
    assert failing.control("POST", {"rules": []}).status_code == 405


def test_the_control_address_refuses_wrong_rules(failing):
    """The text says which rule and why; it is no part of the API."""
    found = failing.control("PUT", {"rules": [{"kind": "reset", "probability": 2}]})
    assert found.status_code == 400
    assert found.json() == {"message": "rule 1 (reset): probability must be a number from 0 to 1, got 2"}
    assert failing.api.request("GET", "/_emulator/faults").status_code == 404


def test_the_control_address_never_fails(failing):
    """Rules that strike everything do not strike it."""
    failing.told({"kind": "reset", "probability": 1})
    assert failing.counts() == [(0, 0)]
    assert failing.control("DELETE").json() == {"seed": 0, "rules": []}


def test_rules_at_the_start(tmp_path):
    """A file is followed from the first request on, and ends when told to whatever it is at; a wrong one is refused."""
    rules = tmp_path / "faults.yaml"
    rules.write_text("rules:\n- kind: status\n  status: 500\n  times: 2\n- kind: refused\n  seconds: 60\n")
    with Failing.started(tmp_path / "emulator.log", "--faults", str(rules)) as failing:
        statuses = [failing.api.request("GET", "/dbaas-service").status_code for _ in range(3)]
        with pytest.raises(httpx.ConnectError):
            failing.api.request("GET", "/dbaas-service")
    assert statuses == [500, 500, 200]
    rules.write_text("rules:\n- kind: stauts\n")
    command = [sys.executable, "-m", "airflow_dbaas.cli", "emulator", "--port", "0", "--faults", str(rules)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("airflow-dbaas emulator: --faults: rule 1: unknown kind 'stauts', known: status")
    assert refused.stderr.count("\n") == 1


def test_chance_is_repeatable(failing):
    """The same seed strikes the same requests of a row."""
    rows: list[Any] = []
    for seed in (5, 5, 6):
        failing.told({"kind": "status", "probability": 0.3}, seed=seed)
        rows.append([failing.api.request("GET", "/dbaas-service").status_code for _ in range(40)])
        assert failing.counts() == [(40, rows[-1].count(503))]
    assert rows[0] == rows[1] != rows[2]
