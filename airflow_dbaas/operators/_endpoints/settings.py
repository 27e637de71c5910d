"""What the operators that write an endpoint's settings share."""

from __future__ import annotations

from abc import abstractmethod
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


_BODIES = {
    "datadog": {"create": "NewDatadogSettings", "update": "DatadogSettings"},
    "elasticsearch": {"create": "NewSearchSettings", "update": "SearchSettings"},
    "opensearch": {"create": "NewSearchSettings", "update": "SearchSettings"},
    "prometheus": {"create": "PrometheusSettings", "update": "PrometheusSettings"},
    "rsyslog": {"create": "NewRsyslogSettings", "update": "RsyslogSettings"},
}


class SettingsOperator(DbaasOperator):
    """Base of operators that write the settings of an endpoint.

    :param settings: settings without secrets; templated.
    :param secrets_conn_id: Airflow connection that the rest comes from; templated.
    """

    #: Whether they are those of a new endpoint (``create``) or of one that is there (``update``).
    settings_of: ClassVar[str] = "create"
    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "settings", "secrets_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        "settings": endpoint_settings.check_no_secrets,
        "secrets_conn_id": validation.optional(validation.connection_id),
    }

    def __init__(
        self, *, settings: dict[str, Any] | str | None = None, secrets_conn_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        # A mapping, as soon as it is rendered.
        self.settings: Any = settings
        self.secrets_conn_id = secrets_conn_id

    def _check(self) -> None:
        super()._check()
        if isinstance(self.settings, dict):
            # What is required may come from the connection.
            self.settings = validation.fit_settings(
                "settings", self.settings, "external_endpoints", self._bodies(*self._possible_types()), elsewhere=None
            )

    @abstractmethod
    def _possible_types(self) -> Sequence[str]:
        """The types that the endpoint may be of, as far as that is known yet."""

    def _bodies(self, *types: str) -> list[str]:
        """The settings of these types, as ``api.external_endpoints`` names them."""
        return [_BODIES[each][self.settings_of] for each in types]

    def all_settings(self, endpoint_type: str) -> dict[str, Any]:
        """The settings with what the connection adds to them, checked. Holds secrets."""
        found = endpoint_settings.endpoint_settings(endpoint_type, self.settings, self.secrets_conn_id)
        where = f"settings, with those of connection {self.secrets_conn_id!r}" if self.secrets_conn_id else "settings"
        return validation.fit_settings(where, found, "external_endpoints", self._bodies(endpoint_type))


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
