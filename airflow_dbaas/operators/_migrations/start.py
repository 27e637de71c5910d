"""The operator that starts a migration."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import lineage, migration_registry, validation
from airflow_dbaas._compat import Context, states
from airflow_dbaas.api.errors import DbaasConflictError, DbaasError, DbaasMigrationError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.api.retries import may_have_acted
from airflow_dbaas.base import Check
from airflow_dbaas.migration_registry import MigrationRecord
from airflow_dbaas.operators._migrations.base import MethodOperator
from airflow_dbaas.waits import (
    FAILURE_GRACE_PERIOD,
    Failed,
    MigrationWait,
    Verdict,
    describe_migration,
    in_seconds,
)

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.sources import MigrationSource


class DbaasStartMigrationOperator(MethodOperator):
    """Starts a migration into a PostgreSQL or MySQL service (update-dbaas-service-…), and waits until the API has taken
    it or until the data is there.

    Never a second time: a migration from the same source that runs, replicates or is complete is joined, also by a
    retry or another run; one from another source, of other databases, or from a source that is not known, is refused.
    If an earlier run of the DAG has done it all, the task is skipped (``if_migrated``). A source that is the service
    itself is refused. One that has failed is
    stopped and started again. A replication that is shown as failed may recover: it is given ``failure_grace_period``
    for that, and joined if it does. Where a running migration came from is kept in an Airflow variable, see
    ``migration_registry``.

    OpenLineage is told of the databases at both ends, as far as the migration's status names them by then.

    Returns ``service``, ``zone``, ``source`` (host:port), ``method``, ``joined`` and ``operation_id``; after waiting
    for the data also ``status`` and ``databases``, as ``DbaasMigrationSensor``.

    :param until: ``started``: the API has taken it (put a ``DbaasMigrationSensor`` behind this task); ``synced``: every
        database is copied, replication may go on; ``done``: replication has ended too.
    :param failure_grace_period: for how long a replicating migration may be shown as failed before it counts as failed:
        seconds, or a timedelta; templated. The time that a replication is given to recover before it is stopped and
        started again is not part of ``wait_timeout``.
    :param cancel_on_kill: if the task is killed while it waits (marked as failed or success, or cleared), stop the
        migration that it started; the target is then incomplete. If not, killing the task leaves the migration alone.
        A task killed while deferred can do so with Airflow 3.3 and later only. A migration that was joined is
        stopped only if an earlier try of this task started it.
    """

    checks: ClassVar[dict[str, Check]] = {
        **MethodOperator.checks,
        "until": validation.one_of("started", "synced", "done"),
        "failure_grace_period": validation.grace_period,
        "cancel_on_kill": validation.boolean,
    }
    template_fields: Sequence[str] = (*MethodOperator.template_fields, "until", "failure_grace_period")

    def __init__(
        self,
        *,
        until: Literal["started", "synced", "done"] | str = "started",
        failure_grace_period: float | timedelta | str = FAILURE_GRACE_PERIOD,
        cancel_on_kill: bool = False,
        **kwargs: Any,
    ) -> None:
        # Before the parent's: it checks the parameters.
        self.until: Any = until
        self.failure_grace_period = failure_grace_period
        self.cancel_on_kill = cancel_on_kill
        super().__init__(**kwargs)
        # Never set if the task failed before there was a migration.
        self._source_address: str | None = None

    def start(self, context: Context) -> Any:
        """Join the migration that is there, or start one."""
        service = self.refuse_another_type()
        created_at = service.created_at if service else None
        source = self.source
        status = self.migration_status(self.service_name)
        self.skip_if_migrated(context, self.record_of(created_at), created_at, status)
        self.refuse_same_server(service)
        if status is None:
            return self._begin(context, source, created_at)
        seen = self._verdict(status)
        if not isinstance(seen, Failed):
            return self._join(context, source, status, created_at)
        if not seen.grace_period:
            return self._replace(context, source, status, created_at)
        self._refuse_another(source, status, created_at)
        return self.await_recovery(context, self.service_name, seen, self._settled, created_at=created_at)

    def _verdict(self, status: MigrationStatus) -> Verdict:
        return MigrationWait(self.service_name, failure_grace_period=in_seconds(self.failure_grace_period)).verdict(
            status
        )

    def _settled(self, context: Context, result: dict[str, Any], *, created_at: str | None, **state: Any) -> Any:
        """Go on with a migration that has recovered, has failed for good, or is gone."""
        source = self.source
        status = self.migration_status(self.service_name)
        if status is None:
            return self._begin(context, source, created_at)
        if result["failed"] and isinstance(self._verdict(status), Failed):
            return self._replace(context, source, status, created_at, **state)
        return self._join(context, source, status, created_at)

    def _replace(
        self,
        context: Context,
        source: MigrationSource,
        status: MigrationStatus,
        created_at: str | None,
        **state: Any,
    ) -> Any:
        self.log.info("An earlier migration has failed and is stopped: %s", one_line(describe_migration(status)))
        operation = self.stop_migration()
        if operation is None:
            return self._begin(context, source, created_at)
        return self.wait_for_operation(context, operation, self._cleared, created_at=created_at, **state)

    def _cleared(self, context: Context, result: dict[str, Any], *, created_at: str | None, **_: Any) -> Any:
        return self._begin(context, self.source, created_at)

    def _begin(self, context: Context, source: MigrationSource, created_at: str | None) -> Any:
        call = source.engine.services(self.client).update.call(
            name=self.service_name,
            migration=source.settings(method=self.api_method, ignore_dbs=self.api_ignore_dbs),
        )
        earlier = migration_registry.read(self.hook.zone, self.service_name)
        # Before the request: whatever becomes of this process then, a retry knows that the migration is its own.
        self._write_record(context, source, created_at)
        try:
            operation = self.client.send(call)
        except DbaasConflictError as error:
            # Another run was quicker, and this one's record may have replaced that run's; it will be written again.
            migration_registry.restore(self.hook.zone, self.service_name, earlier)
            raise DbaasMigrationError(
                f"Another migration into service {self.service_name} was started at the same moment: {error}",
                retryable=True,
            ) from error
        except DbaasError as error:
            if not may_have_acted(error):
                migration_registry.restore(self.hook.zone, self.service_name, earlier)
                raise
            # The request may have taken effect although its answer was lost.
            status = self.migration_status(self.service_name)
            if status is None:
                raise
            return self._join(context, source, status, created_at)
        self._own()
        self.log.info("Migrating from %s into service %s", source.address, self.service_name)
        return self.wait_for_operation(context, operation, self._started, created_at=created_at)

    def _own(self) -> None:
        if self.cancel_on_kill:
            self._cancel = {"operation": self.source.engine.stop_migration.id, "name": self.service_name}

    def _write_record(self, context: Context, source: MigrationSource, created_at: str | None) -> None:
        ti = context["ti"]
        record = MigrationRecord(
            source.address,
            _this_run(context),
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=states.map_index(context),
            service_created_at=created_at,
            ignore_dbs=migration_registry.normalized(self.ignore_dbs),
            method=self.method,
        )
        migration_registry.write(self.hook.zone, self.service_name, record)

    def _refuse_another(
        self, source: MigrationSource, status: MigrationStatus, created_at: str | None
    ) -> MigrationRecord:
        """The record of the migration that is there, which must be the one that this task would start."""
        where = f"A migration into service {self.service_name} is there already ({describe_migration(status)})"
        record = self.record_of(created_at)
        advice = "stop it first (DbaasStopMigrationOperator) if it is to be replaced"
        if record is None or record.stopped_at is not None:
            # One that was recorded as stopped is not the one that is there now.
            raise DbaasMigrationError(
                f"{where}, and it is not known from which source: no task of this Airflow has started it, or the "
                f"service was created again since; {advice}, with force=True if it replicates"
            )
        if record.source != source.address:
            raise DbaasMigrationError(
                f"{where}, from {record.source} (started by {record.started_by}), not from {source.address}; {advice}"
            )
        if not record.leaves_out(self.ignore_dbs):
            raise DbaasMigrationError(
                f"{where}, from the same source (started by {record.started_by}), but with ignore_dbs "
                f"{record.ignore_dbs!r}, not {migration_registry.normalized(self.ignore_dbs)!r}: it moves other "
                f"databases; give the same ignore_dbs, or {advice}"
            )
        return record

    def _join(self, context: Context, source: MigrationSource, status: MigrationStatus, created_at: str | None) -> Any:
        record = self._refuse_another(source, status, created_at)
        self.log.info(
            "A migration into service %s is there already (%s), from the same source; started by %s. Joining it",
            self.service_name,
            one_line(describe_migration(status)),
            record.started_by,
        )
        if record.method not in {None, "auto", self.method} and self.method != "auto":
            # Harmless: it moves the same data, and the comparison at the end tells if a dump was made too early.
            self.log.warning("It was started with method %s, not %s; it goes on with that", record.method, self.method)
        if record.started_by == _this_run(context):
            self._own()
        return self._under_way(context, joined=True, operation_id=None)

    def _started(self, context: Context, result: dict[str, Any], *, created_at: str | None, **state: Any) -> Any:
        # Again, for a run that lost a race to this one may have written its own record over it.
        self._write_record(context, self.source, created_at)
        self._own()
        return self._under_way(context, joined=False, operation_id=result["operation_id"], **state)

    def _under_way(self, context: Context, *, joined: bool, operation_id: str | None, **state: Any) -> Any:
        started = {
            "service": self.service_name,
            "source": self.source.address,
            "method": self.method,
            "joined": joined,
            "operation_id": operation_id,
        }
        self._source_address = self.source.address
        if self.until == "started" or not self.wait_for_completion:
            return started
        wait = MigrationWait(self.service_name, self.until, failure_grace_period=in_seconds(self.failure_grace_period))
        return self.wait_for(context, wait, self._copied, started=started, **state)

    def _copied(self, context: Context, result: dict[str, Any], *, started: dict[str, Any], **_: Any) -> dict[str, Any]:
        self._source_address = started["source"]
        return {**started, "status": result["status"], "databases": result["databases"]}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What Airflow's OpenLineage provider is told (get-dbaas-migration-status, get-dbaas-service-…)."""
        if self._source_address is None:
            return lineage.nothing()
        from airflow_dbaas import logins

        with closing(self.hook):
            status = self.migration_status(self.service_name)
            target = self.source.engine.services(self.client).get(self.service_name).uri_params or {}
        if status is None or not target.get("host") or not target.get("port"):
            return lineage.nothing()
        return lineage.of_migration(
            scheme=self.source.engine.scheme,
            source=self._source_address,
            target=logins.address(target["host"], target["port"]),
            databases=[{"name": detail.dbname} for detail in status.details],
        )


def _this_run(context: Context) -> str:
    run = context["ti"]
    return f"{run.dag_id}.{run.task_id}, run {run.run_id}"
