"""Operators for migrations: check, start, stop, verify."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import AirflowSkipException, Context, states
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import (
    DbaasBadRequestError,
    DbaasConfigurationError,
    DbaasConflictError,
    DbaasError,
    DbaasMigrationCheckError,
    DbaasMigrationError,
    DbaasNotFoundError,
    DbaasServiceError,
    DbaasVerificationError,
)
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.api.retries import may_have_acted
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.migration import assets, lineage, registry
from airflow_dbaas.migration.registry import MigrationRecord
from airflow_dbaas.operators._base import Check, DbaasOperator
from airflow_dbaas.waiting.conditions import (
    FAILURE_GRACE_PERIOD,
    Done,
    Failed,
    MigrationWait,
    TaskWait,
    Verdict,
    describe_migration,
    in_seconds,
)

if TYPE_CHECKING:
    from airflow_dbaas.api.fields import MigrationMethod
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service
    from airflow_dbaas.migration.source import MigrationSource
    from airflow_dbaas.migration.target import MigrationTarget
    from airflow_dbaas.verification.report import Finding, Report

Method = Literal["auto", "dump", "replication"]
IfMigrated = Literal["skip", "again"]

#: XCom of a task that was skipped because its migration was done by an earlier run.
ALREADY_MIGRATED = "already_migrated"
# The log and the report to keep have all of them.
_MOST_FINDINGS = 500


class SourceReader(DbaasOperator):
    """What reads the source's connection, and works on a service of the same type."""

    service_name: str
    source_conn_id: str

    @cached_property
    def source(self) -> MigrationSource:
        """The source, read from its connection; its password is masked in this process from then on."""
        from airflow_dbaas.migration.source import MigrationSource

        return MigrationSource.from_conn_id(self.source_conn_id)

    def refuse_another_type(self) -> Service | None:
        """The service (list-dbaas-services), which must be of the source's type; None if it is missing.

        :raises DbaasServiceError: if it is of another type.
        """
        source = self.source
        wanted = source.engine.service_type
        service = self.client.services.list().named(self.service_name)
        if service is not None and service.type not in {None, wanted}:
            raise DbaasServiceError(
                f"service {service.name} is of type {service.type}, but connection {source.conn_id!r} is of type "
                f"{source.engine.conn_types[0]}, which needs a service of type {wanted}"
            )
        return service


class MigrationOperator(SourceReader):
    """What the operators of a migration share: the target service and the source.

    :param service_name: name of the target service, 1 to 63 characters; templated.
    :param source_conn_id: Airflow connection (type ``postgres`` or ``mysql``) of the source, with its admin's login;
        the service must be of the same type; templated.
    :param ignore_dbs: comma-separated databases of the source to leave out, at most 2048 characters; templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "service_name",
        "source_conn_id",
        "ignore_dbs",
    )
    operator_extra_links = (DbaasServiceLink(), DbaasMigrationLink())
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "source_conn_id": validation.connection_id,
        "ignore_dbs": validation.ignore_dbs,
    }

    def __init__(self, *, service_name: str, source_conn_id: str, ignore_dbs: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.source_conn_id = source_conn_id
        self.ignore_dbs = ignore_dbs

    @cached_property
    def target(self) -> MigrationTarget:
        """The service as a server to log in to; its password is masked in this process from then on."""
        from airflow_dbaas.migration.target import MigrationTarget

        return MigrationTarget.of_service(self.client, self.service_name, self.source.engine)

    @property
    def verification(self) -> ModuleType:
        """What compares servers of the source's kind (``compare``), and completes one (``complete_replication``)."""
        from airflow_dbaas.verification import mysql, postgres

        return {"pg": postgres, "mysql": mysql}[self.source.engine.service_type]

    @property
    def ignored(self) -> set[str]:
        """The databases to leave out."""
        return set(registry.names(self.ignore_dbs))

    @property
    def api_ignore_dbs(self) -> str | None:
        """The same as the API takes it: without spaces, which its tools would take for a part of a name."""
        return registry.normalized(self.ignore_dbs) or None

    def record_of(self, created_at: str | None) -> MigrationRecord | None:
        """The record of the migration into the service, if there is one of this very service.

        :param created_at: when the service was created, None if that is not known. A record that was written before is
            about another service of the same name, which is gone.
        """
        record = registry.read(self.hook.zone, self.service_name)
        if record is None or record.is_of_service_created_at(created_at):
            return record
        self.log.info(
            "The record of a migration from %s is passed over: it is about an earlier service %s, created at %s; "
            "the one that is there now was created at %s",
            record.source,
            self.service_name,
            record.service_created_at,
            created_at,
        )
        return None

    def recorded_targets(self) -> Iterator[tuple[str, MigrationRecord]]:
        """The services whose migrations are recorded as coming from this source, and not stopped."""
        for service in self.client.services.list().dbaas_services:
            record = registry.read(self.hook.zone, service.name)
            if (
                record is not None
                and record.source == self.source.address
                and record.stopped_at is None
                and record.is_of_service_created_at(service.created_at)
            ):
                yield service.name, record

    def refuse_same_server(self, service: Service | None) -> None:
        """See that the source is not the service itself.

        By their addresses, and by a lock: what one server has locked, another one has not. That takes a login at both
        ends; where it does not work from this worker, addresses are all there is (get-dbaas-service-…,
        reveal-dbaas-…-user-password).

        :param service: the service; None if it is missing, and so nobody's source.
        :raises DbaasConfigurationError: if it is.
        """
        if service is None:
            return
        from airflow_dbaas.migration import login
        from airflow_dbaas.migration.target import MigrationTarget

        source = self.source
        seen = None
        try:
            target = MigrationTarget.without_password(self.client, self.service_name, source.engine)
            if login.same_address((source.host, source.port), (target.host, target.port)):
                seen = "has its address"
            elif self.verification.same_server(source, self.target):
                seen = "is the same server, at another address"
        except DbaasError as error:
            self.log.info("Whether source and service are one server was not seen from here: %s", error)
        if seen:
            raise DbaasConfigurationError(
                f"source_conn_id: connection {source.conn_id!r} leads to service {self.service_name} itself: "
                f"{source.address} {seen}. If the connection was changed after a cut-over, this migration is over: "
                "do not run it again. Otherwise change the connection so that it leads to the server that has the data"
            )

    def stop_migration(self) -> Operation | None:
        """Stop the migration (stop-dbaas-…-migration); None if there is none any more.

        :raises DbaasMigrationError: if the service does not allow it yet; worth a retry.
        """
        try:
            return self.client.send(self.source.engine.stop_migration.call(self.service_name))
        except DbaasNotFoundError:
            return None
        except (DbaasConflictError, DbaasBadRequestError) as error:
            # The service allows a stop only some minutes after the start; with which status it refuses is unknown.
            raise DbaasMigrationError(f"The migration cannot be stopped yet: {error}", retryable=True) from error


class MethodOperator(MigrationOperator):
    """Adds the method.

    :param method: ``dump``, ``replication``, or ``auto``: the service tries replication first; templated.
    :param if_migrated: ``skip``: skip the task, and so those behind it, if this DAG has migrated the same source into
        the same service before and ``DbaasVerifyMigrationOperator`` has found both equal; ``again``: go on all the
        same. Templated.
    """

    template_fields: Sequence[str] = (*MigrationOperator.template_fields, "method", "if_migrated")
    checks: ClassVar[dict[str, Check]] = {
        **MigrationOperator.checks,
        "method": validation.method,
        "if_migrated": validation.one_of("skip", "again"),
    }

    def __init__(self, *, method: Method | str = "auto", if_migrated: IfMigrated | str = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.method: Any = method
        self.if_migrated: Any = if_migrated
        self._check()

    def skip_if_migrated(
        self,
        context: Context,
        record: MigrationRecord | None,
        created_at: str | None,
        status: MigrationStatus | None,
    ) -> None:
        """Skip the task, and with it those that follow, if an earlier run of this DAG has done it all.

        That is so if its record says that source and target were found equal, if source, service and databases left out
        are the same, and if nothing is being copied. What depends on that is pushed as XCom ``already_migrated``.

        :param context: Airflow's context.
        :param record: the record of the migration into the service.
        :param created_at: when the service was created; if that is not known, nothing is skipped.
        :param status: the migration that is there.
        :raises AirflowSkipException: if it has.
        """
        if self.if_migrated == "again" or record is None or record.verified_at is None:
            return
        over = status is None or (
            record.stopped_at is None and isinstance(MigrationWait(self.service_name, "done").verdict(status), Done)
        )
        same = (
            record.dag_id == context["ti"].dag_id
            and record.source == self.source.address
            and record.leaves_out(self.ignore_dbs)
            and created_at is not None
            and record.service_created_at is not None
        )
        if not over or not same:
            return
        context["ti"].xcom_push(
            key=ALREADY_MIGRATED,
            value={"service": self.service_name, "source": record.source, "verified_at": record.verified_at},
        )
        raise AirflowSkipException(
            f"{record.source} was migrated into service {self.service_name} already, by {record.started_by}; both were "
            f"found equal at {record.verified_at}. Nothing is started; to migrate once more, use if_migrated='again'"
        )

    @property
    def api_method(self) -> MigrationMethod | None:
        """The method as the API takes it."""
        method: MigrationMethod = self.method
        return None if self.method == "auto" else method


_CHECK = "migration_check"


class DbaasMigrationCheckOperator(MethodOperator):
    """Has the service check whether a migration would work (create-dbaas-task-migration-check, get-dbaas-task).

    Nothing is changed at either end. A source that is the service itself is refused, and, before a replication, one
    whose replication slots are in use, as far as the worker can see that. If an earlier run of the DAG has done it all,
    the task is skipped (``if_migrated``).

    A refusal fails the task at once, with the API's reason. A retry joins the check that the first try started, if it
    still runs (Airflow 3.3; elsewhere it starts another one, which does no harm). Killing the task leaves the check
    alone.

    Returns ``task_id``, ``service``, ``zone``, ``result`` (the API's text) and ``operation_id`` (None if a check was
    joined).
    With ``wait_for_completion=False`` the ``result`` is None, for a ``DbaasTaskSensor`` to wait for, and so is
    ``task_id`` if the API has named no task yet: then a ``DbaasOperationSensor`` finds it as ``reference_id``.
    """

    def start(self, context: Context) -> Any:
        """Start the check and wait for its task."""
        service = self.refuse_another_type()
        created_at = service.created_at if service else None
        status = self.migration_status(self.service_name)
        self.skip_if_migrated(context, self.record_of(created_at), created_at, status)
        self.refuse_same_server(service)
        self._refuse_occupied_slots(status)
        earlier = self.recall(context, _CHECK)
        if earlier is not None and self._still_runs(earlier):
            self.log.info("The check that an earlier try started still runs (task %s); waiting for it", earlier)
            return self._follow(context, earlier, operation_id=None)
        try:
            operation = self.client.migrations.check(
                service=self.service_name,
                source_service_uri=self.source.uri(),
                method=self.api_method,
                ignore_dbs=self.api_ignore_dbs,
            )
        except DbaasNotFoundError as error:
            raise DbaasServiceError(
                f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one, and so does "
                f"migrate_service with a plan ({error})"
            ) from error
        self.log.info("Checking a migration from %s into service %s", self.source.address, self.service_name)
        reference = operation.reference.id if operation.reference else None
        return self.wait_for_operation(context, operation, self._submitted, task_id=reference)

    def _refuse_occupied_slots(self, status: MigrationStatus | None) -> None:
        """See that no other migration replicates from the source, as far as it can be asked from this worker.

        A PostgreSQL source has one slot for each database, whoever replicates from it; the service's own check does not
        look whether it is in use.
        """
        source = self.source
        if source.engine.service_type != "pg" or self.method == "dump":
            return
        if status is not None and not isinstance(MigrationWait(self.service_name).verdict(status), Failed):
            # It may be this very migration, which the start will join.
            return
        from airflow_dbaas.verification.postgres import replication_slots

        try:
            found = replication_slots.slots(source, ignore=self.ignored)
        except DbaasError as error:
            self.log.info("The replication slots of the source were not seen from here: %s", error)
            return
        used = [str(slot) for slot in found if slot.pid is not None]
        unused = [str(slot) for slot in found if slot.pid is None]
        if unused:
            self.log.warning("An earlier migration has left at the source: %s", one_line("; ".join(unused)))
        if not used:
            return
        if status is not None:
            self.log.warning("The start removes the migration that has failed, whose slots may be these: %s", used)
            return
        holders = [f"service {name} (started by {record.started_by})" for name, record in self.recorded_targets()]
        who = f" by the migration into {', '.join(holders)}" if holders else ""
        raise DbaasMigrationCheckError(
            f"{'; '.join(used)}{who}. A PostgreSQL source can be replicated to one service at a time. If that "
            "migration has failed, remove it (DAG dbaas_clean_up_failed_migration), otherwise stop it "
            "(DbaasStopMigrationOperator); or use method='dump'. See docs/how-to/clean-up-a-failed-migration.md"
        )

    def _submitted(self, context: Context, result: dict[str, Any], *, task_id: str | None, **state: Any) -> Any:
        # The id may be there at once or only when the operation has ended, as id or as the end of a link.
        link = (result["reference_link"] or "").rstrip("/").rpartition("/")[2]
        candidates: list[str] = [candidate for candidate in (result["reference_id"], task_id, link) if candidate]
        named = [candidate for candidate in candidates if _is_uuid(candidate)]
        operation_id = result["operation_id"]
        if not named and not self.wait_for_completion:
            return self._result(None, operation_id)
        if not named:
            raise DbaasMigrationCheckError("The API took the migration check but named no task to follow")
        self.remember(context, _CHECK, named[0])
        return self._follow(context, named[0], operation_id=operation_id, **state)

    def _still_runs(self, task_id: str) -> bool:
        try:
            return self.client.operations.get_task(service=self.service_name, id=task_id).success is None
        except DbaasNotFoundError:
            return False

    def _follow(self, context: Context, task_id: str, *, operation_id: str | None, **state: Any) -> Any:
        if not self.wait_for_completion:
            return self._result(task_id, operation_id)
        wait = TaskWait(self.service_name, task_id)
        return self.end_with(context, wait, adds={"operation_id": operation_id}, **state)

    def _result(self, task_id: str | None, operation_id: str | None) -> dict[str, Any]:
        return {"task_id": task_id, "service": self.service_name, "result": None, "operation_id": operation_id}


def _is_uuid(value: str) -> bool:
    try:
        return bool(calls.identifier("id", value))
    except DbaasConfigurationError:
        return False


class DbaasStartMigrationOperator(MethodOperator):
    """Starts a migration into a PostgreSQL or MySQL service (update-dbaas-service-…), and waits until the API has taken
    it or until the data is there.

    Never a second time: a migration from the same source that runs, replicates or is complete is joined, also by a
    retry or another run; one from another source, of other databases, or from a source that is not known, is refused.
    If an earlier run of the DAG has done it all, the task is skipped (``if_migrated``). A source that is the service
    itself is refused. One that has failed is
    stopped and started again. A replication that is shown as failed may recover: it is given ``failure_grace_period``
    for that, and joined if it does. Where a running migration came from is kept in an Airflow variable, see
    ``registry``.

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
        earlier = registry.read(self.hook.zone, self.service_name)
        # Before the request: whatever becomes of this process then, a retry knows that the migration is its own.
        self._write_record(context, source, created_at)
        try:
            operation = self.client.send(call)
        except DbaasConflictError as error:
            # Another run was quicker, and this one's record may have replaced that run's; it will be written again.
            registry.restore(self.hook.zone, self.service_name, earlier)
            raise DbaasMigrationError(
                f"Another migration into service {self.service_name} was started at the same moment: {error}",
                retryable=True,
            ) from error
        except DbaasError as error:
            if not may_have_acted(error):
                registry.restore(self.hook.zone, self.service_name, earlier)
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
            ignore_dbs=registry.normalized(self.ignore_dbs),
            method=self.method,
        )
        registry.write(self.hook.zone, self.service_name, record)

    def _refuse_another(
        self, source: MigrationSource, status: MigrationStatus, created_at: str | None
    ) -> MigrationRecord:
        """The record of the migration that is there, which must be the one that this task would start."""
        where = f"A migration into service {self.service_name} is there already ({describe_migration(status)})"
        record = self.record_of(created_at)
        advice = "stop it first (DbaasStopMigrationOperator) to replace it"
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
                f"{record.ignore_dbs!r}, not {registry.normalized(self.ignore_dbs)!r}: it moves other "
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
        from airflow_dbaas.migration import login

        with closing(self.hook):
            status = self.migration_status(self.service_name)
            target = self.source.engine.services(self.client).get(self.service_name).uri_params or {}
        if status is None or not target.get("host") or not target.get("port"):
            return lineage.nothing()
        return lineage.of_migration(
            scheme=self.source.engine.scheme,
            source=self._source_address,
            target=login.address(target["host"], target["port"]),
            databases=[{"name": detail.dbname} for detail in status.details],
        )


def _this_run(context: Context) -> str:
    run = context["ti"]
    return f"{run.dag_id}.{run.task_id}, run {run.run_id}"


class DbaasStopMigrationOperator(MigrationOperator):
    """Ends the migration into a PostgreSQL or MySQL service (stop-dbaas-…-migration): replication is cut.

    Refuses a migration that is not complete (a database is still being copied), for stopping it would leave the target
    so, and one that replicates from another source than this task's, or from one that is not known. One that has failed
    is over: it is removed, and nothing is completed. A replication that is shown as failed may recover: it is given
    three minutes for that. A migration that is not there needs no stop.

    After replication, what it leaves out is completed: in PostgreSQL sequences are moved on to the source's positions
    (never back) and materialized views are filled, in MySQL events that came disabled are enabled if the source runs
    them, and counters of ``AUTO_INCREMENT`` are moved on as sequences are.

    Returns ``service``, ``zone``, ``stopped``, ``sequences`` (how many were moved), ``views`` (how many were filled),
    ``events`` (how many were enabled) and ``operation_id``. With ``wait_for_completion=False`` nothing is completed,
    and all three are None. Killing the task does not take the stop back.

    :param force: stop a migration that is not complete, or comes from another source, too. Nothing is completed then.
    """

    checks: ClassVar[dict[str, Check]] = {**MigrationOperator.checks, "force": validation.boolean}

    def __init__(self, *, force: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force
        self._check()

    def start(self, context: Context) -> Any:
        """Stop the migration if it may be, then complete what replication leaves out."""
        service = self.refuse_another_type()
        status = self.migration_status(self.service_name)
        created_at = service.created_at if service else None
        if status is None:
            return self._nothing_to_stop(context, self.record_of(created_at))
        verdict = MigrationWait(self.service_name).verdict(status)
        if isinstance(verdict, Failed) and verdict.grace_period and not self.force:
            return self.await_recovery(context, self.service_name, verdict, self._settled, created_at=created_at)
        return self._stop(context, status, failed=isinstance(verdict, Failed), created_at=created_at)

    def _settled(self, context: Context, result: dict[str, Any], *, created_at: str | None, **state: Any) -> Any:
        """Go on with a migration that has recovered, has failed for good, or is gone."""
        status = self.migration_status(self.service_name)
        if status is None:
            return self._nothing_to_stop(context, self.record_of(created_at))
        return self._stop(context, status, failed=result["failed"], created_at=created_at, **state)

    def _nothing_to_stop(self, context: Context, record: MigrationRecord | None) -> dict[str, Any]:
        self.log.info("There is no migration into service %s to stop", self.service_name)
        # Perhaps an earlier attempt stopped it, and went no further.
        complete = not self.force
        if record is not None and record.source != self.source.address:
            self.log.warning(
                "The last migration came from %s, not from %s: nothing is completed", record.source, self.source.address
            )
            complete = False
        elif record is not None and record.failed_at is not None:
            self.log.info("The last migration had failed, and an earlier try has removed it: nothing is completed")
            return self._stopped(context, {"operation_id": None}, stopped=True, complete=False, whole=False)
        elif record is not None and record.verified_at is not None:
            # Since then the target may be in use.
            self.log.info("Source and target were found equal at %s: nothing is completed", record.verified_at)
            complete = False
        return self._stopped(context, {"operation_id": None}, stopped=False, complete=complete)

    def _stop(
        self, context: Context, status: MigrationStatus, *, failed: bool, created_at: str | None, **state: Any
    ) -> Any:
        replicates = any(detail.method == "replication" for detail in status.details)
        record = self.record_of(created_at)
        if record is not None:
            registry.note_failure(self.hook.zone, self.service_name, record, failed=failed)
        if failed:
            self.log.warning(
                "The migration into service %s has failed and is removed; the target is incomplete: %s",
                self.service_name,
                one_line(describe_migration(status)),
            )
        elif not self.force:
            self._refuse_another(record, status, replicates=replicates)
            if not isinstance(MigrationWait(self.service_name).verdict(status), Done):
                raise DbaasMigrationError(
                    f"The migration into service {self.service_name} is not complete ({describe_migration(status)}); "
                    "stopping it now would leave the target incomplete. Wait with DbaasMigrationSensor, or use "
                    "force=True",
                    # It may be complete by the next try.
                    retryable=True,
                )
        complete = replicates and not failed and not self.force
        done = {"stopped": True, "complete": complete, "whole": not failed and not self.force}
        operation = self.stop_migration()
        if operation is None:
            return self._stopped(context, {"operation_id": None}, **done)
        self.log.info("Stopping the migration into service %s", self.service_name)
        return self.wait_for_operation(context, operation, self._stopped, **{**state, **done})

    def _refuse_another(self, record: MigrationRecord | None, status: MigrationStatus, *, replicates: bool) -> None:
        """See that the migration that is there is the one from this task's source.

        :raises DbaasMigrationError: if it is another one, or one that replicates and may be: cutting a replication
            cannot be taken back, and what it leaves out would be completed from the wrong source.
        """
        where = f"The migration into service {self.service_name} ({describe_migration(status)})"
        if record is not None and record.stopped_at is None:
            if record.source != self.source.address:
                raise DbaasMigrationError(
                    f"{where} comes from {record.source} (started by {record.started_by}), not from "
                    f"{self.source.address}; name its connection, or stop it all the same with force=True, which "
                    "completes nothing"
                )
            return
        if replicates:
            raise DbaasMigrationError(
                f"{where} was not started by this Airflow, so it is not known whether it comes from "
                f"{self.source.address}. If it does, stop it with force=True, then run this task without force: it "
                "completes what replication leaves out"
            )

    def _stopped(
        self, context: Context, result: dict[str, Any], *, stopped: bool, complete: bool, whole: bool = True, **_: Any
    ) -> dict[str, Any]:
        completed = dict.fromkeys(("sequences", "views", "events"), 0 if self.wait_for_completion else None)
        if complete and self.wait_for_completion:
            completed |= self.verification.complete_replication(self.source, self.target, ignore=self.ignored)
            self.log.info(
                "%(sequences)d sequences moved on to the source's position, %(views)d views filled, "
                "%(events)d events enabled",
                completed,
            )
        if whole:
            registry.note_stop(self.hook.zone, self.service_name)
        else:
            registry.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "stopped": stopped,
            **completed,
            "operation_id": result["operation_id"],
        }


class DbaasCleanUpMigrationOperator(MigrationOperator):
    """Removes a failed migration into a service (stop-dbaas-…-migration), its record, and, if asked, what migrations
    have left at a PostgreSQL source: replication slots that nobody uses, and publications.

    Refuses a migration that has not failed. A replication that is shown as failed may recover: it is given three
    minutes for that. The service and what is in it stay; it may be gone already. What a migration leaves at the source
    is called ``aiven_db_migrate_…``; a slot that is in use is never dropped, and nothing is dropped while a migration
    from this source into another service goes on, as far as records tell. MySQL leaves nothing at the source.

    Returns ``service``, ``zone``, ``removed`` (False if there was no migration), ``dropped`` (what was dropped at the
    source) and ``operation_id``.

    :param drop_at_source: drop slots and publications, too; the worker must reach the source.
    """

    checks: ClassVar[dict[str, Check]] = {**MigrationOperator.checks, "drop_at_source": validation.templated_boolean}
    template_fields = (*MigrationOperator.template_fields, "drop_at_source")

    def __init__(self, *, drop_at_source: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_at_source: Any = drop_at_source
        self._check()

    def start(self, context: Context) -> Any:
        """Remove the migration if it has failed, then clean up."""
        self.refuse_another_type()
        status = self.migration_status(self.service_name)
        if status is None:
            self.log.info("There is no migration into service %s", self.service_name)
            return self._removed(context, {"operation_id": None}, removed=False)
        verdict = MigrationWait(self.service_name).verdict(status)
        if isinstance(verdict, Failed) and verdict.grace_period:
            return self.await_recovery(context, self.service_name, verdict, self._settled)
        return self._remove(context, status, failed=isinstance(verdict, Failed))

    def _settled(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        """Go on with a migration that has recovered, has failed for good, or is gone."""
        status = self.migration_status(self.service_name)
        if status is None:
            return self._removed(context, {"operation_id": None}, removed=False)
        return self._remove(context, status, failed=result["failed"], **state)

    def _remove(self, context: Context, status: MigrationStatus, *, failed: bool, **state: Any) -> Any:
        if not failed:
            raise DbaasMigrationError(
                f"The migration into service {self.service_name} has not failed ({describe_migration(status)}); "
                "to end it use DbaasStopMigrationOperator"
            )
        self.log.info("Removing the migration that has failed: %s", one_line(describe_migration(status)))
        operation = self.stop_migration()
        if operation is None:
            return self._removed(context, {"operation_id": None}, removed=True)
        return self.wait_for_operation(context, operation, self._removed, **{**state, "removed": True})

    def _removed(self, context: Context, result: dict[str, Any], *, removed: bool, **_: Any) -> dict[str, Any]:
        if removed:
            registry.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "zone": self.hook.zone,
            "removed": removed,
            "dropped": self._clean_source() if self.drop_at_source else [],
            "operation_id": result["operation_id"],
        }

    def _clean_source(self) -> list[str]:
        source = self.source
        if source.engine.service_type != "pg":
            self.log.info("A migration from %s leaves nothing at the source", source.engine.name)
            return []
        from airflow_dbaas.verification.postgres import replication_slots

        self._refuse_other_targets()
        dropped = replication_slots.remove(source, ignore=self.ignored)
        for what in dropped:
            self.log.info("Dropped at the source: %s", one_line(what))
        if not dropped:
            self.log.info("Migrations have left nothing at the source")
        return dropped

    def _refuse_other_targets(self) -> None:
        """See that no other service follows the source: a slot that is not in use at the moment may be its."""
        for name, record in self.recorded_targets():
            status = self.migration_status(name)
            verdict = None if status is None else MigrationWait(name).verdict(status)
            # One that replicates may recover, and then needs its slot.
            over = verdict is None or (isinstance(verdict, Failed) and not verdict.grace_period)
            if status is not None and not over:
                raise DbaasMigrationError(
                    f"Service {name} is being migrated from {record.source} ({describe_migration(status)}, started by "
                    f"{record.started_by}); while that goes on, nothing is dropped at the source"
                )


class DbaasVerifyMigrationOperator(MigrationOperator):
    """Compares source and target, database by database: rows, and the definitions of all kinds of object. Any
    difference fails the task, and so does what the login cannot see.

    Reads both servers from the worker, so both must be reachable from there, and needs a driver: for PostgreSQL that of
    Airflow's postgres provider, or ``airflow-dbaas[postgres]``; for MySQL PyMySQL, which is ``airflow-dbaas[mysql]``.
    While replication still goes on, tables that differ are looked at again for ``settle_seconds``, and what replication
    leaves out (sequences, the filling of materialized views, which events are enabled) is not compared.

    What a migration leaves out on purpose, such as owners, is a note. Which kind of object is compared, and how much a
    difference weighs, is on the page "What verification compares".

    A retry, and a task that was cleared, does not read again what this run has found equal, unless something was
    written there since.

    When all is equal, an event of each database's asset tells so, and DAGs that are scheduled on it run; see
    ``airflow_dbaas.migration.assets``. OpenLineage is told of the databases at both ends, also when they differ.

    Returns ``service``, ``zone``, ``source``, ``equal``, ``databases`` (name, tables, rows, bytes and seconds of each),
    ``differences``, ``notes`` and ``not_compared``; the same is in the XCom ``verification``, also when the task fails.

    :param content: ``all`` compares the content of every row (a checksum independent of their order), which reads all
        data at both ends; ``sample`` that of one row in 64, by their keys; ``count`` the number of rows. True means
        ``all`` and False ``count``.
    :param settle_seconds: how long a replicating target may lag behind: seconds, or a timedelta.
    :param emit_assets: leave an asset event for each database; ``assets.MIGRATED_DATABASES`` is then among the task's
        outlets, besides those it is given.
    :param parallel: how many tables, or parts of one, are read at once at each end, at most 16; by default 1 to 6, by
        the servers' size. Templated.
    :param strict: notes fail the task, too; templated.
    :param show_values: of rows that differ, show the values that do, not only the keys; templated.
    :param tables: compare the rows of these tables only, each as ``table`` or ``database.table`` as differences name
        them; nothing is recorded, and no asset event left. Templated.
    :param recheck: read again also what this run has found equal; templated.
    :param allow_empty: comparing no database at all is no failure; templated.
    :param report_path: write a report to keep there, as ``.json`` and ``.html``: a local path or a URL of Airflow's
        object storage; templated.
    :param object_storage_conn_id: Airflow connection to the store; templated.
    """

    checks: ClassVar[dict[str, Check]] = {
        **MigrationOperator.checks,
        "content": validation.content,
        "settle_seconds": validation.not_negative,
        "emit_assets": validation.boolean,
        "parallel": validation.optional(validation.count),
        "strict": validation.templated_boolean,
        "show_values": validation.templated_boolean,
        "tables": validation.optional(validation.names),
        "recheck": validation.templated_boolean,
        "allow_empty": validation.templated_boolean,
        "report_path": validation.optional(validation.path),
        "object_storage_conn_id": validation.optional(validation.connection_id),
    }
    template_fields: Sequence[str] = (
        *MigrationOperator.template_fields,
        "content",
        "parallel",
        "strict",
        "show_values",
        "tables",
        "recheck",
        "allow_empty",
        "report_path",
        "object_storage_conn_id",
    )

    def __init__(
        self,
        *,
        content: bool | str = "all",
        settle_seconds: float | timedelta = 60,
        emit_assets: bool = True,
        parallel: int | str | None = None,
        strict: bool | str = False,
        show_values: bool | str = False,
        tables: Sequence[str] | str | None = None,
        recheck: bool | str = False,
        allow_empty: bool | str = False,
        report_path: str | None = None,
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.content: Any = content
        self.settle_seconds: Any = settle_seconds
        self.emit_assets = emit_assets
        self.parallel: Any = parallel
        self.strict: Any = strict
        self.show_values: Any = show_values
        self.tables: Any = tables
        self.recheck: Any = recheck
        self.allow_empty: Any = allow_empty
        self.report_path = report_path
        self.object_storage_conn_id = object_storage_conn_id
        if emit_assets:
            self.outlets = assets.with_migrated(self.outlets)
        self._compared: dict[str, Any] | None = None
        self._check()

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As Airflow's own, for a mapped task: that shows, and 2.11 knows, only the outlets that are stated here."""
        mapped = super().partial(**kwargs)
        if mapped.kwargs.get("emit_assets", True):
            mapped.kwargs["outlets"] = assets.with_migrated(mapped.kwargs.get("outlets") or ())
        return mapped

    def start(self, context: Context) -> dict[str, Any]:
        """Compare."""
        service = self.refuse_another_type()
        self.refuse_same_server(service)
        status = self.migration_status(self.service_name)
        replicating = _replicates(status)
        report = self._compare(context, status, replicating=replicating)
        result = self._told(context, report)
        failures = report.failures(strict=self.strict)
        whole = self.tables is None
        if not replicating and whole:
            self._record(service.created_at if service else None, equal=not failures and _is_over(status))
        if failures:
            raise self._error(failures)
        for line in equal_lines(result["databases"]):
            self.log.info("%s", line)
        if self.emit_assets and whole:
            facts = {"source": self.source.address, "replicating": replicating, "content": self.content == "all"}
            self._emit(context, result["databases"], facts)
        return result

    def _compare(self, context: Context, status: MigrationStatus | None, *, replicating: bool) -> Report:
        from airflow_dbaas.verification import kept

        source, target = self.source, self.target
        memory = kept.memory(
            self.hook.zone, self.service_name, kept.run_of(context), f"{source.address} {target.address}"
        )
        if self.recheck:
            memory.found.clear()
        report: Report = self.verification.compare(
            source,
            target,
            ignore=self.ignored,
            content=self.content,
            settle_seconds=self.settle_seconds if replicating else 0,
            replicating=replicating,
            parallel=self.parallel,
            tables=self.tables,
            show_values=self.show_values,
            allow_empty=self.allow_empty,
            expected={detail.dbname for detail in status.details if detail.dbname} if status else (),
            memory=memory,
        )
        report.about |= {"source": source.address, "target": target.address, "service": self.service_name}
        self._compared = {
            "scheme": source.engine.scheme,
            "source": source.address,
            "target": target.address,
            # Counted are the target's rows: the source's too only if all is equal.
            "databases": [{"name": one["name"]} for one in report.databases]
            if report.differences
            else [dict(one) for one in report.databases],
        }
        return report

    def _told(self, context: Context, report: Report) -> dict[str, Any]:
        """What the comparison found, for other tasks; it is in the log, and in the report to keep."""
        for level, found in (
            (logging.ERROR, report.differences),
            (logging.WARNING if self.strict else logging.INFO, report.notes),
            (logging.INFO, report.not_compared),
        ):
            if found:
                lines = "\n".join(one_line(str(finding)) for finding in found)
                self.log.log(level, "%s:\n%s", found[0].level.heading, lines)
        result = {
            "service": self.service_name,
            "source": self.source.address,
            **report.to_dict(strict=self.strict, most=_MOST_FINDINGS),
        }
        if self.do_xcom_push:
            context["ti"].xcom_push(key="verification", value=result)
        if self.report_path:
            from airflow_dbaas.operators.observability import StoredFile

            stem = re.sub(r"\.(?:json|html)$", "", self.report_path)
            for suffix, text in (
                (".json", json.dumps(report.to_json(strict=self.strict), indent=2, ensure_ascii=False) + "\n"),
                (".html", report.to_html(strict=self.strict)),
            ):
                StoredFile(f"{stem}{suffix}", self.object_storage_conn_id or None).replace(text.encode())
            self.log.info("The report is in %s.json and %s.html", stem, stem)
        return result

    def _error(self, failures: list[Finding]) -> DbaasVerificationError:
        # The error's text is bounded; the log has them all.
        shown = "; ".join(str(finding) for finding in failures[:20])
        more = f"; and {len(failures) - 20} more" if len(failures) > 20 else ""
        return DbaasVerificationError(
            f"{len(failures)} differences between {self.source.address} and service {self.service_name}: {shown}{more}",
            retryable=all(finding.retryable for finding in failures),
        )

    def _record(self, created_at: str | None, *, equal: bool) -> None:
        record = self.record_of(created_at)
        if record is None or record.source != self.source.address or not record.leaves_out(self.ignore_dbs):
            return
        registry.note_verification(self.hook.zone, self.service_name, record, equal=equal)

    def _emit(self, context: Context, databases: list[dict[str, Any]], facts: dict[str, Any]) -> None:
        zone = self.zone_of(self.service_name)
        if zone is None:
            self.log.warning("No asset events: neither the task, nor its connection, nor the API names the zone")
            return
        assets.emit_migrated(context, zone=zone, service=self.service_name, databases=databases, **facts)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What Airflow's OpenLineage provider is told; nothing if the databases were not compared."""
        return lineage.of_migration(**self._compared) if self._compared else lineage.nothing()


def _is_over(status: MigrationStatus | None) -> bool:
    """Whether nothing is being copied any more."""
    return status is None or isinstance(MigrationWait("", "done").verdict(status), Done)


def equal_lines(databases: list[dict[str, Any]]) -> Iterator[str]:
    """The report on equal databases for people: a line for all, then one for each."""
    rows, tables = (sum(one[name] for one in databases) for name in ("rows", "tables"))
    yield f"Source and target are equal: {len(databases)} databases, {tables:,} tables, {rows:,} rows"
    for one in databases:
        size = one["bytes"] / 1_000_000
        name = one_line(str(one["name"]))
        yield f"  database {name}: {one['tables']:,} tables, {one['rows']:,} rows, {size:,.1f} MB in the target"


def _replicates(status: MigrationStatus | None) -> bool:
    """Whether a database still follows the source; a dump that is there but was not stopped does not."""
    return status is not None and any(d.method == "replication" or d.status == "syncing" for d in status.details)
