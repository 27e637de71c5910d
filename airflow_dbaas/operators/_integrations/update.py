"""The operator that changes the settings of an integration between two services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import DbaasIntegrationError
from airflow_dbaas.base import Check
from airflow_dbaas.desired import combined, differ
from airflow_dbaas.operators._integrations.base import NamedOperator, link_of, result_of, settings
from airflow_dbaas.operators._integrations.rules import IntegrationRules

if TYPE_CHECKING:
    from airflow_dbaas.api.integrations import Integration


class DbaasUpdateIntegrationOperator(NamedOperator):
    """Changes the settings of an integration between two services (update-dbaas-integration) and waits for it.

    They are checked against what the API offers (list-dbaas-integration-settings) before. Nothing is sent if the API
    shows them as they shall be, so a retry does no harm. Killing the task leaves the change to go on.

    Returns ``integration_id``, ``integration_type``, ``source_service``, ``dest_service``, ``service`` (the
    source), ``zone``, ``status``, ``updated`` and ``operation_id``.

    :param integration_id: id of the integration, a UUID; templated.
    :param integration_type: instead of the id, with both services: its type; templated.
    :param source_service: name of the service that it comes from; templated.
    :param dest_service: name of the service that it goes to; templated.
    :param settings: the settings to change, in the API's spelling; those not named stay as they are. Templated.
    """

    template_fields: Sequence[str] = (*NamedOperator.template_fields, "settings")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {**NamedOperator.checks, "settings": settings}

    def __init__(self, *, settings: dict[str, Any] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # A mapping, as soon as it is rendered.
        self.settings: Any = settings
        self._check()

    def start(self, context: Context) -> Any:
        """Check the settings; change them if they differ."""
        services = self.client.services.list()
        found = self.find(services)
        if found is None:
            raise DbaasIntegrationError(f"{self.subject} does not exist; DbaasCreateIntegrationOperator makes one")
        self.settings = IntegrationRules(self.client, services).check(link_of(found), self.settings)
        if not differ(self.settings, found.settings):
            self.log.info("The settings of %s are as they shall be", self.subject)
            return result_of(found, updated=False, operation_id=None)
        operation = self.client.integrations.update(id=str(found.id), settings=combined(self.settings, found.settings))
        self.log.info("Updating the settings of %s", self.subject)
        return self.wait_for_operation(context, operation, self._updated, seen=result_of(found))

    def _updated(self, context: Context, result: dict[str, Any], *, seen: dict[str, Any], **_: Any) -> dict[str, Any]:
        if self.wait_for_completion:
            now: Integration | None = self.find(self.client.services.list())
            seen = result_of(now) if now else seen
        return {**seen, "updated": True, "operation_id": result["operation_id"]}
