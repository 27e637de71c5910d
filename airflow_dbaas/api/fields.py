"""The types of the fields that several bodies share, each with its limits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, LiteralString

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from airflow_dbaas.api import formats
from airflow_dbaas.api.body import OWN
from airflow_dbaas.api.calls import canonical_uuid

if TYPE_CHECKING:
    from airflow_dbaas.api.redaction import Secret

    #: A text that may also be given as ``Secret``; it is revealed before it is validated.
    SecretText = str | Secret
else:
    SecretText = str


def _uuid(value: str) -> str:
    found = canonical_uuid(value)
    if found is None:
        raise PydanticCustomError(OWN, "must be a UUID")
    return found


Uuid = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]


def _network(value: str) -> str:
    if not formats.is_network(value):
        raise PydanticCustomError(OWN, "must be an IP address or a network such as 192.0.2.0/24")
    return value


def _form(pattern: str, sentence: LiteralString) -> AfterValidator:
    """A check of a text's form, with a sentence of its own."""
    form = re.compile(pattern.removesuffix("$") + r"\Z")

    def check(value: str) -> str:
        if not form.match(value):
            raise PydanticCustomError(OWN, sentence)
        return value

    return AfterValidator(check)


Network = Annotated[str, AfterValidator(_network)]
Plan = Annotated[
    str,
    Field(min_length=1, max_length=128),
    _form(formats.PLAN, "must be a plan's name, such as startup-4"),
]
#: Time of day in UTC, ``HH:MM:SS``.
TimeOfDay = Annotated[str, _form(formats.TIME, "must be a time of day, such as 03:30:00 (UTC)")]
Version = Annotated[str, _form(formats.VERSION, "must be a version, such as 8.4")]
ServiceName = Annotated[str, Field(max_length=63)]
Username = Annotated[str, Field(min_length=1, max_length=64)]
AdminUsername = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[_A-Za-z0-9][-._A-Za-z0-9]{0,63}$")]
MysqlPassword = Annotated[
    SecretText, Field(min_length=8, max_length=256, pattern=r"^[a-zA-Z0-9!#%^*_+={}()<>|.,;~?-]+$")
]
MysqlAuthentication = Literal["caching_sha2_password", "mysql_native_password"]
#: How many, where the document sets no limit but that of its 64-bit integers.
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
EndpointType = Literal["datadog", "elasticsearch", "opensearch", "prometheus", "rsyslog"]
MigrationMethod = Literal["dump", "replication"]
