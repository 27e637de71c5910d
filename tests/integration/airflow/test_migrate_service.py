"""The example DAG as users get it, run to its end; and where its secrets went."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow.sdk.definitions.param import DagParam

from airflow_dbaas.api import Client
from airflow_dbaas.api.errors import DbaasNotFoundError
from airflow_dbaas.emulator.postgres import PostgresServer
from tests import AIRFLOW_HOME
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run, password_of
from tests.integration.hunt import dump, files, search

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

Define = Callable[..., None]
STEPS = {
    "create_service",
    "check_migration",
    "start_migration",
    "wait_for_migration",
    "stop_migration",
    "verify_migration",
}
#: What is passed over unless the form asks for it.
EXTRAS = {"approve_cut_over", "link_service"}


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """A name for a service that the DAG creates."""
    name = f"moved-{secrets.token_hex(4)}"
    yield name
    client.services.delete(name)


@pytest.fixture
def source(shop: PostgresServer, define_source: Define) -> PostgresServer:
    define_source("legacy", shop)
    return shop


def test_from_nothing_to_a_verified_copy(run: Run, client: Client, source: PostgresServer, name: str) -> None:
    """Every step succeeds, the migration is over, and the report says what was moved."""
    ended = run("dbaas_migrate_service", service=name, source_conn_id="legacy")
    assert ended.state == "success"
    states = {step: task.state for step, task in ended.tasks.items()}
    assert states == {**dict.fromkeys(STEPS, "success"), **dict.fromkeys(EXTRAS, "skipped")}
    (database,) = ended.tasks["verify_migration"].result["databases"]
    assert (database["name"], database["rows"]) == ("shop", 1000)
    with pytest.raises(DbaasNotFoundError):
        client.migrations.status(name)


def test_parameters_that_are_referred_to(dags: dict[str, Any]) -> None:
    """Each reference has a default that can be stored: without one, Airflow 3.0 to 3.2 cannot take in the DAG."""
    tasks = dags["dbaas_migrate_service"].tasks
    given = [getattr(task, field, None) for task in tasks for field in task.template_fields]
    references = [value.serialize() for value in given if isinstance(value, DagParam)]
    assert {reference["name"] for reference in references} == {"integrations", "endpoints"}
    assert json.dumps(references)


def test_replication_may_go_on(run: Run, client: Client, source: PostgresServer, name: str) -> None:
    """With stop_replication off the copy is verified and keeps following the source."""
    ended = run(
        "dbaas_migrate_service",
        service=name,
        source_conn_id="legacy",
        method="replication",
        stop_replication=False,
    )
    assert ended.state == "success"
    assert ended.tasks["stop_migration"].state == "skipped"
    assert ended.tasks["verify_migration"].state == "success"
    assert [d.status for d in client.migrations.status(name).details] == ["syncing"]
    assert run("stop_poking", service=name, source="legacy").state == "success"


def test_links_afterwards(run: Run, client: Client, source: PostgresServer, name: str) -> None:
    """The endpoints that the form asks for are attached when the data is there and verified."""
    endpoint = f"prometheus-of-{name}"
    created = client.external_endpoints.prometheus.create(name=endpoint).reference
    endpoint_id = str(created and created.id)
    wanted = [{"endpoint_type": "prometheus", "endpoint_name": endpoint}]
    ended = run("dbaas_migrate_service", service=name, source_conn_id="legacy", method="dump", endpoints=wanted)
    assert ended.state == "success"
    assert [item["endpoint_name"] for item in ended.tasks["link_service"].result["plan"]["create"]] == [endpoint]
    (attached,) = client.external_endpoints.list_integrations(name).external_integrations
    assert attached.dest_endpoint_id == endpoint_id
    client.external_endpoints.detach(source_service_name=name, integration_id=str(attached.integration_id))
    client.external_endpoints.prometheus.delete(endpoint_id)


def test_a_second_run_links_what_the_first_did_not(run: Run, client: Client, source: PostgresServer, name: str) -> None:
    """The migration is done, and its tasks are skipped; but the form asks for an endpoint now."""
    assert run("dbaas_migrate_service", service=name, source_conn_id="legacy", method="dump").state == "success"
    endpoint = f"prometheus-of-{name}"
    created = client.external_endpoints.prometheus.create(name=endpoint).reference
    wanted = [{"endpoint_type": "prometheus", "endpoint_name": endpoint}]
    again = run("dbaas_migrate_service", service=name, source_conn_id="legacy", method="dump", endpoints=wanted)
    assert again.state == "success"
    states = {step: task.state for step, task in again.tasks.items()}
    done = {"create_service", "link_service"}
    assert states == {**dict.fromkeys((STEPS | EXTRAS) - done, "skipped"), **dict.fromkeys(done, "success")}
    (attached,) = client.external_endpoints.list_integrations(name).external_integrations
    client.external_endpoints.detach(source_service_name=name, integration_id=str(attached.integration_id))
    client.external_endpoints.prometheus.delete(str(created and created.id))


def test_a_refused_check_starts_nothing(
    run: Run, client: Client, source: PostgresServer, define_source: Define, name: str
) -> None:
    """The DAG stops at the check, which says why; no migration exists."""
    define_source("legacy", source, password="wrong-password")
    ended = run("dbaas_migrate_service", service=name, source_conn_id="legacy")
    assert ended.state == "failed"
    assert ended.tasks["check_migration"].tries == 1
    states = {step: task.state for step, task in ended.tasks.items()}
    assert states["check_migration"] == "failed"
    assert {states[step] for step in (STEPS | EXTRAS) - {"create_service", "check_migration"}} == {"upstream_failed"}
    assert 'password authentication failed for user "postgres"' in ended.output
    with pytest.raises(DbaasNotFoundError):
        client.migrations.status(name)


def test_no_secret_gets_out(
    run: Run,
    client: Client,
    emulator: RunningEmulator,
    source: PostgresServer,
    define_source: Define,
    database: Path,
    name: str,
) -> None:
    """After a run that succeeds and ones that fail, no secret is in any log, XCom, trigger, rendered field or table."""
    mistyped = "c@nary/of wrong:pässword%41"
    good = run("dbaas_migrate_service", service=name, source_conn_id="legacy", method="replication")
    assert good.state == "success"
    define_source("wrong", source, password=mistyped)
    bad = run("dbaas_migrate_service", service=name, source_conn_id="wrong", if_migrated="again")
    assert bad.state == "failed"
    # The operators that connect by themselves, and the migration's own error, see the wrong password, too.
    unverified = run("verify_poking", service=name, source="wrong")
    assert unverified.state == "failed"
    started = run("start_deferred", service=name, source="wrong", method="dump")
    waited = run("migration_deferred", service=name)
    assert (started.state, waited.state) == ("success", "failed")

    user = (client.services.pg.get(name).uri_params or {})["user"]
    admin = client.accounts.pg.reveal_password(service_name=name, username=user).password
    places = {
        "output": "".join(ended.output for ended in (good, bad, unverified, started, waited)),
        **dump(database),
        **files(AIRFLOW_HOME / "logs"),
        "emulator's log": emulator.log.read_bytes(),
    }
    assert name in places["output"]
    assert name in places["table dag_run.conf"]
    wanted = {"source": password_of(source), "wrong": mistyped, "admin": str(admin), "API secret": emulator.secret}
    assert search(places, wanted) == []


def test_the_source_is_untouched(source: PostgresServer) -> None:
    """After all these migrations nothing of them is left at the source."""
    with psycopg.connect(source.conninfo(dbname="shop")) as connection:
        left = connection.execute(
            "SELECT slot_name::text FROM pg_replication_slots UNION ALL SELECT pubname::text FROM pg_publication"
        ).fetchall()
    assert left == []
