"""The operator that creates an integration between two services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasIntegrationError,
)
from airflow_dbaas.base import Check
from airflow_dbaas.desired import combined, differ
from airflow_dbaas.operators._integrations.base import (
    LinkedOperator,
    find_link,
    named_by,
    result_of,
    settings,
)
from airflow_dbaas.operators._integrations.rules import IntegrationRules
from airflow_dbaas.operators.base import Existing
from airflow_dbaas.waits import IntegrationWait

if TYPE_CHECKING:
    from airflow_dbaas.api.integrations import Integration, IntegrationTypeName


class DbaasCreateIntegrationOperator(LinkedOperator):
    """Creates an integration between two services (create-dbaas-integration) and waits until it is active.

    Before anything is changed, the services are looked up, and the types of service and the settings are checked
    against what the API offers (list-dbaas-integration-types, list-dbaas-integration-settings). An integration of that
    type between these services that is there already is found in list-dbaas-services, so a retry goes on with what the
    first attempt created. Killing the task leaves the integration alone.

    Returns ``integration_id``, ``integration_type``, ``source_service``, ``dest_service``, ``service`` (the
    source), ``zone``, ``status``, ``created``, ``updated`` and ``operation_id``.

    :param integration_type: ``datasource`` (from a Grafana to the service whose data it shows), ``logs`` or
        ``metrics`` (from the service that has them to the one that keeps them); templated.
    :param source_service: name of the service that it comes from, 1 to 63 characters; templated.
    :param dest_service: name of the service that it goes to, 1 to 63 characters; templated.
    :param settings: settings of the type, in the API's spelling, e.g. ``{"elasticsearch_index_days_max": 7}``;
        templated.
    :param if_exists: ``reuse`` the integration that is there, ``update`` its settings if one of those given differs,
        or ``fail``.
    :param wait_for_completion: wait until the integration is active, not only until the API took the request.
    """

    template_fields: Sequence[str] = (*LinkedOperator.template_fields, "settings")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        **LinkedOperator.checks,
        "settings": validation.optional(settings),
        "if_exists": validation.one_of("reuse", "update", "fail"),
    }

    def __init__(
        self,
        *,
        integration_type: IntegrationTypeName | str,
        source_service: str,
        dest_service: str,
        settings: dict[str, Any] | str | None = None,
        if_exists: Literal["reuse", "update", "fail"] = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.integration_type = integration_type
        self.source_service = source_service
        self.dest_service = dest_service
        # A mapping, as soon as it is rendered.
        self.settings: Any = settings
        self.if_exists = if_exists
        self._check()

    def _check(self) -> None:
        super()._check()
        ends = self.source_service, self.dest_service
        if ends[0] == ends[1] and not validation.is_template(ends[0]):
            raise DbaasConfigurationError(f"source_service and dest_service must be two services, got {ends[0]} twice")

    def start(self, context: Context) -> Any:
        """Check, look for the integration, create it if it is missing, wait for it."""
        from airflow_dbaas.api.integrations import Integrations

        services = self.client.services.list()
        self.settings = IntegrationRules(self.client, services).check(self.link, self.settings)
        creation = Integrations.create.call(
            integration_type=self.integration_type,  # type: ignore[arg-type]  # checked
            source_service=self.link.source_service,
            dest_service=self.link.dest_service,
            settings=self.settings or None,
        )
        existing = find_link(services, self.link)
        if existing is not None:
            return self._present(context, existing, mine=self.has_created(context, existing.id))
        operation = self.create_or_find(creation, self._look)
        if isinstance(operation, Existing):
            if operation.mine:
                self.remember_creation(context, operation.found.id)
            return self._present(context, operation.found, mine=operation.mine)
        self.remember_creation(context)
        self.log.info("Creating the %s", self.link)
        return self.wait_for_operation(context, operation, self._created)

    def _look(self) -> Integration | None:
        return find_link(self.client.services.list(), self.link)

    def _present(self, context: Context, found: Integration, *, mine: bool) -> Any:
        if self.if_exists == "fail" and not mine:
            raise DbaasIntegrationError(f"the {self.link} exists already (if_exists='fail')")
        self.log.info("The %s exists already (%s)", self.link, found.status)
        changed = differ(self.settings, found.settings)
        if changed and self.if_exists == "update":
            operation = self.client.integrations.update(
                id=str(found.id), settings=combined(self.settings or {}, found.settings)
            )
            self.log.info("Updating its settings")
            return self.wait_for_operation(context, operation, self._updated, created=mine)
        if changed:
            self.log.warning("Its settings are not those given; kept (if_exists=%r)", self.if_exists)
        return self._await_active(context, found.id, created=mine, updated=False, operation_id=None)

    def _created(self, context: Context, result: dict[str, Any], **state: Any) -> Any:
        found = self._look()
        integration_id = found.id if found else named_by(result)
        self.remember_creation(context, integration_id)
        return self._await_active(
            context, integration_id, created=True, updated=False, operation_id=result["operation_id"], **state
        )

    def _updated(self, context: Context, result: dict[str, Any], *, created: bool, **state: Any) -> Any:
        found = self._look()
        return self._await_active(
            context,
            found.id if found else None,
            created=created,
            updated=True,
            operation_id=result["operation_id"],
            **state,
        )

    def _await_active(
        self,
        context: Context,
        integration_id: str | None,
        *,
        created: bool,
        updated: bool,
        operation_id: str | None,
        **state: Any,
    ) -> Any:
        from airflow_dbaas.api.integrations import Integration

        adds = {"created": created, "updated": updated, "operation_id": operation_id}
        if not self.wait_for_completion:
            seen = self._look() or Integration(
                id=integration_id, type=self.integration_type, source=self.source_service, dest=self.dest_service
            )
            return {**result_of(seen), **adds}
        if integration_id is None:
            text = f"the API took the {self.link}, but does not show it"
            raise DbaasIntegrationError(text, retryable=True)
        return self.end_with(context, IntegrationWait(integration_id), adds=adds, **state)
