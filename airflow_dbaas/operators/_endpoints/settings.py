"""What the operators that write an endpoint's settings share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas import endpoint_settings, validation
from airflow_dbaas.base import Check
from airflow_dbaas.operators.base import DbaasOperator

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.external_endpoints import ExternalEndpoint
    from airflow_dbaas.api.operations import Operation


class SettingsOperator(DbaasOperator):
    """Base of operators that write the settings of an endpoint.

    :param settings: settings without secrets; templated.
    :param secrets_conn_id: Airflow connection that the rest comes from; templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "settings", "secrets_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "settings": endpoint_settings.check_no_secrets,
        "secrets_conn_id": validation.optional(validation.connection_id),
    }

    def __init__(
        self, *, settings: dict[str, Any] | None = None, secrets_conn_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.secrets_conn_id = secrets_conn_id

    def all_settings(self, endpoint_type: str) -> dict[str, Any]:
        """The settings with what the connection adds to them. Holds secrets."""
        return endpoint_settings.endpoint_settings(endpoint_type, self.settings, self.secrets_conn_id)


def creation(client: Client, endpoint_type: str, name: str, settings: dict[str, Any]) -> Call[Operation]:
    """The call that creates an endpoint, its body checked."""
    call: Call[Operation] = client.external_endpoints.of_type(endpoint_type).create.call(name=name, settings=settings)
    return call


def change(client: Client, endpoint: ExternalEndpoint, settings: dict[str, Any]) -> Call[Operation]:
    """The call that changes an endpoint's settings, its body checked."""
    kind = str(endpoint.type)
    call: Call[Operation] = client.external_endpoints.of_type(kind).update.call(
        endpoint_id=endpoint.id, settings=settings
    )
    return call
