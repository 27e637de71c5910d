"""The operator that deletes a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import migration_registry, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasNotFoundError, DbaasServiceError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.operators.base import DbaasOperator
from airflow_dbaas.waits import Failed, MigrationWait, ServiceWait, describe_migration

if TYPE_CHECKING:
    from airflow_dbaas.api.migrations import MigrationStatus
    from airflow_dbaas.api.services import Service


class DbaasDeleteServiceOperator(DbaasOperator):
    """Deletes a service with all its data (delete-dbaas-service) and waits until it is gone.

    Refuses, before anything is deleted, a service with active read replicas or with a migration into it that is not
    over, unless told otherwise by ``force``, and in any case one with termination protection: that is a decision of
    its own, and only ``DbaasUpdateServiceOperator`` takes it back. Integrations and attachments of external endpoints
    go with the service; they are named in the log.

    With ``dry_run`` it refuses or logs all the same, and deletes nothing: a check before anything else is taken apart.

    A retry finds the service gone, or deletes it; with Airflow 3.3 it knows that the deletion was its own, also with
    ``if_missing="fail"``. Killing the task does not stop a deletion that has begun.

    Returns ``service``, ``zone``, ``state`` (``absent``; ``deleting`` with ``wait_for_completion=False``; with
    ``dry_run`` the present one), ``deleted`` (False if it was not there, or with ``dry_run``) and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param if_missing: ``skip``: nothing to do, or ``fail``.
    :param force: delete in spite of read replicas and migrations.
    :param dry_run: only check whether it would be deleted.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name")
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "if_missing": validation.one_of("skip", "fail"),
        "force": validation.boolean,
        "dry_run": validation.boolean,
    }
    kept_as: ClassVar[dict[str, str]] = {"dry_run": "check_only"}

    def __init__(
        self,
        *,
        service_name: str,
        if_missing: Literal["skip", "fail"] = "skip",
        force: bool = False,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.if_missing = if_missing
        self.force = force
        self.check_only = dry_run
        self._check()

    def start(self, context: Context) -> Any:
        """Look for the service, refuse or delete it, wait until it is gone."""
        service = self.client.services.list().named(self.service_name)
        if service is None and self.has_removed(context):
            self.log.info("Service %s was deleted by an earlier try", self.service_name)
            return self._gone(context, {"operation_id": None}, deleted=True)
        if service is None:
            if self.if_missing == "fail":
                raise DbaasServiceError(f"service {self.service_name} does not exist (if_missing='fail')")
            self.log.info("Service %s does not exist; nothing to delete", self.service_name)
            return self._gone(context, {"operation_id": None}, deleted=False)
        if service.termination_protection:
            raise DbaasServiceError(
                f"service {service.name} has termination protection, which force does not override; if it is really "
                "to go, switch that off first (DbaasUpdateServiceOperator, settings={'termination_protection': False})"
            )
        if not self.force:
            self._refuse_replicated(service)
            status = self.migration_status(service.name)
            verdict = MigrationWait(service.name).verdict(status) if status and _is_under_way(status) else None
            if isinstance(verdict, Failed) and verdict.grace_period:
                return self.await_recovery(context, service.name, verdict, self._settled)
            self._refuse_migrating(status, failed=isinstance(verdict, Failed))
        return self._delete(context, service)

    def _settled(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        """Go on with a migration that has recovered, has failed for good, or is gone."""
        service = self.client.services.list().named(self.service_name)
        if service is None:
            return self._gone(context, {"operation_id": None}, deleted=False)
        self._refuse_migrating(self.migration_status(service.name), failed=result["failed"])
        return self._delete(context, service, **state)

    def _delete(self, context: Context, service: Service, **state: Any) -> Any:
        self._tell_what_goes_with(service)
        if self.check_only:
            return self._result(state=service.state, deleted=False)
        self.remember_removal(context)
        try:
            operation = self.client.services.delete(self.service_name)
        except DbaasNotFoundError:
            # Gone since the look above: by another run, or by this very request whose first answer was lost.
            return self._gone(context, {"operation_id": None}, deleted=True)
        self.log.info("Deleting service %s", self.service_name)
        return self.wait_for_operation(context, operation, self._accepted, **state)

    def _refuse_replicated(self, service: Service) -> None:
        replicas = [
            str(integration.dest)
            for integration in service.integrations
            if integration.type == "read_replica" and integration.source == service.name and integration.is_active
        ]
        if replicas:
            raise DbaasServiceError(
                f"service {service.name} has active read replicas: {', '.join(replicas)} (force=True deletes it)"
            )

    def _refuse_migrating(self, status: MigrationStatus | None, *, failed: bool) -> None:
        """See that no migration is under way; one that has failed is over."""
        if status is None or not _is_under_way(status):
            return
        if failed:
            self.log.info("A migration into it has failed and goes with it: %s", one_line(describe_migration(status)))
            return
        raise DbaasServiceError(
            f"a migration into service {self.service_name} is under way ({describe_migration(status)}); "
            "stop it first (DbaasStopMigrationOperator), or delete it all the same with force=True"
        )

    def _tell_what_goes_with(self, service: Service) -> None:
        for integration in service.integrations:
            ends = integration.type, integration.source, integration.dest, integration.id
            self.log.info("With it goes the integration %s, %s → %s (%s)", *(one_line(str(end)) for end in ends))
        try:
            attached = self.client.external_endpoints.list_integrations(service.name).external_integrations
        except DbaasNotFoundError:
            # It says nothing of the service: that was there a moment ago.
            return
        for attachment in attached:
            endpoint = one_line(f"{attachment.type} endpoint {attachment.dest_endpoint_name}")
            self.log.info("With it goes its integration with the %s", endpoint)

    def _accepted(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        if not self.wait_for_completion:
            return self._gone(context, result, deleted=True)
        wait = ServiceWait(self.service_name, "absent")
        state.update(deleted=True, operation_id=result["operation_id"])
        return self.wait_for(context, wait, self._gone, **state)

    def _gone(
        self, context: Context, result: dict[str, Any], *, deleted: bool, operation_id: str | None = None, **_: Any
    ) -> dict[str, Any]:
        migration_registry.forget(self.hook.zone, self.service_name)
        state = "deleting" if deleted and not self.wait_for_completion else "absent"
        return self._result(state=state, deleted=deleted, operation_id=operation_id or result.get("operation_id"))

    def _result(self, *, state: str | None, deleted: bool, operation_id: str | None = None) -> dict[str, Any]:
        return {"service": self.service_name, "state": state, "deleted": deleted, "operation_id": operation_id}


def _is_under_way(status: MigrationStatus) -> bool:
    """Whether a database is still copied, or follows the source.

    The top-level status may say "done" while databases still follow. It counts only as long as no database is named:
    the migration has just begun.
    """
    states = [(d.status, d.method) for d in status.details] or [(status.status, status.method)]
    return any(state not in {"done", "failed"} or method == "replication" for state, method in states)
