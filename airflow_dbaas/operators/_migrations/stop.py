"""The operator that ends a migration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import migration_registry, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasMigrationError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.migration_registry import MigrationRecord
from airflow_dbaas.operators._migrations.base import MigrationOperator
from airflow_dbaas.waits import Done, Failed, MigrationWait, describe_migration

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus


class DbaasStopMigrationOperator(MigrationOperator):
    """Ends the migration into a PostgreSQL or MySQL service (stop-dbaas-…-migration): replication is cut.

    Refuses a migration that is not complete (a database is still being copied), for stopping it would leave the target
    so, and one that replicates from another source than this task's, or from one that is not known. One that has failed
    is over: it is removed, and nothing is completed. A replication that is shown as failed may recover: it is given
    three minutes for that. A migration that is not there needs no stop.

    After replication, what it leaves out is completed: in PostgreSQL sequences are moved on to the source's positions
    (never back) and materialized views are filled, in MySQL events that came disabled are enabled if the source runs
    them.

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
            migration_registry.note_failure(self.hook.zone, self.service_name, record, failed=failed)
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
            migration_registry.note_stop(self.hook.zone, self.service_name)
        else:
            migration_registry.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "stopped": stopped,
            **completed,
            "operation_id": result["operation_id"],
        }
