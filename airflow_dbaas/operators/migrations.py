"""Operators for migrations: check, start, stop, verify."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeGuard

from airflow_dbaas import validation
from airflow_dbaas._compat import AirflowSkipException, Context, states
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
from airflow_dbaas.api.parameters import Method, canonical_uuid
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.api.retries import may_have_acted
from airflow_dbaas.links import DbaasMigrationLink, DbaasServiceLink
from airflow_dbaas.migration import assets, lineage, registry
from airflow_dbaas.migration.registry import MigrationRecord
from airflow_dbaas.operators._base import Check, DbaasOperator
from airflow_dbaas.operators._progress import Progress, Step
from airflow_dbaas.waiting.conditions import (
    FAILURE_GRACE_PERIOD,
    Done,
    Failed,
    MigrationWait,
    TaskWait,
    describe_migration,
    in_seconds,
)

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service
    from airflow_dbaas.migration.source import MigrationSource
    from airflow_dbaas.migration.target import MigrationTarget
    from airflow_dbaas.verification.report import Finding, Report

IfMigrated = Literal["skip", "again"]

#: XCom of a task that was skipped because its migration was done by an earlier run.
ALREADY_MIGRATED = "already_migrated"
# The log and the report to keep have all of them.
_MOST_FINDINGS = 500


class SourceReader(DbaasOperator):
    """Reads the source connection, and works on a service of the same type."""

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
    """Base of the operators of a migration, with the target service and the source.

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
        """The module that compares servers of the source's type (``compare``), and completes a replication
        (``complete_replication``)."""
        from airflow_dbaas.verification import module_for

        return module_for(self.source.engine.service_type)

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

        :param created_at: when the service was created, None if unknown. An older record belongs to a deleted service
            of the same name.
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

        :param service: the service; None if it does not exist, so that it cannot be the source.
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
            self.log.info("Whether source and service are the same server could not be checked from here: %s", error)
        if seen:
            raise DbaasConfigurationError(
                f"source_conn_id: connection {source.conn_id!r} leads to service {self.service_name} itself: "
                f"{source.address} {seen}. If the connection was changed after a cut-over, this migration is over: "
                "do not run it again. Otherwise, change the connection so that it leads to the server that has the data"
            )

    def stop_migration(self) -> Operation | None:
        """Stop the migration (stop-dbaas-…-migration); None if there is none left.

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
    :param if_migrated: ``skip``: skip this task and those after it if this DAG has migrated the same source into the
        same service before and ``DbaasVerifyMigrationOperator`` found no differences; ``again``: migrate again.
        Templated.
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

        This requires a record that source and target were equal, the same source, service and ignored databases, and no
        running copy. The record is pushed as XCom ``already_migrated``.

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
            f"{record.source} was migrated into service {self.service_name} already, by {record.started_by}; both "
            f"were equal at {record.verified_at}. Nothing is started; to migrate again, use if_migrated='again'"
        )


_CHECK = "migration_check"


@dataclass
class MigrationCheck(Progress):
    """How far a check has come.

    :param task_id: the service's task that checks.
    """

    task_id: str | None = None


class DbaasMigrationCheckOperator(MethodOperator):
    """Has the service check whether a migration would work (create-dbaas-task-migration-check, get-dbaas-task).

    Nothing is changed at either end. A source that is the service itself is refused, and, before a replication, one
    whose replication slots are in use, as far as the worker can see that. A warning names what the login cannot see of
    a MySQL source, because a migration leaves it out without an error. If an earlier run of the DAG has done it all,
    the task is skipped (``if_migrated``).

    A refusal fails the task at once, with the API's reason. A retry joins the check that the first try started, if it
    still runs (Airflow 3.3; elsewhere it starts another one, which does no harm). Killing the task leaves the check
    alone.

    Returns ``task_id``, ``service``, ``zone``, ``result`` (the API's text) and ``operation_id`` (None if a check was
    joined). With ``wait_for_completion=False``, the ``result`` is None; use ``DbaasTaskSensor`` to wait for it. The
    ``task_id`` is also None if the API has not named the task yet; ``DbaasOperationSensor`` then returns it as
    ``reference_id``.
    """

    progress_class = MigrationCheck
    progress: MigrationCheck

    def perform(self, context: Context) -> Any:
        """Start the check, or find the one of an earlier try, and wait for its task."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            service = self.refuse_another_type()
            created_at = service.created_at if service else None
            status = self.migration_status(self.service_name)
            self.skip_if_migrated(context, self.record_of(created_at), created_at, status)
            self.refuse_same_server(service)
            self._refuse_occupied_slots(status)
            self._warn_of_what_is_hidden()
            earlier = self.recall(context, _CHECK)
            if earlier is not None and self._still_runs(earlier):
                self.log.info("The check that an earlier try started still runs (task %s); waiting for it", earlier)
                progress.task_id, progress.step = earlier, Step.OPERATION
            else:
                operation = self._check_migration()
                progress.task_id = operation.reference.id if operation.reference else None
                self.wait_for_operation(context, operation)
        if progress.before(Step.OUTCOME) and progress.result:
            progress.task_id = self._named_task()
            if progress.task_id is not None:
                self.remember(context, _CHECK, progress.task_id)
        if not self.wait_for_completion:
            return {
                "task_id": progress.task_id,
                "service": self.service_name,
                "result": None,
                "operation_id": progress.operation_id,
            }
        if progress.task_id is None:
            raise DbaasMigrationCheckError("The API accepted the migration check but named no task")
        return self.end_with(context, TaskWait(self.service_name, progress.task_id), operation_id=progress.operation_id)

    def _check_migration(self) -> Operation:
        try:
            operation = self.client.migrations.check(
                service=self.service_name,
                source_service_uri=self.source.uri(),
                method=self.method,
                ignore_dbs=self.api_ignore_dbs,
            )
        except DbaasNotFoundError as error:
            raise DbaasServiceError(
                f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one, and so does "
                f"migrate_service with a plan ({error})"
            ) from error
        self.log.info("Checking a migration from %s into service %s", self.source.address, self.service_name)
        return operation

    def _refuse_occupied_slots(self, status: MigrationStatus | None) -> None:
        """See that no other migration replicates from the source, as far as it can be asked from this worker.

        A PostgreSQL source has one slot for each database, whatever the target; the service's own check does not test
        whether it is in use.
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
            self.log.info("The replication slots of the source could not be read from here: %s", error)
            return
        used = [str(slot) for slot in found if slot.pid is not None]
        unused = [str(slot) for slot in found if slot.pid is None]
        if unused:
            self.log.warning("An earlier migration has left at the source: %s", one_line("; ".join(unused)))
        if not used:
            return
        if status is not None:
            self.log.warning("These slots may belong to the failed migration, which the start removes: %s", used)
            return
        holders = [f"service {name} (started by {record.started_by})" for name, record in self.recorded_targets()]
        who = f" by the migration into {', '.join(holders)}" if holders else ""
        raise DbaasMigrationCheckError(
            f"{'; '.join(used)}{who}. A PostgreSQL source can be replicated to one service at a time. If that "
            "migration has failed, remove it (DAG dbaas_clean_up_failed_migration), otherwise stop it "
            "(DbaasStopMigrationOperator); or use method='dump'. See docs/how-to/clean-up-a-failed-migration.md"
        )

    def _warn_of_what_is_hidden(self) -> None:
        """Name what the login cannot see of a MySQL source: a dump leaves it out without an error."""
        if self.source.engine.service_type != "mysql":
            return
        from airflow_dbaas.verification import mysql

        try:
            hidden = mysql.unseen(self.source, ignore=self.ignored)
        except DbaasError as error:
            self.log.info("The privileges of the login at the source could not be read from here: %s", error)
            return
        for each in hidden:
            self.log.warning("The migration will leave out what the login cannot see: %s", one_line(each))

    def _named_task(self) -> str | None:
        """The task that the operation names: at once or only when it has ended, as id or at the end of a link."""
        result = self.progress.result
        link = (result["reference_link"] or "").rstrip("/").rpartition("/")[2]
        for candidate in (result["reference_id"], self.progress.task_id, link):
            if candidate and canonical_uuid(candidate):
                return str(candidate)
        return None

    def _still_runs(self, task_id: str) -> bool:
        try:
            return self.client.operations.get_task(service=self.service_name, id=task_id).success is None
        except DbaasNotFoundError:
            return False


@dataclass
class MigrationStart(Progress):
    """How far the start of a migration has come.

    :param created_at: when the service was created.
    :param source: address of the source.
    :param joined: whether the migration was there already.
    """

    created_at: str | None = None
    source: str = ""
    joined: bool = False


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

    OpenLineage receives the databases at both ends, as far as the migration's status names them at that time.

    Returns ``service``, ``zone``, ``source`` (host:port), ``method``, ``joined`` and ``operation_id``; after waiting
    for the data also ``status`` and ``databases``, as ``DbaasMigrationSensor``.

    :param until: ``started``: the API has accepted it (put a ``DbaasMigrationSensor`` after this task); ``synced``:
        every database is copied, replication may continue; ``done``: replication has ended as well.
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
    progress_class = MigrationStart
    progress: MigrationStart

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

    def perform(self, context: Context) -> Any:
        """Join the migration that is there, or start one; wait for the data if asked to."""
        progress = self.progress
        if progress.before(Step.PREPARATION):
            service = self.refuse_another_type()
            progress.created_at = service.created_at if service else None
            progress.source = self.source.address
            status = self.migration_status(self.service_name)
            if progress.before(Step.RECOVERY):
                self.skip_if_migrated(context, self.record_of(progress.created_at), progress.created_at, status)
                self.refuse_same_server(service)
                if self._may_recover(status):
                    self._refuse_another(status)
            status, failed = self.settle(context, self._migration_wait, status)
            if status is not None and failed:
                self.log.info(
                    "An earlier migration has failed and is stopped: %s", one_line(describe_migration(status))
                )
                operation = self.stop_migration()
                if operation is not None:
                    self.wait_for_operation(context, operation, Step.PREPARATION)
            elif status is not None:
                self._join(context, status)
        if not progress.joined and progress.before(Step.OPERATION):
            self._begin(context)
        if not progress.joined and progress.before(Step.OUTCOME):
            # Again, for a run that lost a race to this one may have written its own record over it.
            self._write_record(context)
            self._own()
        self._source_address = progress.source
        started = {
            "service": self.service_name,
            "source": progress.source,
            "method": self.method,
            "joined": progress.joined,
            "operation_id": progress.operation_id,
        }
        if self.until == "started" or not self.wait_for_completion:
            return started
        copied = self.wait_for(context, Step.OUTCOME, replace(self._migration_wait, until=self.until))
        return {**started, "status": copied["status"], "databases": copied["databases"]}

    def _may_recover(self, status: MigrationStatus | None) -> TypeGuard[MigrationStatus]:
        """Whether a migration is shown as failed, but may recover."""
        verdict = self._migration_wait.verdict(status) if status else None
        return isinstance(verdict, Failed) and bool(verdict.grace_period)

    @property
    def _migration_wait(self) -> MigrationWait:
        return MigrationWait(self.service_name, failure_grace_period=in_seconds(self.failure_grace_period))

    def _begin(self, context: Context) -> None:
        """Start the migration and wait for the operation; join the one that another run has started meanwhile."""
        call = self.source.engine.services(self.client).update.call(
            name=self.service_name,
            migration=self.source.settings(method=self.method, ignore_dbs=self.api_ignore_dbs),
        )
        earlier = registry.read(self.hook.zone, self.service_name)
        # Before the request, so that a retry recognizes the migration as its own, whatever happens to this process.
        self._write_record(context)
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
            self._join(context, status)
            return
        self._own()
        self.log.info("Migrating from %s into service %s", self.source.address, self.service_name)
        self.wait_for_operation(context, operation)

    def _own(self) -> None:
        if self.cancel_on_kill:
            self._cancel = {"operation": self.source.engine.stop_migration.id, "name": self.service_name}

    def _write_record(self, context: Context) -> None:
        ti = context["ti"]
        record = MigrationRecord(
            self.source.address,
            _this_run(context),
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=states.map_index(context),
            service_created_at=self.progress.created_at,
            ignore_dbs=registry.normalized(self.ignore_dbs),
            method=self.method,
        )
        registry.write(self.hook.zone, self.service_name, record)

    def _refuse_another(self, status: MigrationStatus) -> MigrationRecord:
        """The record of the migration that is there, which must be the one that this task would start."""
        source = self.source
        where = f"A migration into service {self.service_name} already exists ({describe_migration(status)})"
        record = self.record_of(self.progress.created_at)
        advice = "stop it first (DbaasStopMigrationOperator) to replace it"
        if record is None or record.stopped_at is not None:
            # One that was recorded as stopped is not the one that is there now.
            raise DbaasMigrationError(
                f"{where}, and its source is unknown: no task of this Airflow has started it, or the service was "
                f"created again since; {advice}, with force=True if it replicates"
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

    def _join(self, context: Context, status: MigrationStatus) -> None:
        record = self._refuse_another(status)
        self.log.info(
            "A migration into service %s already exists (%s), from the same source; started by %s. Joining it",
            self.service_name,
            one_line(describe_migration(status)),
            record.started_by,
        )
        if record.method not in {None, "auto", self.method} and self.method != "auto":
            # Harmless: it moves the same data, and the comparison at the end shows whether a dump was made too early.
            self.log.warning("It was started with method %s, not %s; it continues so", record.method, self.method)
        if record.started_by == _this_run(context):
            self._own()
        self.progress.joined = True
        # One that was started to no avail, perhaps, to clear the way.
        self.progress.operation_id = None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """The lineage for Airflow's OpenLineage provider (get-dbaas-migration-status, get-dbaas-service-…)."""
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


@dataclass
class MigrationStop(Progress):
    """How far a stop has come.

    :param stopped: whether a migration was stopped.
    :param complete: whether to complete what replication leaves out.
    :param whole: whether the target has all of the source.
    """

    stopped: bool = False
    complete: bool = False
    whole: bool = True


class DbaasStopMigrationOperator(MigrationOperator):
    """Ends the migration into a PostgreSQL or MySQL service (stop-dbaas-…-migration): replication is cut.

    Refuses a migration that is not complete (a database is still being copied), for stopping it would leave the target
    so, and one that replicates from another source than this task's, or from one that is not known. One that has failed
    is over: it is removed, and nothing is completed. A replication that is shown as failed may recover: it is given
    three minutes for that. A migration that is not there needs no stop.

    After a replication, it completes what replication leaves out: in PostgreSQL, sequences are advanced to the source's
    positions (never back) and materialized views are refreshed; in MySQL, ``AUTO_INCREMENT`` counters are advanced in
    the same way, and events that arrived disabled are enabled if they are enabled at the source.

    Returns ``service``, ``zone``, ``stopped``, ``sequences`` (number advanced), ``views`` (number refreshed),
    ``events`` (number enabled) and ``operation_id``. With ``wait_for_completion=False``, nothing is completed, and all
    three are None. Killing the task does not undo the stop.

    :param force: also stop a migration that is incomplete or comes from another source. Nothing is completed then.
    """

    checks: ClassVar[dict[str, Check]] = {**MigrationOperator.checks, "force": validation.boolean}
    progress_class = MigrationStop
    progress: MigrationStop

    def __init__(self, *, force: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force
        self._check()

    def perform(self, context: Context) -> Any:
        """Stop the migration if it may be, then complete what replication leaves out."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            service = self.refuse_another_type()
            status, failed = self.migration_status(self.service_name), False
            if status is not None:
                status, failed = self._settle(context, status)
            record = self.record_of(service.created_at if service else None)
            if status is None:
                self._note_nothing_to_stop(record)
            else:
                self._refuse(record, status, failed=failed)
                replicates = any(detail.method == "replication" for detail in status.details)
                progress.stopped = True
                progress.whole = not failed and not self.force
                progress.complete = replicates and progress.whole
                operation = self.stop_migration()
                if operation is not None:
                    self.log.info("Stopping the migration into service %s", self.service_name)
                    self.wait_for_operation(context, operation)
        completed = dict.fromkeys(("sequences", "views", "events"), 0 if self.wait_for_completion else None)
        if progress.complete and self.wait_for_completion:
            completed |= self.verification.complete_replication(self.source, self.target, ignore=self.ignored)
            self.log.info(
                "%(sequences)d sequences advanced to the source's positions, %(views)d views refreshed, "
                "%(events)d events enabled",
                completed,
            )
        if progress.whole:
            registry.note_stop(self.hook.zone, self.service_name)
        else:
            registry.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "stopped": progress.stopped,
            **completed,
            "operation_id": progress.operation_id,
        }

    def _settle(self, context: Context, status: MigrationStatus) -> tuple[MigrationStatus | None, bool]:
        """The migration and whether it has failed; with ``force`` without time to recover."""
        if self.force:
            return status, isinstance(MigrationWait(self.service_name).verdict(status), Failed)
        return self.settle(context, MigrationWait(self.service_name), status)

    def _note_nothing_to_stop(self, record: MigrationRecord | None) -> None:
        """Perhaps an earlier try stopped it, and went no further: what is left to do then."""
        self.log.info("There is no migration into service %s to stop", self.service_name)
        progress = self.progress
        progress.complete = not self.force
        if record is not None and record.source != self.source.address:
            self.log.warning(
                "The last migration came from %s, not from %s: nothing is completed", record.source, self.source.address
            )
            progress.complete = False
        elif record is not None and record.failed_at is not None:
            self.log.info("The last migration had failed, and an earlier try has removed it: nothing is completed")
            progress.stopped, progress.complete, progress.whole = True, False, False
        elif record is not None and record.verified_at is not None:
            # Since then the target may be in use.
            self.log.info("Source and target were equal at %s: nothing is completed", record.verified_at)
            progress.complete = False

    def _refuse(self, record: MigrationRecord | None, status: MigrationStatus, *, failed: bool) -> None:
        """See that the migration may be stopped; one that has failed is removed.

        :raises DbaasMigrationError: if it may not.
        """
        if record is not None:
            registry.note_failure(self.hook.zone, self.service_name, record, failed=failed)
        if failed:
            self.log.warning(
                "The migration into service %s has failed and is removed; the target is incomplete: %s",
                self.service_name,
                one_line(describe_migration(status)),
            )
        elif not self.force:
            replicates = any(detail.method == "replication" for detail in status.details)
            self._refuse_another(record, status, replicates=replicates)
            if not isinstance(MigrationWait(self.service_name).verdict(status), Done):
                raise DbaasMigrationError(
                    f"The migration into service {self.service_name} is not complete ({describe_migration(status)}); "
                    "stopping it now would leave the target incomplete. Wait with DbaasMigrationSensor, or use "
                    "force=True",
                    # It may be complete by the next try.
                    retryable=True,
                )

    def _refuse_another(self, record: MigrationRecord | None, status: MigrationStatus, *, replicates: bool) -> None:
        """See that the migration that is there is the one from this task's source.

        :raises DbaasMigrationError: if it comes from another source, or replicates from an unknown one: stopping a
            replication cannot be undone, and it would be completed from the wrong source.
        """
        where = f"The migration into service {self.service_name} ({describe_migration(status)})"
        if record is not None and record.stopped_at is None:
            if record.source != self.source.address:
                raise DbaasMigrationError(
                    f"{where} comes from {record.source} (started by {record.started_by}), not from "
                    f"{self.source.address}; name its connection, or stop it anyway with force=True, which "
                    "completes nothing"
                )
            return
        if replicates:
            raise DbaasMigrationError(
                f"{where} was not started by this Airflow, so it is not known whether it comes from "
                f"{self.source.address}. If it does, stop it with force=True, then run this task without force: it "
                "completes what replication leaves out"
            )


@dataclass
class MigrationCleanUp(Progress):
    """How far a clean-up has come.

    :param removed: whether a migration was removed.
    """

    removed: bool = False


class DbaasCleanUpMigrationOperator(MigrationOperator):
    """Removes a failed migration into a service (stop-dbaas-…-migration) and its record. Optionally, it also removes
    what migrations have left at a PostgreSQL source: unused replication slots, and publications.

    Refuses a migration that has not failed. A replication that is shown as failed first has three minutes to recover.
    The service and its content remain; it may also be deleted already. What a migration leaves at the source is named
    ``aiven_db_migrate_…``. A slot in use is never dropped, and nothing is dropped while the records show a migration
    from this source into another service. MySQL leaves nothing at the source.

    Returns ``service``, ``zone``, ``removed`` (False if there was no migration), ``dropped`` (what was dropped at the
    source) and ``operation_id``.

    :param drop_at_source: also drop slots and publications at the source, which the worker must reach.
    """

    checks: ClassVar[dict[str, Check]] = {**MigrationOperator.checks, "drop_at_source": validation.templated_boolean}
    template_fields = (*MigrationOperator.template_fields, "drop_at_source")
    progress_class = MigrationCleanUp
    progress: MigrationCleanUp

    def __init__(self, *, drop_at_source: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_at_source: Any = drop_at_source
        self._check()

    def perform(self, context: Context) -> Any:
        """Remove the migration if it has failed, then clean up."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            self.refuse_another_type()
            status = self.migration_status(self.service_name)
            status, failed = self.settle(context, MigrationWait(self.service_name), status)
            if status is None:
                self.log.info("There is no migration into service %s", self.service_name)
            else:
                if not failed:
                    raise DbaasMigrationError(
                        f"The migration into service {self.service_name} has not failed "
                        f"({describe_migration(status)}); to end it use DbaasStopMigrationOperator"
                    )
                self.log.info("Removing the migration that has failed: %s", one_line(describe_migration(status)))
                progress.removed = True
                operation = self.stop_migration()
                if operation is not None:
                    self.wait_for_operation(context, operation)
        if progress.removed:
            registry.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "zone": self.hook.zone,
            "removed": progress.removed,
            "dropped": self._clean_source() if self.drop_at_source else [],
            "operation_id": progress.operation_id,
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
                    f"{record.started_by}); until that is over, nothing is dropped at the source"
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

    def perform(self, context: Context) -> dict[str, Any]:
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
            for suffix, text in report.files(strict=self.strict).items():
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
    yield f"Source and target are equal: {counted(len(databases), 'database')}, {_content(tables, rows)}"
    for one in databases:
        size = one["bytes"] / 1_000_000
        name = one_line(str(one["name"]))
        yield f"  database {name}: {_content(one['tables'], one['rows'])}, {size:,.1f} MB in the target"


def _content(tables: int, rows: int) -> str:
    return f"{counted(tables, 'table')}, {counted(rows, 'row')}"


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 row``, ``12,345 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _replicates(status: MigrationStatus | None) -> bool:
    """Whether a database still follows the source; a dump that is there but was not stopped does not."""
    return status is not None and any(d.method == "replication" or d.status == "syncing" for d in status.details)
