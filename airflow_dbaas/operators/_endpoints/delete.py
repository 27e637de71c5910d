"""The operator that deletes an external endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasIntegrationError, DbaasNotFoundError
from airflow_dbaas.base import Check
from airflow_dbaas.operators._endpoints.base import EndpointOperator, endpoint_result

if TYPE_CHECKING:
    from airflow_dbaas.api.external_endpoints import ExternalEndpoint
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service


class DbaasDeleteExternalEndpointOperator(EndpointOperator):
    """Deletes an external endpoint (delete-dbaas-external-endpoint-datadog and so on) and waits for the operation.

    Refuses one that services are attached to, and names them (list-dbaas-external-integrations of every service). One
    that is gone since a first attempt is no error for a retry (with ``if_missing="fail"`` on Airflow 3.3 and later
    only). Killing the task leaves the deletion to go on.

    Returns ``endpoint_id``, ``endpoint_name``, ``endpoint_type``, ``deleted`` and ``operation_id``.

    :param endpoint_id: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead of the id: its name; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    :param if_missing: ``skip``: an endpoint that is not there is no error; or ``fail``.
    """

    checks: ClassVar[dict[str, Check]] = {
        **EndpointOperator.checks,
        "if_missing": validation.one_of("skip", "fail"),
    }

    def __init__(self, *, if_missing: Literal["skip", "fail"] = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.if_missing = if_missing
        self._check()

    def start(self, context: Context) -> Any:
        """Look for the endpoint, refuse or delete it."""
        found = self.find(self.client.external_endpoints.list().dbaas_endpoints)
        if found is None:
            return self._missing(context)
        self._refuse_if_in_use(found)
        seen = endpoint_result(found)
        self.remember_removal(context)
        try:
            operation: Operation = self.client.external_endpoints.of_type(str(found.type)).delete(str(found.id))
        except DbaasNotFoundError:
            # Gone since the look above: by another run, or by this very request whose first answer was lost.
            return self._deleted(context, {"operation_id": None}, seen=seen)
        self.log.info("Deleting %s", self.subject)
        return self.wait_for_operation(context, operation, self._deleted, seen=seen)

    def _refuse_if_in_use(self, endpoint: ExternalEndpoint) -> None:
        attached = [service.name for service in self.client.services.list().in_zone if self._uses(service, endpoint)]
        if attached:
            raise DbaasIntegrationError(
                f"{self.subject} is in use: {', '.join(attached)}; detach these services first "
                "(DbaasDetachEndpointOperator)"
            )

    def _uses(self, service: Service, endpoint: ExternalEndpoint) -> bool:
        try:
            attached = self.client.external_endpoints.list_integrations(service.name)
        except DbaasNotFoundError:
            # Deleted since they were listed.
            return False
        return attached.with_endpoint(str(endpoint.id)) is not None

    def _missing(self, context: Context) -> dict[str, Any]:
        from airflow_dbaas.api.external_endpoints import ExternalEndpoint

        mine = self.has_removed(context)
        if self.if_missing == "fail" and not mine:
            raise DbaasIntegrationError(f"{self.subject} does not exist (if_missing='fail')")
        self.log.info("There is no %s; nothing to delete", self.subject)
        seen = ExternalEndpoint(
            id=self.endpoint_id or None, name=self.endpoint_name or None, type=self.endpoint_type or None
        )
        return endpoint_result(seen, deleted=mine, operation_id=None)

    def _deleted(self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**seen, "deleted": True, "operation_id": result["operation_id"]}
