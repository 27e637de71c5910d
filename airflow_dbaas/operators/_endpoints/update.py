"""The operator that changes the settings of an external endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.base import Check
from airflow_dbaas.desired import ENDPOINT_TYPES
from airflow_dbaas.operators._endpoints.base import EndpointOperator, endpoint_result
from airflow_dbaas.operators._endpoints.settings import SettingsOperator, change


class DbaasUpdateExternalEndpointOperator(SettingsOperator, EndpointOperator):
    """Changes the settings of an external endpoint (update-dbaas-external-endpoint-datadog and so on) and waits.

    They are always sent: secrets cannot be read, so whether they differ is unknown. Sending them again does no harm, so
    a retry does not either. Killing the task leaves the change to go on.

    Returns ``endpoint_id``, ``endpoint_name``, ``endpoint_type``, ``updated`` and ``operation_id``.

    :param endpoint_id: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead of the id: its name; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    :param settings: the settings to change, without secrets; templated.
    :param secrets_conn_id: Airflow connection that secrets and addresses come from, as with
        ``DbaasCreateExternalEndpointOperator``; templated. Datadog wants its API key every time.
    """

    template_fields: Sequence[str] = (
        *EndpointOperator.template_fields,
        *(name for name in SettingsOperator.template_fields if name not in EndpointOperator.template_fields),
    )
    settings_of: ClassVar[str] = "update"
    checks: ClassVar[dict[str, Check]] = {**EndpointOperator.checks, **SettingsOperator.checks}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check()

    def _possible_types(self) -> Sequence[str]:
        known = self.endpoint_type and not validation.is_template(self.endpoint_type)
        return (str(self.endpoint_type),) if known else ENDPOINT_TYPES

    def start(self, context: Context) -> Any:
        """Look for the endpoint and change it."""
        endpoint = self.require()
        call = change(self.client, endpoint, self.all_settings(str(endpoint.type)))
        operation = self.client.send(call)
        self.log.info("Updating the settings of %s", self.subject)
        return self.wait_for_operation(context, operation, self._updated, seen=endpoint_result(endpoint))

    def _updated(self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**seen, "updated": True, "operation_id": result["operation_id"]}
