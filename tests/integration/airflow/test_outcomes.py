"""What goes wrong in the cloud, and the outcome and message that a task ends with; poked and deferred."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_dbaas._compat import AirflowFailException, AirflowSensorTimeout
from airflow_dbaas.api.errors import (
    DbaasIntegrationError,
    DbaasNotFoundError,
    DbaasOperationError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.emulator.faults.kinds import REASONS
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.operators.migrations import DbaasMigrationCheckOperator, DbaasStartMigrationOperator
from airflow_dbaas.operators.services import DbaasCreateServiceOperator
from airflow_dbaas.sensors.integrations import DbaasExternalIntegrationSensor, DbaasIntegrationSensor
from airflow_dbaas.sensors.migrations import DbaasMigrationSensor
from airflow_dbaas.sensors.operations import DbaasOperationSensor
from airflow_dbaas.sensors.services import DbaasServiceSensor
from airflow_dbaas.sensors.tasks import DbaasTaskSensor
from airflow_dbaas.waiting import conditions
from airflow_dbaas.waiting.conditions import FINAL_REASONS
from tests.soak import tasks
from tests.soak.tasks import TRIES, Outcome
from tests.soak.world import World, source_of

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

ALWAYS = {"probability": 1}

#: Runs a task in one of the modes.
Do = Callable[..., Outcome]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres_source: PostgresServer) -> Iterator[World]:
    """An emulator of this module's own; what may pass is given a moment instead of minutes."""
    with (
        World.started(tmp_path_factory.mktemp("world"), postgres_source) as world,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(conditions, "APPEARANCE_SECONDS", 0.3)
        patch.setattr(conditions, "INTEGRATION_GRACE_PERIOD", 0.3)
        yield world


@pytest.fixture(params=[False, True], ids=["poking", "deferred"])
def do(world: World, request: pytest.FixtureRequest) -> Iterator[Do]:
    """``do(kind, **arguments)`` runs a task with 5 retries, in either mode; afterwards there are no faults."""

    def do(kind: Callable[..., BaseOperator], **arguments: Any) -> Outcome:
        def make() -> BaseOperator:
            with DAG("outcomes", schedule=None):
                return kind(task_id="task", deferrable=request.param, **arguments)

        return tasks.run(make, tasks.Store())

    yield do
    world.work()


def sensor(kind: Callable[..., BaseOperator], **arguments: Any) -> Callable[..., BaseOperator]:
    """A sensor that looks often and not for long."""
    return lambda **others: kind(poke_interval=0.05, **{"timeout": 30, **arguments}, **others)


def fails(outcome: Outcome, kind: type[Exception], text: str, *, tries: int) -> None:
    """See that a task has failed so."""
    assert isinstance(outcome.error, kind)
    assert (str(outcome.error), outcome.tries) == (text, tries)


def times_out(outcome: Outcome, doing: str) -> None:
    """See that a sensor's time was over: by Airflow's own words, or by ours, which name what was waited for."""
    assert isinstance(outcome.error, AirflowSensorTimeout)
    assert outcome.tries == 1
    said = str(outcome.error)
    assert said.startswith("Sensor has timed out") or said == f"Timed out while waiting: {doing}"


@pytest.mark.parametrize("state", ["failure", "timeout"])
@pytest.mark.parametrize("reason", REASONS)
def test_an_operation_fails(world: World, do: Do, reason: str, state: str) -> None:
    """What somebody has to mend fails the task at once; what may pass is tried again."""
    name = world.name()
    world.failing.told({"kind": "operation-fails", "reason": reason, "state": state, "message": "so it is"})
    operation = world.client.services.valkey.create(name=name, plan="startup-4")
    outcome = do(sensor(DbaasOperationSensor, operation_id=operation.id))
    kind, tries = (AirflowFailException, 1) if reason in FINAL_REASONS else (DbaasOperationError, TRIES)
    fails(outcome, kind, f"operation {operation.id} ended in {state} ({reason}): so it is", tries=tries)


def test_a_failed_operation_whose_work_is_done(world: World, do: Do) -> None:
    """The next try finds what the failed operation made."""
    name = world.name()
    world.failing.told({"kind": "operation-fails", "reason": "busy", "name": name})
    outcome = do(DbaasCreateServiceOperator, service_name=name, plan="startup-4", service_type="valkey")
    assert (outcome.error, outcome.tries) == (None, 2)


def test_an_operation_never_ends(world: World, do: Do) -> None:
    """The wait ends when its time is over; the next try of an operator finds what was made."""
    world.failing.told({"kind": "operation-never-ends", **ALWAYS})
    operation = world.client.services.valkey.create(name=world.name(), plan="startup-4")
    outcome = do(sensor(DbaasOperationSensor, operation_id=operation.id, timeout=0.5))
    times_out(outcome, f"operation {operation.id} is pending")
    new = {"service_name": world.name(), "plan": "startup-4", "service_type": "valkey"}
    outcome = do(DbaasCreateServiceOperator, **new, wait_timeout=0.5)
    assert (outcome.tries, outcome.result["state"]) == (2, "running")


def test_a_check_is_refused(world: World, do: Do) -> None:
    """The task fails at once, with the API's reason."""
    world.failing.told({"kind": "task-fails", "result": "no luck", **ALWAYS})
    outcome = do(DbaasMigrationCheckOperator, service_name=world.pg, source_conn_id=source_of("pg"))
    text = f"The pg migration check for service {world.pg} was refused: no luck"
    fails(outcome, AirflowFailException, text, tries=1)


def test_a_check_never_ends(world: World, do: Do) -> None:
    """The time is over, for the operator in each of its tries."""
    world.failing.told({"kind": "task-never-ends", **ALWAYS})
    check = {"service_name": world.pg, "source_conn_id": source_of("pg")}
    outcome = do(DbaasMigrationCheckOperator, **check, wait_timeout=0.5)
    assert isinstance(outcome.error, DbaasWaitTimeoutError)
    assert outcome.tries == TRIES
    begun = do(DbaasMigrationCheckOperator, **check, wait_for_completion=False).result["task_id"]
    outcome = do(sensor(DbaasTaskSensor, service_name=world.pg, dbaas_task_id=begun, timeout=0.5))
    times_out(outcome, f"task {begun} of service {world.pg} is running")


SERVICE_TROUBLE = {
    "service-poweroff": "service {} is powered off (waiting for running); power it on in the portal",
    "service-gone": "service {} does not exist (waiting for running)",
}


@pytest.mark.parametrize("kind", SERVICE_TROUBLE)
def test_a_service_powers_off_or_vanishes(world: World, do: Do, kind: str) -> None:
    """Sensor and operator fail at once, and are not tried again: somebody has to look."""
    text = SERVICE_TROUBLE[kind]
    world.failing.told({"kind": kind, "name": world.search, **ALWAYS})
    outcome = do(sensor(DbaasServiceSensor, service_name=world.search))
    fails(outcome, AirflowFailException, text.format(world.search), tries=1)
    name = world.name()
    world.failing.told({"kind": kind, "name": name, **ALWAYS})
    outcome = do(DbaasCreateServiceOperator, service_name=name, plan="startup-4", service_type="valkey")
    fails(outcome, AirflowFailException, text.format(name), tries=1)


def test_a_service_is_back(world: World, do: Do) -> None:
    """Missing from the list for two looks is no more than that."""
    world.failing.told({"kind": "service-gone", "name": world.search, "times": 2})
    assert do(sensor(DbaasServiceSensor, service_name=world.search)).result["state"] == "running"


def test_a_migration_disappears(world: World, do: Do) -> None:
    """Its status is 404: the sensor fails if that lasts, and only then."""
    name, text = world.migrated, "There is no migration into service {}: it was not started, or has been stopped"
    watch = sensor(DbaasMigrationSensor, service_name=name)
    world.failing.told({"kind": "migration-gone", "times": 2})
    assert do(watch).result["status"] == "done"
    world.failing.told({"kind": "migration-gone", **ALWAYS})
    fails(do(watch), AirflowFailException, text.format(name), tries=1)


def test_one_database_of_a_migration_fails(world: World, do: Do) -> None:
    """The failed one is named with its error, the others as they are; a dump does not recover."""
    world.failing.told({"kind": "migration-fails", "database": "shop", "error": "disk is full", **ALWAYS})
    outcome = do(sensor(DbaasMigrationSensor, service_name=world.migrated))
    assert isinstance(outcome.error, AirflowFailException)
    assert outcome.tries == 1
    said = str(outcome.error)
    assert said.startswith(f"The migration into service {world.migrated} failed: status failed, error: Migration")
    assert "shop: failed by pg_dump (disk is full)" in said
    assert said.count("disk is full") == 1


@pytest.fixture
def replicated(world: World) -> Iterator[str]:
    """The name of a service that a source is replicated into."""
    name = world.new("pg")
    world.migrate(name, method="replication")
    yield name
    with suppress(DbaasNotFoundError):
        world.client.migrations.stop_pg(name)
    world.drop(name)


def test_a_replication_that_failed_for_good_is_started_again(world: World, do: Do, replicated: str) -> None:
    """Another service holds the source's slot: the sensor fails; cleared, start stops the migration and starts one."""
    name = world.new("pg")
    begin = {"service_name": name, "source_conn_id": source_of("pg"), "method": "replication"}
    assert do(DbaasStartMigrationOperator, **begin).result["joined"] is False
    watch = sensor(DbaasMigrationSensor, service_name=name, failure_grace_period=0.5)
    failed = do(watch)
    assert (isinstance(failed.error, AirflowFailException), failed.tries) == (True, 1)
    assert "is active for PID" in str(failed.error)
    world.client.migrations.stop_pg(replicated)
    world.until(lambda: world.migration(replicated) is None)
    again = do(DbaasStartMigrationOperator, **begin, failure_grace_period=0.5)
    assert (again.error, again.tries, again.result["joined"]) == (None, 1, False)
    followed = do(watch)
    assert (followed.error, followed.result["status"]) == (None, "syncing")
    # While it is shown as failed, but recovers in time, it is joined.
    world.failing.told({"kind": "migration-fails", "database": "shop", "error": "connection lost", "times": 3})
    joined = do(DbaasStartMigrationOperator, **begin, failure_grace_period=60)
    assert (joined.error, joined.result["joined"]) == (None, True)
    # One that stays failed for the whole grace period is stopped.
    world.failing.told({"kind": "migration-fails", "database": "shop", "error": "connection lost", **ALWAYS})
    replaced = do(DbaasStartMigrationOperator, **begin, failure_grace_period=0.5)
    assert (replaced.error, replaced.tries, replaced.result["joined"]) == (None, 1, False)
    world.client.migrations.stop_pg(name)
    world.drop(name)


def test_a_replication_fails_and_recovers(world: World, do: Do, replicated: str) -> None:
    """Shown as failed for some looks, it is no more than that; a failure that lasts fails the task for good."""
    world.failing.told({"kind": "migration-fails", "database": "shop", "error": "connection lost", "times": 3})
    outcome = do(sensor(DbaasMigrationSensor, service_name=replicated))
    assert (outcome.error, outcome.tries, outcome.result["status"]) == (None, 1, "syncing")
    assert world.failing.counts() == [(3, 3)]
    world.failing.told({"kind": "migration-fails", "database": "shop", "error": "connection lost", **ALWAYS})
    outcome = do(sensor(DbaasMigrationSensor, service_name=replicated, failure_grace_period=0.5))
    assert (isinstance(outcome.error, AirflowFailException), outcome.tries) == (True, 1)
    said = str(outcome.error)
    assert said.startswith(f"The migration into service {replicated} failed: status failed, ")
    assert "shop: failed by replication (connection lost)" in said
    assert world.failing.counts()[0][1] > 1


@pytest.mark.parametrize("external", [False, True], ids=["integration", "attachment"])
def test_an_integration_turns_inactive(world: World, do: Do, external: bool) -> None:
    """Inactive is waited out; failed is an error if it lasts, which another try may not meet."""
    name = world.new("valkey")
    if external:
        link = world.attach(name)
        kind, ends = DbaasExternalIntegrationSensor, f"rsyslog, {name} → {world.endpoint_name}"
    else:
        link = world.integrate(name, world.search)
        kind, ends = DbaasIntegrationSensor, f"logs, {name} → {world.search}"
    where = f"{'external ' if external else ''}integration {link} ({ends})"
    world.failing.told({"kind": "integration-inactive", "name": link, "times": 2})
    assert do(sensor(kind, integration_id=link)).error is None
    world.failing.told({"kind": "integration-inactive", "name": link, **ALWAYS})
    times_out(do(sensor(kind, integration_id=link, timeout=0.5)), f"{where} is inactive, not active yet")
    world.failing.told({"kind": "integration-inactive", "name": link, "status": "failed", **ALWAYS})
    fails(do(sensor(kind, integration_id=link)), DbaasIntegrationError, f"{where} failed", tries=TRIES)
    world.work()
    world.drop(name)
