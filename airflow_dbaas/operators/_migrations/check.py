"""The operator that checks a migration beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dbaas._compat import Context
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasError,
    DbaasMigrationCheckError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.operators._migrations.base import MethodOperator
from airflow_dbaas.waits import Failed, MigrationWait, TaskWait

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus

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
        from airflow_dbaas.verification import replication_slots

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
