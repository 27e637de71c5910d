"""The operator that creates an external endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasIntegrationError
from airflow_dbaas.base import Check
from airflow_dbaas.desired import ENDPOINT_TYPES
from airflow_dbaas.operators._endpoints.base import endpoint_result, find_endpoint
from airflow_dbaas.operators._endpoints.settings import SettingsOperator, change, creation
from airflow_dbaas.operators._integrations.base import named_by
from airflow_dbaas.operators.base import Existing

if TYPE_CHECKING:
    from airflow_dbaas.api.external_endpoints import ExternalEndpoint
    from airflow_dbaas.api.fields import EndpointType


class DbaasCreateExternalEndpointOperator(SettingsOperator):
    """Creates an external endpoint (create-dbaas-external-endpoint-datadog and so on) and waits for the operation.

    Services send their logs or metrics there once ``DbaasAttachEndpointOperator`` has attached them. An endpoint of
    that name and type that is there already is found in list-dbaas-external-endpoints, so a retry goes on with what the
    first attempt created. All settings are checked before anything is sent. Killing the task leaves the endpoint alone.

    What is secret comes from the connection ``secrets_conn_id``, never from ``settings``:

    - datadog: password → ``datadog_api_key``
    - elasticsearch, opensearch: schema (``https`` unless it is ``http``), host, port, login and password → ``url``;
      extra ``ca`` → ``ca``
    - prometheus: login → ``basic_auth_username``, password → ``basic_auth_password``
    - rsyslog: host → ``server``, port → ``port``; extra ``ca``, ``cert``, ``key``, ``logline`` and ``sd`` → the
      settings of that name (services that collect logs want their token in one of the last two)

    What ``settings`` name counts, if the connection has it, too.

    Returns ``endpoint_id``, ``endpoint_name``, ``endpoint_type``, ``created``, ``updated`` and ``operation_id``.

    :param endpoint_type: ``datadog``, ``elasticsearch``, ``opensearch``, ``prometheus`` or ``rsyslog``; templated.
    :param endpoint_name: name of the endpoint, at least 1 character; templated.
    :param settings: settings without secrets, in snake case, see ``airflow_dbaas.api.external_endpoints``, e.g.
        ``{"site": "datadoghq.eu"}`` or ``{"format": "rfc5424", "tls": True}``; templated.
    :param secrets_conn_id: Airflow connection that the rest comes from; templated. Only Datadog cannot do without.
    :param if_exists: ``reuse`` the endpoint that is there as it is; ``update``: send it all settings (secrets cannot be
        read, so whether they differ is unknown); or ``fail``.
    """

    template_fields: Sequence[str] = (*SettingsOperator.template_fields, "endpoint_type", "endpoint_name")
    checks: ClassVar[dict[str, Check]] = {
        **SettingsOperator.checks,
        "endpoint_type": validation.one_of(*ENDPOINT_TYPES),
        "endpoint_name": validation.long_name,
        "if_exists": validation.one_of("reuse", "update", "fail"),
    }

    def __init__(
        self,
        *,
        endpoint_type: EndpointType | str,
        endpoint_name: str,
        if_exists: Literal["reuse", "update", "fail"] = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_type = endpoint_type
        self.endpoint_name = endpoint_name
        self.if_exists = if_exists
        self._check()

    def _possible_types(self) -> Sequence[str]:
        return ENDPOINT_TYPES if validation.is_template(self.endpoint_type) else (self.endpoint_type,)

    @property
    def subject(self) -> str:
        """The endpoint in words."""
        return f"external endpoint {self.endpoint_name} of type {self.endpoint_type}"

    def start(self, context: Context) -> Any:
        """Look for the endpoint, create it if it is missing, wait for it."""
        # Built before anything is sent, so that a wrong setting is found first.
        call = creation(self.client, self.endpoint_type, self.endpoint_name, self.all_settings(self.endpoint_type))
        existing = self._look()
        if existing is not None:
            return self._present(context, existing, mine=self.has_created(context, existing.id))
        operation = self.create_or_find(call, self._look)
        if isinstance(operation, Existing):
            if operation.mine:
                self.remember_creation(context, operation.found.id)
            return self._present(context, operation.found, mine=operation.mine)
        self.remember_creation(context)
        self.log.info("Creating %s", self.subject)
        return self.wait_for_operation(context, operation, self._created)

    def _look(self) -> ExternalEndpoint | None:
        known = self.client.external_endpoints.list().dbaas_endpoints
        return find_endpoint(known, name=self.endpoint_name, endpoint_type=self.endpoint_type)

    def _present(self, context: Context, found: ExternalEndpoint, *, mine: bool) -> Any:
        if self.if_exists == "fail" and not mine:
            raise DbaasIntegrationError(f"{self.subject} exists already (if_exists='fail')")
        self.log.info("The %s exists already", self.subject)
        if self.if_exists != "update":
            return endpoint_result(found, created=mine, updated=False, operation_id=None)
        operation = self.client.send(change(self.client, found, self.all_settings(self.endpoint_type)))
        self.log.info("Updating its settings")
        return self.wait_for_operation(context, operation, self._updated, seen=endpoint_result(found), created=mine)

    def _created(self, context: Context, result: dict[str, Any], **_: Any) -> dict[str, Any]:
        from airflow_dbaas.api.external_endpoints import ExternalEndpoint

        found = self._look() or ExternalEndpoint(id=named_by(result), name=self.endpoint_name, type=self.endpoint_type)
        self.remember_creation(context, found.id)
        if found.id is None and self.wait_for_completion:
            text = f"the API took the {self.subject}, but does not show it"
            raise DbaasIntegrationError(text, retryable=True)
        return endpoint_result(found, created=True, updated=False, operation_id=result["operation_id"])

    def _updated(
        self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], created: bool, **_: Any
    ) -> dict[str, Any]:
        return {**seen, "created": created, "updated": True, "operation_id": result["operation_id"]}
