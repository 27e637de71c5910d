"""What the API says of integrations before one is made: which services a type links, and the settings it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dbaas.api.conversions import as_boolean, as_integer, as_list, as_number, as_text, is_nothing
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasServiceError
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.desired import Link

if TYPE_CHECKING:
    from airflow_dbaas.api import Client
    from airflow_dbaas.api.services import ServiceList


class IntegrationRules:
    """Checks integrations against list-dbaas-integration-types and list-dbaas-integration-settings.

    Each answer is asked for once. What the API leaves open is left for it to decide.

    :param client: the client to ask with.
    :param services: all services, as listed.
    """

    def __init__(self, client: Client, services: ServiceList) -> None:
        self._client = client
        self._services = services
        self._types = client.integrations.list_types().dbaas_integration_types
        self._schemas: dict[tuple[str, str, str], dict[str, Any]] = {}

    def check(self, link: Link, settings: dict[str, Any] | None, *, where: str = "settings") -> dict[str, Any]:
        """Refuse an integration that the API would refuse; returns its settings with the types that the API wants.

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
            f"{name}, of type {found}, cannot be its {end}: possible are {', '.join(possible)}"
            for name, found, end, possible in (
                (link.source_service, source, "source", sources),
                (link.dest_service, dest, "destination", dests),
            )
            if possible and found and found not in possible
        ]
        if problems:
            swapped = "; the other way round it could be" if dest in sources and source in dests else ""
            raise DbaasConfigurationError(f"{link} is not possible: {'; '.join(problems)}{swapped}")


_TYPES = {
    "array": as_list,
    "boolean": as_boolean,
    "integer": as_integer,
    "number": as_number,
    "string": as_text,
}


def typed_by_schema(schema: dict[str, Any], value: Any) -> Any:
    """A value with the types of a JSON schema, at every level, where it is clear what is meant.

    :param schema: the schema.
    :param value: what was given.
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
