"""The operator that removes a failed migration, and what it has left at the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import migration_registry, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasMigrationError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.operators._migrations.base import MigrationOperator
from airflow_dbaas.waits import Failed, MigrationWait, describe_migration

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus


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
            migration_registry.forget(self.hook.zone, self.service_name)
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
        from airflow_dbaas.verification import replication_slots

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
