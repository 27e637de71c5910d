"""The operator that ends a migration."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_dbaas import ledger, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasMigrationError
from airflow_dbaas.base import Check
from airflow_dbaas.operators._migrations.base import MigrationOperator
from airflow_dbaas.waits import Done, Failed, MigrationWait, describe_migration


class DbaasStopMigrationOperator(MigrationOperator):
    """Ends the migration into a PostgreSQL or MySQL service (stop-dbaas-…-migration): replication is cut.

    Refuses a migration that is not complete (a database still being copied, or an error), for stopping it would leave
    the target so. A migration that is not there needs no stop. After replication, what it leaves out is completed: in
    PostgreSQL sequences are moved on to the source's positions (never back) and materialized views are filled, in MySQL
    events that came disabled are enabled if the source runs them.

    Returns ``service``, ``stopped``, ``sequences`` (how many were moved), ``views`` (how many were filled), ``events``
    (how many were enabled) and ``operation_id``. With ``wait_for_completion=False`` nothing is completed, and all three
    are None. Killing the task does not take the stop back.

    :param force: stop a migration that is not complete, too. The target is then incomplete, and left so.
    """

    checks: ClassVar[dict[str, Check]] = {**MigrationOperator.checks, "force": validation.boolean}

    def __init__(self, *, force: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force
        self._check()

    def start(self, context: Context) -> Any:
        """Stop the migration if it may be, then complete what replication leaves out."""
        self.refuse_another_type()
        status = self.migration_status(self.service_name)
        if status is None:
            self.log.info("There is no migration into service %s to stop", self.service_name)
            # Perhaps an earlier attempt stopped it, and went no further.
            return self._stopped(context, {"operation_id": None}, stopped=False, complete=not self.force)
        verdict = MigrationWait(self.service_name).verdict(status)
        if not self.force and not isinstance(verdict, Done):
            raise DbaasMigrationError(
                f"The migration into service {self.service_name} is not complete ({describe_migration(status)}); "
                "stopping it now would leave the target incomplete. Wait with DbaasMigrationSensor, or use force=True",
                # It may be complete by the next try, unless it has failed for good.
                retryable=not (isinstance(verdict, Failed) and verdict.grace_period == 0),
            )
        complete = not self.force and any(detail.method == "replication" for detail in status.details)
        operation = self.stop_migration()
        if operation is None:
            return self._stopped(context, {"operation_id": None}, stopped=True, complete=complete)
        self.log.info("Stopping the migration into service %s", self.service_name)
        return self.wait_for_operation(context, operation, self._stopped, stopped=True, complete=complete)

    def _stopped(
        self, context: Context, result: dict[str, Any], *, stopped: bool, complete: bool, **_: Any
    ) -> dict[str, Any]:
        completed = dict.fromkeys(("sequences", "views", "events"), 0 if self.wait_for_completion else None)
        if complete and self.wait_for_completion:
            completed |= self.verification.complete_replication(self.source, self.target, ignore=self.ignored)
            self.log.info(
                "%(sequences)d sequences moved on to the source's position, %(views)d views filled, "
                "%(events)d events enabled",
                completed,
            )
        ledger.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "stopped": stopped,
            **completed,
            "operation_id": result["operation_id"],
        }
