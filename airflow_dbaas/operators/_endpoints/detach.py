"""The operator that detaches a service from an external endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasIntegrationError, DbaasNotFoundError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.operators._endpoints.base import EndpointOperator
from airflow_dbaas.waits import ExternalIntegrationWait
from airflow_dbaas.waits.integrations import external_integration_result

if TYPE_CHECKING:
    from airflow_dbaas.api.external_endpoints import ExternalIntegration


class DbaasDetachEndpointOperator(EndpointOperator):
    """Detaches a service from an external endpoint (detach-dbaas-service-from-endpoint) and waits until it is.

    The attachment is looked up in list-dbaas-external-integrations. One that is gone since a first attempt is no error
    for a retry (with ``if_missing="fail"`` on Airflow 3.3 and later only). Killing the task leaves it to go on.

    Returns ``integration_id``, ``endpoint_type``, ``endpoint_id``, ``endpoint_name``, ``service``, ``zone``,
    ``status`` (``absent``; ``deleting`` without waiting), ``deleted`` and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param integration_id: id of the external integration, a UUID; templated.
    :param endpoint_id: instead: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead: name of the endpoint; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    :param if_missing: ``skip``: a service that is not attached is no error; or ``fail``.
    """

    template_fields: Sequence[str] = (*EndpointOperator.template_fields, "service_name", "integration_id")
    checks: ClassVar[dict[str, Check]] = {
        **EndpointOperator.checks,
        "service_name": validation.name,
        "integration_id": validation.optional(validation.uuid),
        "if_missing": validation.one_of("skip", "fail"),
    }
    ways = (("integration_id",), *EndpointOperator.ways)

    def __init__(
        self,
        *,
        service_name: str,
        integration_id: str | None = None,
        if_missing: Literal["skip", "fail"] = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.integration_id = integration_id
        self.if_missing = if_missing
        self._check()

    @property
    def subject(self) -> str:
        """The attachment in words."""
        to = f"by external integration {self.integration_id}" if self.integration_id else f"to {super().subject}"
        return f"service {self.service_name} attached {to}"

    def start(self, context: Context) -> Any:
        """Look for the attachment, end it, wait until it is gone."""
        found = self._look()
        if found is None:
            return self._missing(context)
        seen = external_integration_result(found)
        self.remember_removal(context)
        try:
            operation = self.client.external_endpoints.detach(
                source_service_name=self.service_name, integration_id=str(found.integration_id)
            )
        except DbaasNotFoundError:
            # Gone since the look above: by another run, or by this very request whose first answer was lost.
            return {**seen, "status": "absent", "deleted": True, "operation_id": None}
        endpoint = one_line(str(found.dest_endpoint_name))
        self.log.info("Detaching service %s from external endpoint %s", self.service_name, endpoint)
        return self.wait_for_operation(context, operation, self._accepted, seen=seen)

    def _look(self) -> ExternalIntegration | None:
        try:
            attached = self.client.external_endpoints.list_integrations(self.service_name).external_integrations
        except DbaasNotFoundError:
            # No service, no attachment.
            return None
        if self.integration_id or self.endpoint_id:
            field = "integration_id" if self.integration_id else "dest_endpoint_id"
            wanted = calls.identifier(field, str(self.integration_id or self.endpoint_id))
            return next((each for each in attached if getattr(each, field) == wanted), None)
        names: dict[str | None, str | None] = {}
        if any(each.dest_endpoint_name is None for each in attached):
            # The API may show the id alone.
            names = {each.id: each.name for each in self.client.external_endpoints.list().dbaas_endpoints}
        found = [
            each
            for each in attached
            if (each.dest_endpoint_name or names.get(each.dest_endpoint_id)) == self.endpoint_name
            and (not self.endpoint_type or each.type == self.endpoint_type)
        ]
        if len(found) > 1:
            raise DbaasConfigurationError(
                f"service {self.service_name} is attached to several endpoints {self.endpoint_name}, of types "
                f"{', '.join(sorted(str(each.type) for each in found))}: give endpoint_type"
            )
        return found[0] if found else None

    def _missing(self, context: Context) -> dict[str, Any]:
        from airflow_dbaas.api.external_endpoints import ExternalIntegration

        mine = self.has_removed(context)
        if self.if_missing == "fail" and not mine:
            raise DbaasIntegrationError(f"there is no {self.subject} (if_missing='fail')")
        self.log.info("There is no %s; nothing to detach", self.subject)
        seen = ExternalIntegration(
            integration_id=self.integration_id or None,
            type=self.endpoint_type or None,
            dest_endpoint_id=self.endpoint_id or None,
            dest_endpoint_name=self.endpoint_name or None,
            source_service_name=self.service_name,
        )
        return {**external_integration_result(seen), "status": "absent", "deleted": mine, "operation_id": None}

    def _accepted(self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], **state: Any) -> Any:
        ended = {**seen, "deleted": True, "operation_id": result["operation_id"]}
        if not self.wait_for_completion:
            return {**ended, "status": "deleting"}
        wait = ExternalIntegrationWait(seen["integration_id"], "absent")
        return self.end_with(context, wait, adds={**ended, "status": "absent"}, **state)
