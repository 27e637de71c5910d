"""What happens to an Airflow in the middle of a migration.

A case gets a service that is not there yet, starts a run, and does its harm; what comes of it is judged afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.chaos.harness import Migration

Case = Callable[[Migration], object]

START = "start_migration"
UPDATE = "update-dbaas-service-pg"


def worker_before_the_request(migration: Migration) -> None:
    """The worker dies before it has asked for the migration."""
    migration.run()
    migration.kill_worker(START)


def worker_after_the_request(migration: Migration, task_id: str, operation: str) -> None:
    """The worker dies when the API has taken the request, before Airflow knows of it."""
    migration.run()
    migration.until_taken(operation)
    migration.kill_worker(task_id)


def cleared_while_waiting(migration: Migration, task_id: str) -> None:
    """A task is cleared, with those behind it, while the data is copied."""
    migration.run()
    migration.until_watched()
    migration.clear(task_id, downstream=True)


def cleared_afterwards(migration: Migration, task_id: str) -> None:
    """A task is cleared, with those behind it, when all is done."""
    migration.run()
    migration.until_ended()
    migration.clear(task_id, downstream=True)


def two_runs(migration: Migration) -> None:
    """Two runs for the same service are started at once."""
    migration.run()
    migration.run()


def component_while_waiting(migration: Migration, name: str) -> None:
    """A component dies, with its processes, while the triggerer waits for the data."""
    migration.run()
    migration.until_watched()
    migration.chaos.kill(name)


def component_during_the_start(migration: Migration, name: str) -> None:
    """A component dies when the API has just taken the migration; workers go on."""
    migration.run()
    migration.until_taken(UPDATE)
    migration.chaos.kill(name, descendants=False)


def all_while_waiting(migration: Migration) -> None:
    """All components die while the triggerer waits for the data."""
    migration.run()
    migration.until_watched()
    migration.chaos.kill_all()


def all_during_the_start(migration: Migration) -> None:
    """All components and workers die when the API has just taken the migration."""
    migration.run()
    migration.until_taken(UPDATE)
    migration.chaos.kill_all()


def emulator_during_the_start(migration: Migration) -> None:
    """The emulator dies when it has just taken the migration."""
    migration.run()
    migration.until_taken(UPDATE)
    migration.chaos.kill_emulator()


def emulator_while_waiting(migration: Migration) -> None:
    """The emulator dies, with the servers, while data is copied."""
    migration.run()
    migration.until_watched()
    migration.chaos.kill_emulator()


def all_and_emulator_while_waiting(migration: Migration) -> None:
    """The emulator dies with all components while data is copied, and is the last to return."""
    migration.run()
    migration.until_watched()
    migration.chaos.kill_emulator(everything=True)


#: Harm done to one run.
APART: dict[str, Case] = {
    "worker killed, service just asked for": partial(
        worker_after_the_request, task_id="create_service", operation="create-dbaas-service-pg"
    ),
    "worker killed, migration not yet asked for": worker_before_the_request,
    "worker killed, migration just asked for": partial(worker_after_the_request, task_id=START, operation=UPDATE),
    "worker killed, stop just asked for": partial(
        worker_after_the_request, task_id="stop_migration", operation="stop-dbaas-pg-migration"
    ),
    **{
        f"{task_id} cleared while data is copied": partial(cleared_while_waiting, task_id=task_id)
        for task_id in ("create_service", "check_migration", START, "wait_for_migration")
    },
    **{
        f"{task_id} cleared at the end": partial(cleared_afterwards, task_id=task_id)
        for task_id in ("stop_migration", "verify_migration")
    },
    "two runs for one service at once": two_runs,
}

#: Harm done to all.
TOGETHER: dict[str, Case] = {
    "API server killed while data is copied": partial(component_while_waiting, name="api-server"),
    "triggerer killed while data is copied": partial(component_while_waiting, name="triggerer"),
    "scheduler and workers killed while data is copied": partial(component_while_waiting, name="scheduler"),
    "scheduler killed, migration just asked for, worker lives": partial(component_during_the_start, name="scheduler"),
    "API server killed, migration just asked for": partial(component_during_the_start, name="api-server"),
    "everything killed, migration just asked for": all_during_the_start,
    "everything killed while data is copied": all_while_waiting,
}

#: Harm done to the emulator, which goes on with what it kept.
EMULATOR: dict[str, Case] = {
    "emulator killed, migration just asked for": emulator_during_the_start,
    "emulator killed while data is copied": emulator_while_waiting,
    "everything and the emulator killed while data is copied": all_and_emulator_while_waiting,
}

CASES = APART | TOGETHER | EMULATOR
