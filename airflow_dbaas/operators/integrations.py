"""Operators for integrations between services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas.api import calls
from airflow_dbaas.api.conversions import as_boolean, as_integer, as_list, as_number, as_text, is_nothing
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasIntegrationError,
    DbaasNotFoundError,
    DbaasServiceError,
)
from airflow_dbaas.api.parameters import INTEGRATION_TYPES, IntegrationTypeName
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.config.desired_state import Link, check_settings, combined, differ
from airflow_dbaas.operators._base import Check, DbaasOperator, Existing, named_by
from airflow_dbaas.operators._progress import Progress, Step
from airflow_dbaas.waiting.conditions import IntegrationWait, integration_result

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.calls import Call
    from airflow_dbaas.api.integrations import Integration
    from airflow_dbaas.api.operations import Operation
    from airflow_dbaas.api.services import ServiceList


def settings(parameter: str, value: Any) -> dict[str, Any]:
    """A mapping without secrets."""
    value = validation.mapping(parameter, value)
    check_settings(parameter, value)
    return dict(value)


def one_way(owner: object, *ways: tuple[str, ...]) -> None:
    """Check that one of several ways to name something is used, and is complete.

    :param owner: the operator.
    :param ways: the parameters of each way. Templates are left for the time when they are rendered.
    :raises DbaasConfigurationError: if it is missing, incomplete, or given twice.
    """
    given = {name for way in ways for name in way if getattr(owner, name)}
    if any(validation.is_template(getattr(owner, name)) for name in given):
        return
    if given not in [set(way) for way in ways]:
        wanted = ", or ".join(" and ".join(way) for way in ways)
        raise DbaasConfigurationError(f"give either {wanted}; got {', '.join(sorted(given)) or 'none of them'}")


def find_link(services: ServiceList, link: Link) -> Integration | None:
    """The integration between two services, if there is one."""
    return services.integration(type=link.integration_type, source=link.source_service, dest=link.dest_service)


class LinkedOperator(DbaasOperator):
    """Base of operators that name an integration by its type and services; links lead to the source.

    :param integration_type: ``datasource``, ``logs`` or ``metrics``; templated.
    :param source_service: name of the service that it comes from, 1 to 63 characters; templated.
    :param dest_service: name of the service that it goes to, 1 to 63 characters; templated.
    """

    template_fields: Sequence[str] = (
        *DbaasOperator.template_fields,
        "integration_type",
        "source_service",
        "dest_service",
    )
    checks: ClassVar[dict[str, Check]] = {
        "integration_type": validation.one_of(*INTEGRATION_TYPES),
        "source_service": validation.name,
        "dest_service": validation.name,
    }

    integration_type: str | None
    source_service: str | None
    dest_service: str | None

    @property
    def linked_service(self) -> str | None:
        return self.source_service

    @property
    def link(self) -> Link:
        """The integration of this task."""
        return Link(str(self.integration_type), str(self.source_service), str(self.dest_service))


class NamedOperator(LinkedOperator):
    """Base of operators that name an integration by its id, or by its type and services.

    :param integration_id: id of the integration, a UUID; templated.
    :param integration_type: instead of the id, with both services: its type; templated.
    :param source_service: name of the service that it comes from; templated.
    :param dest_service: name of the service that it goes to; templated.
    """

    template_fields: Sequence[str] = (*LinkedOperator.template_fields, "integration_id")
    checks: ClassVar[dict[str, Check]] = {
        "integration_id": validation.optional(validation.uuid),
        **{name: validation.optional(check) for name, check in LinkedOperator.checks.items()},
    }

    def __init__(
        self,
        *,
        integration_id: str | None = None,
        integration_type: IntegrationTypeName | str | None = None,
        source_service: str | None = None,
        dest_service: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.integration_type = integration_type
        self.source_service = source_service
        self.dest_service = dest_service

    def _check(self) -> None:
        super()._check()
        one_way(self, ("integration_id",), ("integration_type", "source_service", "dest_service"))

    @property
    def subject(self) -> str:
        """The integration in words."""
        return f"integration {self.integration_id}" if self.integration_id else str(self.link)

    def find(self, services: ServiceList) -> Integration | None:
        """The integration of this task, if it exists."""
        if not self.integration_id:
            return find_link(services, self.link)
        return services.integration_with(calls.identifier("integration_id", self.integration_id))


def link_of(integration: Integration) -> Link:
    """The identity of an integration."""
    return Link(str(integration.type), str(integration.source), str(integration.dest))


class IntegrationRules:
    """Checks integrations against list-dbaas-integration-types and list-dbaas-integration-settings.

    Each answer is requested once. What the API's lists leave open is left to the API.

    :param client: the client to ask with.
    :param services: all services, as listed.
    """

    def __init__(self, client: Client, services: ServiceList) -> None:
        self._client = client
        self._services = services
        self._types = client.integrations.list_types().dbaas_integration_types
        self._schemas: dict[tuple[str, str, str], dict[str, Any]] = {}

    def check(self, link: Link, settings: dict[str, Any] | None, *, where: str = "settings") -> dict[str, Any]:
        """Refuse an integration that the API would refuse; returns its settings with the types that the API expects.

        :param link: the integration.
        :param settings: its settings.
        :param where: how the author calls the settings, for the error text.
        :raises DbaasServiceError: if a service does not exist.
        :raises DbaasConfigurationError: if the type does not link services of these types, or a setting breaks its
            limits.
        """
        source, dest = self._type_of(link.source_service), self._type_of(link.dest_service)
        self._check_ends(link, source, dest)
        if settings and source and dest:
            return self.check_settings(link.integration_type, source, dest, settings, where=where)
        return settings or {}

    def check_settings(
        self, integration_type: str, source: str, dest: str, settings: dict[str, Any], *, where: str
    ) -> dict[str, Any]:
        """The settings with the types that the API wants, once they keep the schema for an integration of a type
        between services of two types."""
        key = (integration_type, source, dest)
        if key not in self._schemas:
            answer = self._client.integrations.list_settings(
                integration_type=integration_type, source_type=source, dest_type=dest
            )
            served = answer.settings
            self._schemas[key] = served.model_dump(by_alias=True, exclude_none=True) if served else {}
        settings = typed_by_schema(self._schemas[key], settings)
        check_against_schema(self._schemas[key], settings, where=where)
        return settings

    def _type_of(self, name: str) -> str | None:
        service = self._services.named(name)
        if service is None:
            raise DbaasServiceError(f"service {name} does not exist; DbaasCreateServiceOperator creates one")
        return service.type

    def _check_ends(self, link: Link, source: str | None, dest: str | None) -> None:
        kind = next((known for known in self._types if known.type == link.integration_type), None)
        if kind is None:
            offered = ", ".join(str(known.type) for known in self._types)
            raise DbaasConfigurationError(
                f"integration_type: the API offers no integrations of type {link.integration_type}, only {offered}"
            )
        sources, dests = kind.source_service_types, kind.dest_service_types
        problems = [
            f"{name}, of type {found}, cannot be its {end}: possible types: {', '.join(possible)}"
            for name, found, end, possible in (
                (link.source_service, source, "source", sources),
                (link.dest_service, dest, "destination", dests),
            )
            if possible and found and found not in possible
        ]
        if problems:
            swapped = "; swapped, it is possible" if dest in sources and source in dests else ""
            raise DbaasConfigurationError(f"{link} is not possible: {'; '.join(problems)}{swapped}")


_TYPES = {
    "array": as_list,
    "boolean": as_boolean,
    "integer": as_integer,
    "number": as_number,
    "string": as_text,
}


def typed_by_schema(schema: dict[str, Any], value: Any) -> Any:
    """A value with the types of a JSON schema at every level, where the meaning is clear.

    :param schema: the schema.
    :param value: the given value.
    """
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {name: typed_by_schema(inner.get(name) or {}, each) for name, each in value.items()}
    if "null" in types and is_nothing(value):
        return None
    found = value
    for kind in types:
        if kind in _TYPES and found is value:
            found = _TYPES[kind](value)
    return [typed_by_schema(schema.get("items") or {}, each) for each in found] if isinstance(found, list) else found


def check_against_schema(schema: dict[str, Any], settings: dict[str, Any], *, where: str) -> None:
    """Refuse settings that break a JSON schema.

    :param schema: the schema.
    :param settings: the settings.
    :param where: how the author calls them, for the error text.
    :raises DbaasConfigurationError: naming every property that does, its value and the limit.
    """
    import jsonschema

    from airflow_dbaas.api.body import did_you_mean

    problems = []
    for error in jsonschema.Draft7Validator(schema).iter_errors(settings):
        place = ".".join([where, *map(str, error.absolute_path)])
        if error.validator == "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            problems += [f"{place}: {did_you_mean(str(name), known)}" for name in error.instance if name not in known]
        else:
            problems.append(f"{place}: {redact(error.message)}")
    if problems:
        raise DbaasConfigurationError("; ".join(sorted(problems)))


@dataclass
class IntegrationCreation(Progress):
    """How far a creation has come.

    :param created: whether this task has created the integration.
    :param updated: whether it has sent it other settings.
    :param integration_id: its id, as soon as that is known.
    """

    created: bool = False
    updated: bool = False
    integration_id: str | None = None


class DbaasCreateIntegrationOperator(LinkedOperator):
    """Creates an integration between two services (create-dbaas-integration) and waits until it is active.

    Before anything is changed, the services are looked up, and the types of service and the settings are checked
    against what the API offers (list-dbaas-integration-types, list-dbaas-integration-settings). An existing integration
    of that type between these services is found in list-dbaas-services, so a retry continues with the one that the
    first try created. Killing the task leaves the integration alone.

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
    :param wait_for_completion: wait until the integration is active, not only until the API accepted the request.
    """

    template_fields: Sequence[str] = (*LinkedOperator.template_fields, "settings")
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    checks: ClassVar[dict[str, Check]] = {
        **LinkedOperator.checks,
        "settings": validation.optional(settings),
        "if_exists": validation.one_of("reuse", "update", "fail"),
    }
    progress_class = IntegrationCreation
    progress: IntegrationCreation

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
        # A mapping after rendering.
        self.settings: Any = settings
        self.if_exists = if_exists
        self._check()

    def _check(self) -> None:
        super()._check()
        ends = self.source_service, self.dest_service
        if ends[0] == ends[1] and not validation.is_template(ends[0]):
            raise DbaasConfigurationError(f"source_service and dest_service must be two services, got {ends[0]} twice")

    def perform(self, context: Context) -> Any:
        """Check, look for the integration, create it if it does not exist, wait for it."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            services = self.client.services.list()
            self.settings = IntegrationRules(self.client, services).check(self.link, self.settings)
            found = find_link(services, self.link)
            progress.created = found is None or self.has_created(context, found.id)
            if found is None:
                answer = self.create_and_remember(context, self._creation(), self._look, attrgetter("id"))
                if isinstance(answer, Existing):
                    found, progress.created = answer.found, answer.mine
                else:
                    self.log.info("Creating the %s", self.link)
                    self.wait_for_operation(context, answer)
            if found is not None:
                self._reuse(context, found)
        if progress.before(Step.OUTCOME) and progress.result:
            found = self._look()
            progress.integration_id = found.id if found else None
            if progress.created and not progress.updated:
                progress.integration_id = progress.integration_id or named_by(progress.result)
                self.remember_creation(context, progress.integration_id)
        adds = {"created": progress.created, "updated": progress.updated, "operation_id": progress.operation_id}
        if not self.wait_for_completion:
            return {**self._seen(), **adds}
        if progress.integration_id is None:
            text = f"the API accepted the {self.link}, but does not list it"
            raise DbaasIntegrationError(text, retryable=True)
        return self.end_with(context, IntegrationWait(progress.integration_id), **adds)

    def _creation(self) -> Call[Operation]:
        from airflow_dbaas.api.integrations import Integrations

        return Integrations.create.call(
            integration_type=self.integration_type,  # type: ignore[arg-type]  # checked
            source_service=self.link.source_service,
            dest_service=self.link.dest_service,
            settings=self.settings or None,
        )

    def _look(self) -> Integration | None:
        return find_link(self.client.services.list(), self.link)

    def _reuse(self, context: Context, found: Integration) -> None:
        """Take the integration that is there, and bring its settings up to date if that is wanted."""
        progress = self.progress
        if self.if_exists == "fail" and not progress.created:
            raise DbaasIntegrationError(f"the {self.link} already exists (if_exists='fail')")
        self.log.info("The %s already exists (%s)", self.link, found.status)
        progress.integration_id = found.id
        changed = differ(self.settings, found.settings)
        if changed and self.if_exists == "update":
            operation = self.client.integrations.update(
                id=str(found.id), settings=combined(self.settings or {}, found.settings)
            )
            self.log.info("Updating its settings")
            progress.updated = True
            self.wait_for_operation(context, operation)
        elif changed:
            self.log.warning("Its settings differ from the given ones and are kept (if_exists=%r)", self.if_exists)

    def _seen(self) -> dict[str, Any]:
        """The integration without waiting."""
        from airflow_dbaas.api.integrations import Integration

        return integration_result(
            self._look()
            or Integration(
                id=self.progress.integration_id,
                type=self.integration_type,
                source=self.source_service,
                dest=self.dest_service,
            )
        )


class DbaasUpdateIntegrationOperator(NamedOperator):
    """Changes the settings of an integration between two services (update-dbaas-integration) and waits for it.

    They are first checked against what the API offers (list-dbaas-integration-settings). Nothing is sent if the
    settings are up to date, so a retry is harmless. Killing the task does not stop the change.

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
        # A mapping after rendering.
        self.settings: Any = settings
        self._check()

    def perform(self, context: Context) -> Any:
        """Check the settings; change them if they differ."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            services = self.client.services.list()
            found = self.find(services)
            if found is None:
                raise DbaasIntegrationError(
                    f"{self.subject} does not exist; DbaasCreateIntegrationOperator creates one"
                )
            self.settings = IntegrationRules(self.client, services).check(link_of(found), self.settings)
            if not differ(self.settings, found.settings):
                self.log.info("The settings of %s are up to date", self.subject)
                return integration_result(found) | {"updated": False, "operation_id": None}
            progress.seen = integration_result(found)
            operation = self.client.integrations.update(
                id=str(found.id), settings=combined(self.settings, found.settings)
            )
            self.log.info("Updating the settings of %s", self.subject)
            self.wait_for_operation(context, operation)
        now = self.find(self.client.services.list()) if self.wait_for_completion else None
        seen = integration_result(now) if now else progress.seen
        return {**seen, "updated": True, "operation_id": progress.operation_id}


class DbaasDeleteIntegrationOperator(NamedOperator):
    """Deletes an integration between two services (delete-dbaas-integration) and waits until it is gone.

    If an earlier try deleted it, a retry succeeds (with ``if_missing="fail"`` on Airflow 3.3 and later only). The
    integration of a read replica is refused, because deleting it would turn the replica into a separate service.
    Killing the task does not stop the deletion.

    Returns ``integration_id``, ``integration_type``, ``source_service``, ``dest_service``, ``service`` (the
    source), ``zone``, ``status`` (``absent``; ``deleting`` without waiting), ``deleted`` and ``operation_id``.

    :param integration_id: id of the integration, a UUID; templated.
    :param integration_type: instead of the id, with both services: its type; templated.
    :param source_service: name of the service that it comes from; templated.
    :param dest_service: name of the service that it goes to; templated.
    :param if_missing: ``skip`` an integration that does not exist, or ``fail``.
    :param wait_for_completion: wait until the integration is gone, not only until the API accepted the request.
    """

    checks: ClassVar[dict[str, Check]] = {
        **NamedOperator.checks,
        "if_missing": validation.one_of("skip", "fail"),
    }

    def __init__(self, *, if_missing: Literal["skip", "fail"] = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.if_missing = if_missing
        self._check()

    def perform(self, context: Context) -> Any:
        """Look for the integration, delete it, wait until it is gone."""
        progress = self.progress
        if progress.before(Step.OPERATION):
            found = self.find(self.client.services.list())
            if found is None:
                return self._missing(context)
            if found.type == "read_replica":
                raise DbaasIntegrationError(
                    f"{self.subject} is that of read replica {found.dest}: deleting it would make {found.dest} a "
                    "separate service, which this operator does not do"
                )
            progress.seen = integration_result(found)
            self.remember_removal(context)
            try:
                operation = self.client.integrations.delete(str(found.id))
            except DbaasNotFoundError:
                # Deleted since the check above: by another run, or by this request whose first answer was lost.
                return {**progress.seen, "status": "absent", "deleted": True, "operation_id": None}
            self.log.info("Deleting %s", self.subject)
            self.wait_for_operation(context, operation)
        ended = {**progress.seen, "deleted": True, "operation_id": progress.operation_id}
        if not self.wait_for_completion:
            return {**ended, "status": "deleting"}
        wait = IntegrationWait(str(progress.seen["integration_id"]), "absent")
        return self.end_with(context, wait, **{**ended, "status": "absent"})

    def _missing(self, context: Context) -> dict[str, Any]:
        from airflow_dbaas.api.integrations import Integration

        mine = self.has_removed(context)
        if self.if_missing == "fail" and not mine:
            raise DbaasIntegrationError(f"{self.subject} does not exist (if_missing='fail')")
        self.log.info("%s does not exist; nothing to delete", self.subject)
        seen = Integration(
            id=self.integration_id or None,
            type=self.integration_type or None,
            source=self.source_service or None,
            dest=self.dest_service or None,
        )
        return integration_result(seen) | {"status": "absent", "deleted": mine, "operation_id": None}
