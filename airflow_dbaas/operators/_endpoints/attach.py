"""The operator that attaches a service to an external endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasIntegrationError, DbaasServiceError
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.base import Check
from airflow_dbaas.operators._endpoints.base import EndpointOperator, check_attachable
from airflow_dbaas.operators.base import Existing, named_by
from airflow_dbaas.waits.integrations import external_integration_result

if TYPE_CHECKING:
    from airflow_dbaas.api.external_endpoints import ExternalIntegration


class DbaasAttachEndpointOperator(EndpointOperator):
    """Attaches a service to an external endpoint (attach-dbaas-service-to-endpoint) and waits for the operation.

    An attachment that is there already is found in list-dbaas-external-integrations, so a retry goes on with what the
    first attempt made. Whether the endpoint takes services of that type is checked before
    (list-dbaas-external-endpoint-types). Killing the task leaves the attachment alone. That the integration works is
    for a ``DbaasExternalIntegrationSensor`` to wait for.

    Returns ``integration_id``, ``endpoint_type``, ``endpoint_id``, ``endpoint_name``, ``service``, ``zone``,
    ``status``, ``created`` and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param endpoint_id: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead of the id: its name; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    :param if_exists: ``reuse`` the attachment that is there, or ``fail``.
    """

    template_fields: Sequence[str] = (*EndpointOperator.template_fields, "service_name")
    checks: ClassVar[dict[str, Check]] = {
        **EndpointOperator.checks,
        "service_name": validation.name,
        "if_exists": validation.one_of("reuse", "fail"),
    }

    def __init__(self, *, service_name: str, if_exists: Literal["reuse", "fail"] = "reuse", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service_name = service_name
        self.if_exists = if_exists
        self._check()

    def start(self, context: Context) -> Any:
        """Look for endpoint and attachment, attach the service if it is not, wait for it."""
        from airflow_dbaas.api.external_endpoints import ExternalEndpoints, ExternalIntegration

        endpoint = self.require()
        service = self.client.services.list().named(self.service_name)
        if service is None:
            raise DbaasServiceError(
                f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one"
            )
        check_attachable(self.client, service, endpoint)
        existing = self._look(str(endpoint.id))
        if existing is not None:
            return self._present(existing, mine=self.has_created(context, existing.integration_id))
        attachment = ExternalEndpoints.attach.call(
            source_service_name=self.service_name,
            dest_endpoint_id=str(endpoint.id),
            type=endpoint.type,  # type: ignore[arg-type]  # a new type of the API's is refused there
        )
        operation = self.create_or_find(attachment, lambda: self._look(str(endpoint.id)))
        if isinstance(operation, Existing):
            if operation.mine:
                self.remember_creation(context, operation.found.integration_id)
            return self._present(operation.found, mine=operation.mine)
        self.remember_creation(context)
        self.log.info("Attaching service %s to external endpoint %s", self.service_name, one_line(str(endpoint.name)))
        seen = ExternalIntegration(
            type=endpoint.type,
            dest_endpoint_id=endpoint.id,
            dest_endpoint_name=endpoint.name,
            source_service_name=self.service_name,
        )
        return self.wait_for_operation(context, operation, self._attached, seen=external_integration_result(seen))

    def _look(self, endpoint_id: str) -> ExternalIntegration | None:
        return self.client.external_endpoints.list_integrations(self.service_name).with_endpoint(endpoint_id)

    def _present(self, found: ExternalIntegration, *, mine: bool) -> dict[str, Any]:
        where = f"{self.service_name} is attached to {self.subject} already"
        if self.if_exists == "fail" and not mine:
            raise DbaasIntegrationError(f"service {where} (if_exists='fail')")
        self.log.info("Service %s (%s)", where, found.status)
        return {**external_integration_result(found), "created": mine, "operation_id": None}

    def _attached(self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], **_: Any) -> dict[str, Any]:
        found = self._look(seen["endpoint_id"])
        shown = external_integration_result(found) if found else {**seen, "integration_id": named_by(result)}
        self.remember_creation(context, shown["integration_id"])
        if self.wait_for_completion and shown["integration_id"] is None:
            text = f"the API attached service {self.service_name} to {self.subject}, but does not show it"
            raise DbaasIntegrationError(text, retryable=True)
        return {**shown, "created": True, "operation_id": result["operation_id"]}
