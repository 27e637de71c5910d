"""Remembers which source a migration was started from.

The API does not tell where the migration into a service comes from, but a start must know whether the one under
way is its own. So it leaves a note in an Airflow variable (``exoscale_dbaas_migration_<zone>_<service>``): the
source's address and the run that started it, no secret. The note outlives retries, cleared tasks and DAG runs; it
is removed when the migration is stopped or the service deleted.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from urllib.parse import quote

from airflow_dbaas import _compat


@dataclass(frozen=True)
class MigrationNote:
    """Who started a migration from where.

    :param source: ``host:port`` of the source.
    :param started_by: DAG and run, for people.
    :param dag_id: the DAG; with the next three, the task instance. Older notes lack all four.
    :param run_id: the DAG run.
    :param task_id: the task.
    :param map_index: which of a mapped task's instances; -1 for a task that is not mapped.
    """

    source: str
    started_by: str
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1


def key(zone: str | None, service: str) -> str:
    """The variable that holds the note on the migration into a service."""
    return f"exoscale_dbaas_migration_{zone or 'endpoint'}_{quote(service, safe='')}"


def read(zone: str | None, service: str) -> MigrationNote | None:
    """The note on the migration into a service, if one was left."""
    text = _compat.get_variable(key(zone, service))
    return parse(text) if text else None


def parse(text: str) -> MigrationNote:
    """The note in a variable's value. What a later release may have added is passed over."""
    known = {field.name for field in fields(MigrationNote)}
    return MigrationNote(**{name: value for name, value in json.loads(text).items() if name in known})


def write(zone: str | None, service: str, note: MigrationNote) -> None:
    """Leave a note on the migration into a service."""
    _compat.set_variable(
        key(zone, service), json.dumps(asdict(note)), f"Source of the migration into DBaaS service {service}"
    )


def forget(zone: str | None, service: str) -> None:
    """Remove the note on the migration into a service."""
    _compat.delete_variable(key(zone, service))


def restore(zone: str | None, service: str, note: MigrationNote | None) -> None:
    """Put back what was there before a note was written."""
    if note is None:
        forget(zone, service)
    else:
        write(zone, service, note)
