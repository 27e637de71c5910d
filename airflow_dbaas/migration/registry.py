"""Records which migration was started into a service, by whom, and what became of it.

The API does not say where the migration into a service comes from, but a start must know whether the one under way is
its own, and whether it is already done. So it keeps a record in an Airflow variable
(``exoscale_dbaas_migration_<zone>_<service>``), without secrets. The record outlives retries, cleared tasks and DAG
runs. It belongs to that service only: a service of the same name that was created later does not use it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from urllib.parse import quote

from airflow_dbaas import _compat


@dataclass(frozen=True)
class MigrationRecord:
    """A migration that was started.

    Records of earlier releases lack fields that are None by default; those are then unknown and not compared.

    :param source: ``host:port`` of the source.
    :param started_by: DAG and run, for people.
    :param dag_id: the DAG; with the next three, the task instance.
    :param run_id: the DAG run.
    :param task_id: the task.
    :param map_index: which of a mapped task's instances; -1 for a task that is not mapped.
    :param service_created_at: when the service was created, according to list-dbaas-services: a service of the same
        name with another time is another service.
    :param ignore_dbs: the databases left out, as ``normalized`` writes them.
    :param method: ``auto``, ``dump`` or ``replication``.
    :param stopped_at: when it was stopped.
    :param failed_at: when it was found to have failed permanently, and was about to be removed.
    :param verified_at: when source and target were found equal, with nothing being copied any more.
    """

    source: str
    started_by: str
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1
    service_created_at: str | None = None
    ignore_dbs: str | None = None
    method: str | None = None
    stopped_at: str | None = None
    failed_at: str | None = None
    verified_at: str | None = None

    def is_of_service_created_at(self, created_at: str | None) -> bool:
        """Whether it belongs to the service that was created at that time; yes if one of both times is unknown."""
        if not created_at or not self.service_created_at:
            return True
        return _moment(created_at) == _moment(self.service_created_at)

    def leaves_out(self, ignore_dbs: str | None) -> bool:
        """Whether it leaves out just these databases; if that is not known, it is taken to."""
        return self.ignore_dbs is None or self.ignore_dbs == normalized(ignore_dbs)


def names(ignore_dbs: str | None) -> list[str]:
    """The databases of a list that is separated by commas: sorted, each once, without spaces around them."""
    return sorted({name.strip() for name in (ignore_dbs or "").split(",")} - {""})


def normalized(ignore_dbs: str | None) -> str:
    """Such a list, in one and the same way however it was written."""
    return ",".join(names(ignore_dbs))


def key(zone: str | None, service: str, about: str = "migration") -> str:
    """The Airflow variable that holds the record of the migration into a service, or something else about it.

    :param zone: zone of the service, if it is known.
    :param service: name of the service.
    :param about: what the variable is about.
    """
    return f"exoscale_dbaas_{about}_{zone or 'endpoint'}_{quote(service, safe='')}"


def read(zone: str | None, service: str) -> MigrationRecord | None:
    """The record of the migration into a service, if there is one."""
    text = _compat.get_variable(key(zone, service))
    return parse(text) if text else None


def parse(text: str) -> MigrationRecord:
    """The record in the value of a variable. Fields of later releases are ignored."""
    known = {field.name for field in fields(MigrationRecord)}
    return MigrationRecord(**{name: value for name, value in json.loads(text).items() if name in known})


def write(zone: str | None, service: str, record: MigrationRecord) -> None:
    """Record a migration into a service."""
    _compat.set_variable(
        key(zone, service),
        json.dumps(asdict(record)),
        f"The migration into DBaaS service {service}: where it came from",
    )


def note_stop(zone: str | None, service: str) -> None:
    """Record that the migration into a service was stopped."""
    record = read(zone, service)
    if record is not None and record.stopped_at is None:
        write(zone, service, replace(record, stopped_at=_now()))


def note_failure(zone: str | None, service: str, record: MigrationRecord, *, failed: bool) -> None:
    """Record whether a migration has failed: before it is stopped, for that may take more than one try.

    :param zone: zone of the service.
    :param service: name of the service.
    :param record: its record.
    :param failed: whether it has failed; one that was shown as failed may have recovered since.
    """
    if failed or record.failed_at is not None:
        write(zone, service, replace(record, failed_at=_now() if failed else None))


def note_verification(zone: str | None, service: str, record: MigrationRecord, *, equal: bool) -> None:
    """Record what a comparison of source and target found.

    :param zone: zone of the service.
    :param service: name of the service.
    :param record: the record of the migration that was compared.
    :param equal: whether they are equal.
    """
    if equal or record.verified_at is not None:
        write(zone, service, replace(record, verified_at=_now() if equal else None))


def forget(zone: str | None, service: str) -> None:
    """Remove the record of the migration into a service."""
    _compat.delete_variable(key(zone, service))


def restore(zone: str | None, service: str, record: MigrationRecord | None) -> None:
    """Restore the value from before a record was written."""
    if record is None:
        forget(zone, service)
    else:
        write(zone, service, record)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _moment(text: str) -> datetime | str:
    """A time to compare: the API may write one and the same time in several ways."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return found if found.tzinfo else found.replace(tzinfo=UTC)
