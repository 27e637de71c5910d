"""What parameters may be, each defined once, as annotated types.

The bodies of requests use them as they are: pydantic asks a ``Text`` for its schema. Operators, sensors and files check
by the same definition (``validation``), and the forms of DAGs take their JSON schema from it (``schema_of``). Nothing
is imported that costs time.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin


@dataclass(frozen=True, kw_only=True)
class Text:
    """The limits of a text.

    :param what: what it must be, for errors, if it has a form of its own.
    :param min_length: its least length.
    :param max_length: its greatest length; None if there is none.
    :param pattern: its form, as a regular expression; forms of DAGs check by it, too.
    :param convert: the text as the API writes it, or None if it has not the form.
    :param format: what JSON schema calls the form.
    """

    what: str = ""
    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None
    convert: Callable[[str], str | None] | None = None
    format: str | None = None

    def fit(self, value: object) -> str | None:
        """A value as the API writes it, or None if it does not keep the limits."""
        if not isinstance(value, str) or not self.min_length <= len(value) <= (self.max_length or len(value)):
            return None
        # "$" also matches before a line break at the end.
        if self.pattern and ("\n" in value or not re.match(self.pattern, value)):
            return None
        return self.convert(value) if self.convert else value

    @property
    def has_form(self) -> bool:
        """Whether not any text of the right length will do."""
        return bool(self.pattern or self.convert)

    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        limits = {"minLength": self.min_length or None, "maxLength": self.max_length, "pattern": self.pattern}
        return {"type": "string", **{name: limit for name, limit in limits.items() if limit is not None}}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """How pydantic checks it."""
        from pydantic_core import PydanticCustomError, core_schema

        from airflow_dbaas.api.body import OWN

        def check(value: str) -> str:
            found = self.fit(value)
            if found is None:
                raise PydanticCustomError(OWN, "must be {what}", {"what": self.what})
            return found

        limits = {"min_length": self.min_length or None, "max_length": self.max_length}
        text = {**handler(source), **{name: limit for name, limit in limits.items() if limit is not None}}
        return core_schema.no_info_after_validator_function(check, text) if self.has_form else text

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        """How pydantic describes it."""
        return {**handler(schema), **({"format": self.format} if self.format else {})}


@dataclass(frozen=True, kw_only=True)
class Number:
    """The limits of a number.

    :param minimum: the least it may be.
    """

    minimum: float

    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "number", "minimum": self.minimum}


#: With hyphens or without: ``uuid.UUID`` by itself takes signs, underscores and foreign digits as well.
_UUID = re.compile(r"[0-9a-f]{8}(-?)(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}", re.IGNORECASE)


def canonical_uuid(value: object) -> str | None:
    """A UUID as the API writes it, from one in upper case, in braces or without hyphens; None from anything else."""
    if not isinstance(value, str):
        return None
    bare = value[1:-1] if value.startswith("{") and value.endswith("}") else value
    return str(uuid.UUID(bare)) if _UUID.fullmatch(bare) else None


def _network(value: str) -> str | None:
    # Host bits may be set: what becomes of them is for the API to decide.
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    return None if "%" in value else value


#: Zones with an API endpoint, as Exoscale's OpenAPI document lists them.
Zone = Literal["at-vie-1", "at-vie-2", "bg-sof-1", "ch-dk-2", "ch-gva-2", "de-fra-1", "de-muc-1", "hr-zag-1"]
#: Types of service that can be created and changed.
ServiceType = Literal["pg", "mysql", "valkey", "grafana", "opensearch", "thanos"]
#: The types of integration that can be made. Others, such as ``read_replica``, are made with a service.
IntegrationTypeName = Literal["datasource", "logs", "metrics"]
EndpointType = Literal["datadog", "elasticsearch", "opensearch", "prometheus", "rsyslog"]
#: How a migration copies, where that is said.
MigrationMethod = Literal["dump", "replication"]
#: The same, or ``auto``: the service chooses.
Method = Literal["auto", "dump", "replication"]
#: How far back metrics go.
Period = Literal["hour", "day", "week", "month", "year"]

ServiceName = Annotated[str, Text(max_length=63)]
#: A plan. Which plans there are, the API decides.
Plan = Annotated[
    str,
    Text(
        what="a plan's name, such as startup-4 or business-8",
        min_length=1,
        max_length=128,
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$",
    ),
]
#: Names of databases, separated by commas.
IgnoreDatabases = Annotated[str, Text(min_length=1, max_length=2048)]
Uuid = Annotated[str, Text(what="a UUID", convert=canonical_uuid, format="uuid")]
#: An IP address or a network.
Network = Annotated[str, Text(what="an IP address or a network such as 192.0.2.0/24", convert=_network)]
#: Time of day in UTC.
TimeOfDay = Annotated[
    str,
    Text(what="a time of day, such as 03:30:00 (UTC)", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"),
]
#: A version to ask for.
Version = Annotated[str, Text(what="a version, such as 8.4", pattern=r"^[0-9]+(\.[0-9]+)*$")]
#: Seconds for which something may be shown as failed.
FailureGracePeriod = Annotated[float, Number(minimum=0)]
#: Seconds for which the API may give no usable answer.
OutageGracePeriod = Annotated[float, Number(minimum=1)]

ZONES: tuple[str, ...] = get_args(Zone)
SERVICE_TYPES: tuple[str, ...] = get_args(ServiceType)
INTEGRATION_TYPES: tuple[str, ...] = get_args(IntegrationTypeName)
ENDPOINT_TYPES: tuple[str, ...] = get_args(EndpointType)


def limits_of(kind: Any) -> Any:
    """The ``Text`` or ``Number`` of an annotated type."""
    return get_args(kind)[1]


def schema_of(kind: Any, *, or_none: bool = False, **more: Any) -> dict[str, Any]:
    """The JSON schema of a parameter.

    :param kind: one of the types above.
    :param or_none: whether it may be null, too.
    :param more: what the schema has besides.
    """
    if get_origin(kind) is Literal:
        schema: dict[str, Any] = {"type": "string", "enum": [*([None] if or_none else []), *get_args(kind)]}
    else:
        schema = limits_of(kind).schema()
    return {**schema, **({"type": ["null", schema["type"]]} if or_none else {}), **more}
