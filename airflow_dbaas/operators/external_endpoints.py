"""Operators for external endpoints, and for attaching services to them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import endpoint_settings, validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api import calls
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasIntegrationError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.api.parameters import ENDPOINT_TYPES, EndpointType
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.operators._base import Check, DbaasOperator, Existing, named_by
from airflow_dbaas.operators._progress import Progress, Step
from airflow_dbaas.operators.integrations import one_way
from airflow_dbaas.waiting.conditions import ExternalIntegrationWait, external_integration_result

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.external_endpoints import ExternalEndpoint, ExternalIntegration
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import Service


def find_endpoint(
    known: list[ExternalEndpoint],
    *,
    endpoint_id: str | None = None,
    name: str | None = None,
    endpoint_type: str | None = None,
) -> ExternalEndpoint | None:
    """The endpoint of that id or name, if it is there.

    :param known: the endpoints, as listed.
    :param endpoint_id: its id.
    :param name: its name, without an id.
    :param endpoint_type: its type; without it the name must be enough.
    :raises DbaasConfigurationError: if several endpoints of different types have that name.
    """
    if endpoint_id:
        wanted = calls.identifier("endpoint_id", endpoint_id)
        found = [each for each in known if each.id == wanted]
    else:
        found = [each for each in known if each.name == name]
    found = [each for each in found if not endpoint_type or each.type == endpoint_type]
    if len(found) > 1:
        types = ", ".join(sorted(str(each.type) for each in found))
        raise DbaasConfigurationError(f"there are several endpoints {name}, of types {types}: give endpoint_type")
    return found[0] if found else None


def missing_endpoint(subject: str, known: list[ExternalEndpoint]) -> DbaasIntegrationError:
    """The error for an endpoint that is not there: it says which are."""
    there = ", ".join(f"{each.name} ({each.type})" for each in known) or "none"
    return DbaasIntegrationError(f"{subject} does not exist; there are: {there}")


def check_attachable(client: Client, service: Service, endpoint: ExternalEndpoint) -> None:
    """Refuse what list-dbaas-external-endpoint-types does not offer.

    :raises DbaasConfigurationError: if services of that type cannot be attached to endpoints of that type.
    """
    for kind in client.external_endpoints.list_types().endpoint_types:
        if kind.type == endpoint.type and kind.service_types and service.type not in kind.service_types:
            raise DbaasConfigurationError(
                f"service {service.name}, of type {service.type}, cannot be attached to an endpoint of type "
                f"{kind.type}: possible types: {', '.join(kind.service_types)}"
            )


class EndpointOperator(DbaasOperator):
    """Base of operators that name an endpoint by its id or its name.

    :param endpoint_id: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead of the id: its name; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    """

    template_fields: Sequence[str] = (*DbaasOperator.template_fields, "endpoint_id", "endpoint_name", "endpoint_type")
    checks: ClassVar[dict[str, Check]] = {
        "endpoint_id": validation.optional(validation.uuid),
        "endpoint_name": validation.optional(validation.long_name),
        "endpoint_type": validation.optional(validation.one_of(*ENDPOINT_TYPES)),
    }

    def __init__(
        self,
        *,
        endpoint_id: str | None = None,
        endpoint_name: str | None = None,
        endpoint_type: EndpointType | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_id = endpoint_id
        self.endpoint_name = endpoint_name
        self.endpoint_type = endpoint_type

    #: The parameters of which one identifies the endpoint of the task.
    ways: ClassVar[tuple[tuple[str, ...], ...]] = (("endpoint_id",), ("endpoint_name",))

    def _check(self) -> None:
        super()._check()
        one_way(self, *self.ways)

    @property
    def subject(self) -> str:
        """The endpoint in words."""
        of_type = f" of type {self.endpoint_type}" if self.endpoint_type else ""
        return f"external endpoint {self.endpoint_id or self.endpoint_name}{of_type}"

    def find(self, known: list[ExternalEndpoint]) -> ExternalEndpoint | None:
        """The endpoint of this task, if it exists."""
        return find_endpoint(
            known, endpoint_id=self.endpoint_id, name=self.endpoint_name, endpoint_type=self.endpoint_type
        )

    def require(self) -> ExternalEndpoint:
        """The endpoint of this task.

        :raises DbaasIntegrationError: if it is not there; the text names those that are.
        """
        known = self.client.external_endpoints.list().dbaas_endpoints
        found = self.find(known)
        if found is None:
            raise missing_endpoint(self.subject, known)
        return found


def endpoint_result(endpoint: ExternalEndpoint, **more: Any) -> dict[str, Any]:
    """The result of an operator: the endpoint and what was done."""
    return {
        "endpoint_id": endpoint.id,
        "endpoint_name": endpoint.name,
        "endpoint_type": endpoint.type,
        **more,
    }


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
        # A mapping after rendering.
        self.settings: Any = settings
        self.secrets_conn_id = secrets_conn_id

    def _check(self) -> None:
        super()._check()
        if isinstance(self.settings, dict):
            # Required settings may come from the connection.
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
        """The checked settings, including those of the connection. Contains secrets."""
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


@dataclass
class EndpointCreation(Progress):
    """How far a creation has come.

    :param created: whether this task has created the endpoint.
    :param updated: whether it has sent its settings to one that was there.
    """

    created: bool = False
    updated: bool = False


class DbaasCreateExternalEndpointOperator(SettingsOperator):
    """Creates an external endpoint (create-dbaas-external-endpoint-datadog and so on) and waits for the operation.

    Services send their logs or metrics there when ``DbaasAttachEndpointOperator`` has attached them. An existing
    endpoint of that name and type is found in list-dbaas-external-endpoints, so a retry continues with the one that the
    first try created. All settings are checked before anything is sent. Killing the task leaves the endpoint alone.

    Secrets come from the connection ``secrets_conn_id``, never from ``settings``:

    - datadog: password → ``datadog_api_key``
    - elasticsearch, opensearch: schema (``https`` unless it is ``http``), host, port, login and password → ``url``;
      extra ``ca`` → ``ca``
    - prometheus: login → ``basic_auth_username``, password → ``basic_auth_password``
    - rsyslog: host → ``server``, port → ``port``; extra ``ca``, ``cert``, ``key``, ``logline`` and ``sd`` → the
      settings of that name (services that collect logs want their token in one of the last two)

    If a setting is also in ``settings``, that value is used.

    Returns ``endpoint_id``, ``endpoint_name``, ``endpoint_type``, ``created``, ``updated`` and ``operation_id``.

    :param endpoint_type: ``datadog``, ``elasticsearch``, ``opensearch``, ``prometheus`` or ``rsyslog``; templated.
    :param endpoint_name: name of the endpoint, at least 1 character; templated.
    :param settings: settings without secrets, in snake case, see ``airflow_dbaas.api.external_endpoints``, e.g.
        ``{"site": "datadoghq.eu"}`` or ``{"format": "rfc5424", "tls": True}``; templated.
    :param secrets_conn_id: Airflow connection that the rest comes from; templated. Only Datadog cannot do without.
    :param if_exists: ``reuse`` an existing endpoint without changes; ``update``: send all settings to it (secrets
        cannot be read, so differences are unknown); or ``fail``.
    """

    template_fields: Sequence[str] = (*SettingsOperator.template_fields, "endpoint_type", "endpoint_name")
    checks: ClassVar[dict[str, Check]] = {
        **SettingsOperator.checks,
        "endpoint_type": validation.one_of(*ENDPOINT_TYPES),
        "endpoint_name": validation.long_name,
        "if_exists": validation.one_of("reuse", "update", "fail"),
    }
    progress_class = EndpointCreation
    progress: EndpointCreation

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

    def perform(self, context: Context) -> Any:
        """Look for the endpoint, create it if it is missing, wait for it."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            # Built before anything is sent, so that a wrong setting is found first.
            call = creation(self.client, self.endpoint_type, self.endpoint_name, self.all_settings(self.endpoint_type))
            found = self._look()
            progress.created = found is None or self.has_created(context, found.id)
            if found is None:
                answer = self.create_and_remember(context, call, self._look, attrgetter("id"))
                if isinstance(answer, Existing):
                    found, progress.created = answer.found, answer.mine
                else:
                    self.log.info("Creating %s", self.subject)
                    self.wait_for_operation(context, answer)
            if found is not None:
                progress.seen = endpoint_result(found)
                if self.if_exists == "fail" and not progress.created:
                    raise DbaasIntegrationError(f"{self.subject} already exists (if_exists='fail')")
                self.log.info("The %s already exists", self.subject)
                if self.if_exists == "update":
                    operation = self.client.send(change(self.client, found, self.all_settings(self.endpoint_type)))
                    self.log.info("Updating its settings")
                    progress.updated = True
                    self.wait_for_operation(context, operation)
        return {
            **(progress.seen or self._created(context)),
            "created": progress.created,
            "updated": progress.updated,
            "operation_id": progress.operation_id,
        }

    def _look(self) -> ExternalEndpoint | None:
        known = self.client.external_endpoints.list().dbaas_endpoints
        return find_endpoint(known, name=self.endpoint_name, endpoint_type=self.endpoint_type)

    def _created(self, context: Context) -> dict[str, Any]:
        """The endpoint that this task has just created."""
        from airflow_dbaas.api.external_endpoints import ExternalEndpoint

        found = self._look() or ExternalEndpoint(
            id=named_by(self.progress.result), name=self.endpoint_name, type=self.endpoint_type
        )
        self.remember_creation(context, found.id)
        if found.id is None and self.wait_for_completion:
            text = f"the API accepted the {self.subject}, but does not list it"
            raise DbaasIntegrationError(text, retryable=True)
        return endpoint_result(found)


class DbaasUpdateExternalEndpointOperator(SettingsOperator, EndpointOperator):
    """Changes the settings of an external endpoint (update-dbaas-external-endpoint-datadog and so on) and waits.

    They are always sent, because secrets cannot be read and differences are unknown. A retry sends them again, which is
    harmless. Killing the task does not stop the change.

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

    def perform(self, context: Context) -> Any:
        """Look for the endpoint and change it."""
        if self.progress.before(Step.OPERATION):
            endpoint = self.require()
            self.progress.seen = endpoint_result(endpoint)
            operation = self.client.send(change(self.client, endpoint, self.all_settings(str(endpoint.type))))
            self.log.info("Updating the settings of %s", self.subject)
            self.wait_for_operation(context, operation)
        return {**self.progress.seen, "updated": True, "operation_id": self.progress.operation_id}


class DbaasDeleteExternalEndpointOperator(EndpointOperator):
    """Deletes an external endpoint (delete-dbaas-external-endpoint-datadog and so on) and waits for the operation.

    Refuses an endpoint with attached services, and names them (list-dbaas-external-integrations of every service). If
    an earlier try deleted it, a retry succeeds (with ``if_missing="fail"`` on Airflow 3.3 and later only). Killing the
    task does not stop the deletion.

    Returns ``endpoint_id``, ``endpoint_name``, ``endpoint_type``, ``deleted`` and ``operation_id``.

    :param endpoint_id: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead of the id: its name; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    :param if_missing: ``skip`` an endpoint that does not exist, or ``fail``.
    """

    checks: ClassVar[dict[str, Check]] = {
        **EndpointOperator.checks,
        "if_missing": validation.one_of("skip", "fail"),
    }

    def __init__(self, *, if_missing: Literal["skip", "fail"] = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.if_missing = if_missing
        self._check()

    def perform(self, context: Context) -> Any:
        """Look for the endpoint, refuse or delete it."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            found = self.find(self.client.external_endpoints.list().dbaas_endpoints)
            if found is None:
                return self._missing(context)
            self._refuse_if_in_use(found)
            progress.seen = endpoint_result(found)
            self.remember_removal(context)
            operation: Operation | None
            try:
                operation = self.client.external_endpoints.of_type(str(found.type)).delete(str(found.id))
            except DbaasNotFoundError:
                # Deleted since the check above: by another run, or by this request whose first answer was lost.
                operation = None
            if operation is not None:
                self.log.info("Deleting %s", self.subject)
                self.wait_for_operation(context, operation)
        return {**progress.seen, "deleted": True, "operation_id": progress.operation_id}

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


class DbaasAttachEndpointOperator(EndpointOperator):
    """Attaches a service to an external endpoint (attach-dbaas-service-to-endpoint) and waits for the operation.

    An existing attachment is found in list-dbaas-external-integrations, so a retry continues with the one that the
    first try created. The operator first checks that the endpoint accepts services of that type
    (list-dbaas-external-endpoint-types). Killing the task leaves the attachment alone. Use
    ``DbaasExternalIntegrationSensor`` to wait until it is active.

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

    def perform(self, context: Context) -> Any:
        """Look for endpoint and attachment, attach the service if it is not, wait for it."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            endpoint = self.require()
            service = self.client.services.list().named(self.service_name)
            if service is None:
                raise DbaasServiceError(
                    f"service {self.service_name} does not exist; DbaasCreateServiceOperator creates one"
                )
            check_attachable(self.client, service, endpoint)
            look = partial(self._look, str(endpoint.id))
            existing = look()
            if existing is not None:
                return self._present(existing, mine=self.has_created(context, existing.integration_id))
            answer = self.create_and_remember(context, self._attachment(endpoint), look, attrgetter("integration_id"))
            if isinstance(answer, Existing):
                return self._present(answer.found, mine=answer.mine)
            name = one_line(str(endpoint.name))
            self.log.info("Attaching service %s to external endpoint %s", self.service_name, name)
            progress.seen = self._expected(endpoint)
            self.wait_for_operation(context, answer)
        found = self._look(progress.seen["endpoint_id"])
        named = {**progress.seen, "integration_id": named_by(progress.result)}
        shown = external_integration_result(found) if found else named
        self.remember_creation(context, shown["integration_id"])
        if self.wait_for_completion and shown["integration_id"] is None:
            text = f"the API attached service {self.service_name} to {self.subject}, but does not list it"
            raise DbaasIntegrationError(text, retryable=True)
        return {**shown, "created": True, "operation_id": progress.operation_id}

    def _attachment(self, endpoint: ExternalEndpoint) -> Call[Operation]:
        from airflow_dbaas.api.external_endpoints import ExternalEndpoints

        return ExternalEndpoints.attach.call(
            source_service_name=self.service_name,
            dest_endpoint_id=str(endpoint.id),
            type=endpoint.type,  # type: ignore[arg-type]  # a new type of the API's is refused there
        )

    def _expected(self, endpoint: ExternalEndpoint) -> dict[str, Any]:
        from airflow_dbaas.api.external_endpoints import ExternalIntegration

        return external_integration_result(
            ExternalIntegration(
                type=endpoint.type,
                dest_endpoint_id=endpoint.id,
                dest_endpoint_name=endpoint.name,
                source_service_name=self.service_name,
            )
        )

    def _look(self, endpoint_id: str) -> ExternalIntegration | None:
        return self.client.external_endpoints.list_integrations(self.service_name).with_endpoint(endpoint_id)

    def _present(self, found: ExternalIntegration, *, mine: bool) -> dict[str, Any]:
        where = f"{self.service_name} is attached to {self.subject} already"
        if self.if_exists == "fail" and not mine:
            raise DbaasIntegrationError(f"service {where} (if_exists='fail')")
        self.log.info("Service %s (%s)", where, found.status)
        return {**external_integration_result(found), "created": mine, "operation_id": None}


class DbaasDetachEndpointOperator(EndpointOperator):
    """Detaches a service from an external endpoint (detach-dbaas-service-from-endpoint) and waits until it is.

    The attachment is looked up in list-dbaas-external-integrations. If an earlier try detached it, a retry succeeds
    (with ``if_missing="fail"`` on Airflow 3.3 and later only). Killing the task does not stop the detachment.

    Returns ``integration_id``, ``endpoint_type``, ``endpoint_id``, ``endpoint_name``, ``service``, ``zone``,
    ``status`` (``absent``; ``deleting`` without waiting), ``deleted`` and ``operation_id``.

    :param service_name: name of the service, 1 to 63 characters; templated.
    :param integration_id: id of the external integration, a UUID; templated.
    :param endpoint_id: instead: id of the endpoint, a UUID; templated.
    :param endpoint_name: instead: name of the endpoint; templated.
    :param endpoint_type: type of the endpoint, needed if several have that name; templated.
    :param if_missing: ``skip`` a service that is not attached, or ``fail``.
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

    def perform(self, context: Context) -> Any:
        """Look for the attachment, end it, wait until it is gone."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            found = self._look()
            if found is None:
                return self._missing(context)
            progress.seen = external_integration_result(found)
            self.remember_removal(context)
            try:
                operation = self.client.external_endpoints.detach(
                    source_service_name=self.service_name, integration_id=str(found.integration_id)
                )
            except DbaasNotFoundError:
                # Deleted since the check above: by another run, or by this request whose first answer was lost.
                return {**progress.seen, "status": "absent", "deleted": True, "operation_id": None}
            endpoint = one_line(str(found.dest_endpoint_name))
            self.log.info("Detaching service %s from external endpoint %s", self.service_name, endpoint)
            self.wait_for_operation(context, operation)
        ended = {**progress.seen, "deleted": True, "operation_id": progress.operation_id}
        if not self.wait_for_completion:
            return {**ended, "status": "deleting"}
        wait = ExternalIntegrationWait(progress.seen["integration_id"], "absent")
        return self.end_with(context, wait, **{**ended, "status": "absent"})

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
