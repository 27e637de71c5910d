"""Operators for migrations: check, start, stop, verify."""

from __future__ import annotations

from typing import Any

from airflow_dbaas import ledger
from airflow_dbaas._compat import Context
from airflow_dbaas.api import endpoints, models
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasConflictError,
    DbaasError,
    DbaasMigrationCheckError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasVerificationError,
)
from airflow_dbaas.api.retries import may_have_acted
from airflow_dbaas.ledger import MigrationNote
from airflow_dbaas.operators._migration_base import MethodOperator, MigrationOperator
from airflow_dbaas.sources import MigrationSource
from airflow_dbaas.targets import MigrationTarget
from airflow_dbaas.verification import postgres
from airflow_dbaas.waits import Done, MigrationWait, TaskWait, describe_migration


class DbaasMigrationCheckOperator(MethodOperator):
    """Has the service check whether a migration would work (create-dbaas-task-migration-check, get-dbaas-task).

    Nothing is changed at either end. A refusal fails the task at once, with the API's reason. Returns ``task_id``,
    ``service`` and ``result`` (the API's text).
    """

    def start(self, context: Context) -> Any:
        """Start the check and wait for its task."""
        operation = self.client.create_dbaas_task_migration_check(
            service=self.service_name,
            source_service_uri=self.source.uri(),
            method=self.api_method,
            ignore_dbs=self.ignore_dbs or None,
        )
        self.log.info("Checking a migration from %s into service %s", self.source.address, self.service_name)
        reference = operation.reference.id if operation.reference else None
        return self.wait_for_operation(context, operation, self._submitted, task_id=reference)

    def _submitted(self, context: Context, result: dict[str, Any], *, task_id: str | None, **state: Any) -> Any:
        # The id may be there at once or only when the operation has ended, as id or as the end of a link.
        link = (result["reference_link"] or "").rstrip("/").rpartition("/")[2]
        candidates: list[str] = [candidate for candidate in (result["reference_id"], task_id, link) if candidate]
        named = [candidate for candidate in candidates if _is_uuid(candidate)]
        if not named:
            raise DbaasMigrationCheckError("The API took the migration check but named no task to follow")
        return self.wait_for(context, TaskWait(self.service_name, named[0]), self._checked, **state)

    def _checked(self, context: Context, result: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.log.info("The check passed: %s", result["result"])
        return result


class DbaasStartMigrationOperator(MethodOperator):
    """Starts a migration into a PostgreSQL service (update-dbaas-service-pg) and waits until the API has taken it.

    Never a second time: a migration from the same source that runs, replicates or is complete is joined, also by a
    retry or another run; one from another source, or from one that cannot be told, is refused. One that failed is
    stopped and started anew. Where a running migration came from is kept in an Airflow variable, see ``ledger``.

    Returns ``service``, ``source`` (host:port), ``method``, ``joined`` and ``operation_id``. To wait for the data,
    put a ``DbaasMigrationSensor`` behind it. Killing the task leaves the migration alone.
    """

    def start(self, context: Context) -> Any:
        """Join the migration that is there, or start one."""
        source = self.source
        status = self.migration_status(self.service_name)
        if status is None:
            return self._begin(context, source)
        if not _has_failed(status):
            return self._join(source, status)
        self.log.info("An earlier migration failed and is cleared away: %s", describe_migration(status))
        operation = self.client.stop_dbaas_pg_migration(self.service_name)
        return self.wait_for_operation(context, operation, self._cleared)

    def _cleared(self, context: Context, result: dict[str, Any], **_: Any) -> Any:
        return self._begin(context, self.source)

    def _begin(self, context: Context, source: MigrationSource) -> Any:
        call = endpoints.update_dbaas_service_pg(
            name=self.service_name,
            migration=source.settings(method=self.api_method, ignore_dbs=self.ignore_dbs or None),
        )
        earlier = ledger.read(self.hook.zone, self.service_name)
        # Before the request: whatever becomes of this process then, a retry knows that the migration is its own.
        self._leave_note(context, source)
        try:
            operation = self.client.send(call)
        except DbaasConflictError as error:
            # Another run was quicker, and this one's note may have replaced that run's; it will be written again.
            ledger.restore(self.hook.zone, self.service_name, earlier)
            raise DbaasMigrationError(
                f"Another migration into service {self.service_name} was started at the same moment: {error}",
                retryable=True,
            ) from error
        except DbaasError as error:
            # The request may have taken effect although its answer was lost.
            status = self.migration_status(self.service_name) if may_have_acted(error) else None
            if status is None:
                raise
            return self._join(source, status)
        self.log.info("Migrating from %s into service %s", source.address, self.service_name)
        return self.wait_for_operation(context, operation, self._started)

    def _leave_note(self, context: Context, source: MigrationSource) -> None:
        run = context["ti"]
        note = MigrationNote(source.address, f"{run.dag_id}.{run.task_id}, run {run.run_id}")
        ledger.write(self.hook.zone, self.service_name, note)

    def _join(self, source: MigrationSource, status: models.MigrationStatus) -> dict[str, Any]:
        where = f"A migration into service {self.service_name} is there already ({describe_migration(status)})"
        note = ledger.read(self.hook.zone, self.service_name)
        mend = "stop it first (DbaasStopMigrationOperator) if it is to be replaced"
        if note is None:
            raise DbaasMigrationError(f"{where}, and it is not known from which source; {mend}")
        if note.source != source.address:
            raise DbaasMigrationError(
                f"{where}, from {note.source} (started by {note.started_by}), not from {source.address}; {mend}"
            )
        self.log.info("%s, from the same source; started by %s. Joining it", where, note.started_by)
        return self._result(joined=True, operation_id=None)

    def _started(self, context: Context, result: dict[str, Any], **_: Any) -> dict[str, Any]:
        # Again, for a run that lost a race to this one may have written its own note over it.
        self._leave_note(context, self.source)
        return self._result(joined=False, operation_id=result["operation_id"])

    def _result(self, *, joined: bool, operation_id: str | None) -> dict[str, Any]:
        return {
            "service": self.service_name,
            "source": self.source.address,
            "method": self.method,
            "joined": joined,
            "operation_id": operation_id,
        }


def _has_failed(status: models.MigrationStatus) -> bool:
    """Whether a migration is over and did not succeed. One that replicates may recover: it has not failed yet."""
    if any(detail.method == "replication" or detail.status == "running" for detail in status.details):
        return False
    return bool(status.error) or status.status == "failed" or any(d.status == "failed" for d in status.details)


class DbaasStopMigrationOperator(MigrationOperator):
    """Ends the migration into a PostgreSQL service (stop-dbaas-pg-migration): replication is cut.

    Refuses a migration that is not complete (a database still being copied, or an error), for stopping it would leave
    the target so. A migration that is not there needs no stop. After replication, what it leaves out is completed:
    sequences are moved on to the source's positions (never back), materialized views are filled.

    Returns ``service``, ``stopped``, ``sequences`` (how many were moved), ``views`` (how many were filled) and
    ``operation_id``.

    :param force: stop a migration that is not complete, too. The target is then incomplete, and left so.
    """

    def __init__(self, *, force: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force
        self._check()

    def start(self, context: Context) -> Any:
        """Stop the migration if it may be, then complete what replication leaves out."""
        status = self.migration_status(self.service_name)
        if status is None:
            self.log.info("There is no migration into service %s to stop", self.service_name)
            # Perhaps an earlier attempt stopped it, and went no further.
            return self._stopped(context, {"operation_id": None}, stopped=False, complete=not self.force)
        if not self.force and not isinstance(MigrationWait(self.service_name).verdict(status), Done):
            # Retryable: it may be complete by the next try.
            raise DbaasMigrationError(
                f"The migration into service {self.service_name} is not complete ({describe_migration(status)}); "
                "stopping it now would leave the target incomplete. Wait with DbaasMigrationSensor, or use force=True",
                retryable=True,
            )
        complete = not self.force and any(detail.method == "replication" for detail in status.details)
        try:
            operation = self.client.stop_dbaas_pg_migration(self.service_name)
        except DbaasNotFoundError:
            return self._stopped(context, {"operation_id": None}, stopped=True, complete=complete)
        except DbaasConflictError as error:
            # The service allows a stop only some minutes after the start.
            raise DbaasMigrationError(f"The migration cannot be stopped yet: {error}", retryable=True) from error
        self.log.info("Stopping the migration into service %s", self.service_name)
        return self.wait_for_operation(context, operation, self._stopped, stopped=True, complete=complete)

    def _stopped(
        self, context: Context, result: dict[str, Any], *, stopped: bool, complete: bool, **_: Any
    ) -> dict[str, Any]:
        sequences = views = 0
        if complete:
            target = MigrationTarget.of_service(self.client, self.service_name)
            sequences, views = postgres.complete_replication(self.source, target, ignore=_names(self.ignore_dbs))
            self.log.info("%d sequences moved on to the source's position, %d views filled", sequences, views)
        ledger.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "stopped": stopped,
            "sequences": sequences,
            "views": views,
            "operation_id": result["operation_id"],
        }


class DbaasVerifyMigrationOperator(MigrationOperator):
    """Compares source and target, database by database: tables and their rows, sequences, views, functions,
    constraints and indexes. Any difference fails the task.

    Reads both servers from the worker, so both must be reachable from there, and needs a PostgreSQL driver: that of
    Airflow's postgres provider, or ``airflow-dbaas[postgres]``. While replication still goes on, tables that differ
    are looked at again for ``settle_seconds``, and what replication leaves out (sequences, the filling of materialized
    views) is not compared.

    Returns ``service``, ``source`` and ``databases``: name, tables, rows and bytes of each.

    :param content: compare the content of every row (a checksum independent of their order), which reads all data
        at both ends; otherwise the number of rows.
    :param settle_seconds: seconds for which a replicating target may lag behind.
    """

    def __init__(self, *, content: bool = True, settle_seconds: float = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.content = content
        self.settle_seconds = settle_seconds
        self._check()

    def start(self, context: Context) -> dict[str, Any]:
        """Compare."""
        replicating = self.migration_status(self.service_name) is not None
        source, target = self.source, MigrationTarget.of_service(self.client, self.service_name)
        report = postgres.compare(
            source,
            target,
            ignore=_names(self.ignore_dbs),
            content=self.content,
            settle_seconds=self.settle_seconds if replicating else 0,
            replicating=replicating,
        )
        if report.differences:
            shown = "; ".join(report.differences[:20])
            more = f"; and {len(report.differences) - 20} more" if len(report.differences) > 20 else ""
            raise DbaasVerificationError(
                f"{len(report.differences)} differences between {source.address} and service "
                f"{self.service_name}: {shown}{more}"
            )
        self.log.info("Source and target are equal: %s", report.databases)
        return {"service": self.service_name, "source": source.address, "databases": report.databases}


def _is_uuid(value: str) -> bool:
    try:
        return bool(endpoints.identifier("id", value))
    except DbaasConfigurationError:
        return False


def _names(ignore_dbs: str | None) -> set[str]:
    return {name.strip() for name in (ignore_dbs or "").split(",") if name.strip()}
