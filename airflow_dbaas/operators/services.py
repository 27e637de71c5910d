"""Operators for services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from airflow_dbaas import ledger, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api import endpoints, models
from airflow_dbaas.api.errors import (
    DbaasConflictError,
    DbaasError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.api.retries import may_have_acted
from airflow_dbaas.base import Check
from airflow_dbaas.operators.base import DbaasOperator
from airflow_dbaas.waits import ServiceWait, describe_migration


class DbaasCreateServiceOperator(DbaasOperator):
    """Creates a service (create-dbaas-service-pg) and waits until it runs.

    A service of that name and type that is there already is used as it is, so a retry goes on with what the first
    attempt created. Returns ``service``, ``state``, ``type``, ``plan``, ``zone``, ``created`` and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param plan: plan, e.g. ``startup-4``; templated.
    :param service_type: type of the service; ``pg``.
    :param settings: further properties of create-dbaas-service-pg in snake case, e.g.
        ``{"version": "17", "termination_protection": True, "ip_filter": ["192.0.2.0/24"]}``; templated. Those that
        hold a password (``admin_password``, ``migration``) are refused.
    :param if_exists: ``reuse`` the service that is there, or ``fail``.
    :param wait_for_completion: wait until the service runs, not only until the API took the request.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name", "plan", "settings")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "plan": validation.plan,
        "service_type": validation.one_of("pg"),
        "settings": validation.service_settings,
        "if_exists": validation.one_of("reuse", "fail"),
    }

    def __init__(
        self,
        *,
        service_name: str,
        plan: str,
        service_type: Literal["pg"] = "pg",
        settings: dict[str, Any] | None = None,
        if_exists: Literal["reuse", "fail"] = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.plan = plan
        self.service_type = service_type
        self.settings = settings
        self.if_exists = if_exists
        self._check()

    def start(self, context: Context) -> Any:
        """Look for the service, create it if it is missing, wait for it."""
        # Built before anything is sent, so that a wrong setting is found first.
        creation = endpoints.create_dbaas_service_pg(name=self.service_name, plan=self.plan, **(self.settings or {}))
        existing = self.client.list_dbaas_services().named(self.service_name)
        if existing is not None:
            return self._reuse(context, existing)
        try:
            operation = self.client.send(creation)
        except DbaasError as error:
            # Created by another run in the meantime, or by this very request whose answer was lost.
            existing = self.client.list_dbaas_services().named(self.service_name)
            if existing is None or not (may_have_acted(error) or isinstance(error, DbaasConflictError)):
                raise
            return self._reuse(context, existing)
        self.log.info("Creating service %s, plan %s", self.service_name, self.plan)
        return self.wait_for_operation(context, operation, self._created)

    def _reuse(self, context: Context, service: models.Service) -> Any:
        if self.if_exists == "fail":
            raise DbaasServiceError(f"service {self.service_name} exists already (if_exists='fail')")
        if service.type != self.service_type:
            raise DbaasServiceError(
                f"service {self.service_name} exists already and is of type {service.type}, not {self.service_type}"
            )
        if service.plan != self.plan:
            self.log.warning("Service %s has plan %s, not %s; kept", service.name, service.plan, self.plan)
        self.log.info("Service %s exists already (%s)", service.name, service.state)
        return self._await_running(context, created=False, operation_id=None)

    def _created(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        return self._await_running(context, created=True, operation_id=result["operation_id"], **state)

    def _await_running(self, context: Context, **state: Any) -> Any:
        if not self.wait_for_completion:
            seen = {"service": self.service_name, "state": None, "type": self.service_type, "plan": self.plan}
            return self._running(context, {**seen, "zone": self.hook.zone}, **state)
        return self.wait_for(context, ServiceWait(self.service_name), self._running, **state)

    def _running(
        self, context: Context, result: dict[str, Any], *, created: bool, operation_id: str | None, **_: Any
    ) -> dict[str, Any]:
        return {**result, "created": created, "operation_id": operation_id}


class DbaasDeleteServiceOperator(DbaasOperator):
    """Deletes a service with all its data (delete-dbaas-service) and waits until it is gone.

    Refuses a service with termination protection, with active read replicas, or with a migration into it that is
    under way. Returns ``service``, ``state`` (``absent``), ``deleted`` and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param if_missing: ``skip``: a service that is not there is no error; or ``fail``.
    :param wait_for_completion: wait until the service is gone, not only until the API took the request.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "service_name")
    checks: ClassVar[dict[str, Check]] = {
        "service_name": validation.name,
        "if_missing": validation.one_of("skip", "fail"),
    }

    def __init__(
        self,
        *,
        service_name: str,
        if_missing: Literal["skip", "fail"] = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.if_missing = if_missing
        self._check()

    def start(self, context: Context) -> Any:
        """Look for the service, refuse or delete it, wait until it is gone."""
        service = self.client.list_dbaas_services().named(self.service_name)
        if service is None:
            if self.if_missing == "fail":
                raise DbaasServiceError(f"service {self.service_name} does not exist (if_missing='fail')")
            self.log.info("Service %s does not exist; nothing to delete", self.service_name)
            return self._gone(context, {"operation_id": None}, deleted=False)
        self._refuse_if_in_use(service)
        try:
            operation = self.client.delete_dbaas_service(self.service_name)
        except DbaasNotFoundError:
            # Gone since the look above: by another run, or by this very request whose first answer was lost.
            return self._gone(context, {"operation_id": None}, deleted=True)
        self.log.info("Deleting service %s", self.service_name)
        return self.wait_for_operation(context, operation, self._accepted)

    def _refuse_if_in_use(self, service: models.Service) -> None:
        if service.termination_protection:
            raise DbaasServiceError(
                f"service {service.name} has termination protection; switch it off first if it is really to go"
            )
        replicas = [
            str(integration.dest)
            for integration in service.integrations
            if integration.type == "read_replica" and integration.source == service.name and integration.is_active
        ]
        if replicas:
            raise DbaasServiceError(f"service {service.name} has active read replicas: {', '.join(replicas)}")
        migration = self.migration_status(service.name)
        if migration is None:
            return
        # The top-level status may say "done" while databases still follow the source, and a replication that is
        # shown as failed may recover.
        if any(d.status not in {"done", "failed"} or d.method == "replication" for d in migration.details):
            raise DbaasServiceError(
                f"a migration into service {service.name} is under way ({describe_migration(migration)}); "
                "stop it first (DbaasStopMigrationOperator)"
            )

    def _accepted(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        if not self.wait_for_completion:
            return self._gone(context, result, deleted=True)
        wait = ServiceWait(self.service_name, "absent")
        state.update(deleted=True, operation_id=result["operation_id"])
        return self.wait_for(context, wait, self._gone, **state)

    def _gone(
        self, context: Context, result: dict[str, Any], *, deleted: bool, operation_id: str | None = None, **_: Any
    ) -> dict[str, Any]:
        ledger.forget(self.hook.zone, self.service_name)
        return {
            "service": self.service_name,
            "state": "deleting" if deleted and not self.wait_for_completion else "absent",
            "deleted": deleted,
            "operation_id": operation_id or result.get("operation_id"),
        }
