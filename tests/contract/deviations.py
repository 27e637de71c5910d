"""Where our functions deliberately differ from Exoscale's document, one by one: the one list of exceptions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.contract.cases import UUID
from tests.contract.judge import FORMATS, Change, Schema

#: What the document says of a request, and what becomes of it here.
AS_GIVEN, OTHERWISE, REFUSED, TYPE_ERROR = "sent as it is", "sent otherwise", "refused", "a TypeError"


@dataclass(frozen=True, eq=False)
class Deviation:
    """One exception.

    :param place: where.
    :param what: what differs.
    :param why: the reason.
    :param document: what the document says of the example, as one of the words above.
    :param ours: what becomes of it.
    :param example: operation, parameters of the path, body.
    :param change: what makes the document's schema one that we keep; places in a path are ``operation{parameter}``.
        None if it takes the same values.
    """

    place: str
    what: str
    why: str
    document: str
    ours: str
    example: tuple[str, Mapping[str, Any], Mapping[str, Any] | None]
    change: Change | None = None


@FORMATS.checks(ANY_UUID := "uuid in any spelling")
def _uuid(value: object) -> bool:
    form = r"(?P<id>{digit}{{8}}(?P<sign>-?)({digit}{{4}}(?P=sign)){{3}}{digit}{{12}})".format(digit="[0-9a-fA-F]")
    found = isinstance(value, str) and (re.fullmatch(form, value) or re.fullmatch(rf"\{{{form}\}}", value))
    return bool(found) or not isinstance(value, str)


@FORMATS.checks(NETWORK := "IP address or network")
def _network(value: object) -> bool:
    try:
        return not isinstance(value, str) or (bool(ipaddress.ip_interface(value).network) and "%" not in value)
    except ValueError:
        return False


def is_free(place: str) -> bool:
    """Whether it is a service's ``pg-settings`` or the like."""
    return place.count(".") == 1 and place.endswith("-settings")


def _free(place: str, schema: Schema) -> Schema:
    return {"type": "object"} if is_free(place) else schema


def _closed(place: str, schema: Schema) -> Schema:
    return {**schema, "additionalProperties": False} if "properties" in schema else schema


def _whole_characters(place: str, schema: Schema) -> Schema:
    return {**schema, "x-whole-characters": True} if not place or "{" in place else schema


def _absent(place: str, schema: Schema) -> Schema:
    """The optional properties of a body itself may be None."""
    if place or "properties" not in schema:
        return schema
    needed = schema.get("required", [])
    return {
        **schema,
        "properties": {
            name: each if name in needed else {"anyOf": [each, {"enum": [None]}]}
            for name, each in schema["properties"].items()
        },
    }


def _any_spelling(place: str, schema: Schema) -> Schema:
    return {**schema, "format": ANY_UUID} if schema.get("format") == "uuid" else schema


def _not_empty(place: str, schema: Schema) -> Schema:
    return {**schema, "minLength": 1} if "{" in place else schema


def _one_segment(place: str, schema: Schema) -> Schema:
    return {**schema, "not": {"enum": [".", ".."]}} if "{" in place else schema


def _printable(place: str, schema: Schema) -> Schema:
    if "{" not in place or "format" in schema:
        return schema
    return {**schema, "pattern": r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"}


def _service_name(place: str, schema: Schema) -> Schema:
    names = place.endswith(("{name}", "{service-name}")) and not place.startswith("create-dbaas-external-endpoint-")
    return {"maxLength": 63, **schema} if names else schema


def _with(place: str, **more: str) -> Change:
    return lambda at, schema: {**schema, **more} if at == place and schema["type"] == "string" else schema


def _auto(place: str, schema: Schema) -> Schema:
    return {**schema, "enum": [*schema["enum"], "auto"]} if place == ".method" and "enum" in schema else schema


def _maybe_empty(place: str, schema: Schema) -> Schema:
    return {**schema, "minLength": 0} if place == ".ignore-dbs" and "minLength" in schema else schema


_CHECK = "create-dbaas-task-migration-check"
_SOURCE = {"source-service-uri": "postgres://old.example.com"}
#: Values of properties that are left out of the request.
LEFT_OUT = [(_CHECK, "method", "auto"), (_CHECK, "ignore-dbs", "")]

#: Those that give a form to a text of which the document tells none.
FORMS = (
    Deviation(
        "plan of a service",
        "one that is not of lower-case words joined by hyphens is refused",
        "all plans are called so; another text comes from a mistake, and the API would say so too late",
        AS_GIVEN,
        REFUSED,
        ("update-dbaas-service-pg", {"name": "db"}, {"plan": "gigantic"}),
        _with(".plan", pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)+$"),
    ),
    Deviation(
        "version of a service",
        "one that is not made of numbers and dots is refused",
        "all versions that can be asked for are",
        AS_GIVEN,
        REFUSED,
        ("update-dbaas-service-mysql", {"name": "db"}, {"version": "latest"}),
        _with(".version", pattern="^[0-9]+([.][0-9]+)*$"),
    ),
    Deviation(
        "ip-filter of a service",
        "what is neither an IP address nor a network is refused",
        "the API would refuse it, or nobody could connect",
        AS_GIVEN,
        REFUSED,
        ("update-dbaas-service-pg", {"name": "db"}, {"ip-filter": ["hello"]}),
        _with(".ip-filter[]", format=NETWORK),
    ),
    Deviation(
        "time of a service's maintenance",
        "eight characters that are not a time of day are refused",
        "its description says that it is one",
        AS_GIVEN,
        REFUSED,
        ("update-dbaas-service-pg", {"name": "db"}, {"maintenance": {"dow": "monday", "time": "25:00:00"}}),
        _with(".maintenance.time", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"),
    ),
)

DEVIATIONS = (
    Deviation(
        "grafana-, mysql-, opensearch-, pg-, pgaudit-, pgbouncer-, pglookout-, thanos-, timescaledb-, valkey-settings",
        "any JSON object is taken",
        "their schema differs with the service's version; the API serves it and checks by it",
        REFUSED,
        AS_GIVEN,
        ("update-dbaas-service-pg", {"name": "db"}, {"pg-settings": {"unheard_of": 1}}),
        _free,
    ),
    Deviation(
        "every object of a body but those settings",
        "an unknown property is refused",
        "a misspelled name would be ignored, or be refused far from its cause; its value may be a secret",
        AS_GIVEN,
        REFUSED,
        (
            "create-dbaas-service-pg",
            {"name": "db"},
            {"plan": "startup-4", "maintenance": {"dow": "never", "time": "03:30:00", "x": 1}},
        ),
        _closed,
    ),
    Deviation(
        "optional properties of a body",
        "None leaves the property out, unless the document calls it nullable",
        "that is how Python says that a parameter is not given; null is never sent where the document refuses it",
        REFUSED,
        OTHERWISE,
        ("update-dbaas-service-pg", {"name": "db"}, {"plan": None}),
        _absent,
    ),
    Deviation(
        "method of a migration check",
        "``auto`` leaves it out",
        "so the operators and the forms of DAGs call it, and one table of values holds for all",
        REFUSED,
        OTHERWISE,
        (_CHECK, {"service": "db"}, {**_SOURCE, "method": "auto"}),
        _auto,
    ),
    Deviation(
        "ignore-dbs of a migration check",
        "an empty text leaves it out",
        "operators and forms of DAGs pass this if no database is left out",
        REFUSED,
        OTHERWISE,
        (_CHECK, {"service": "db"}, {**_SOURCE, "ignore-dbs": ""}),
        _maybe_empty,
    ),
    Deviation(
        "required properties with a parameter of their own, unknown parameters",
        "Python refuses the call itself",
        "so it is for every function of Python; type checkers see it before",
        REFUSED,
        TYPE_ERROR,
        ("create-dbaas-pg-database", {"service-name": "db"}, {}),
    ),
    Deviation(
        "ids, in paths and bodies",
        "upper case is sent as lower case",
        "RFC 4122 writes lower case, and ids are compared with those of answers",
        AS_GIVEN,
        OTHERWISE,
        ("get-operation", {"id": UUID.upper()}, None),
    ),
    Deviation(
        "ids, in paths and bodies",
        "one in braces or without hyphens is taken, and sent in the usual form",
        "people copy ids from elsewhere, and it is clear which one is meant",
        REFUSED,
        OTHERWISE,
        (
            "detach-dbaas-service-from-endpoint",
            {"source-service-name": "db"},
            {"integration-id": UUID.replace("-", "")},
        ),
        _any_spelling,
    ),
    Deviation(
        "every text, free-form settings included",
        "half of a surrogate pair is refused",
        "it has no form in UTF-8, so the API could not read it",
        AS_GIVEN,
        REFUSED,
        ("create-dbaas-pg-database", {"service-name": "db"}, {"database-name": "\ud800"}),
        _whole_characters,
    ),
    Deviation(
        "names in paths",
        "an empty one is refused",
        "it would be another path",
        AS_GIVEN,
        REFUSED,
        ("get-dbaas-migration-status", {"name": ""}, None),
        _not_empty,
    ),
    Deviation(
        "names in paths",
        "``.`` and ``..`` are refused",
        "HTTP libraries and proxies take them for steps in the path, escaped or not",
        AS_GIVEN,
        REFUSED,
        ("get-dbaas-service-type", {"service-type-name": ".."}, None),
        _one_segment,
    ),
    Deviation(
        "names in paths",
        "control characters and line separators are refused",
        "no name has them; they come of a template gone wrong, and end up in logs",
        AS_GIVEN,
        REFUSED,
        ("delete-dbaas-pg-database", {"service-name": "db", "database-name": "a\n"}, None),
        _printable,
    ),
    Deviation(
        "names of services in the paths of deletions, logs and metrics",
        "more than 63 characters are refused",
        "no service has such a name: creation refuses it",
        AS_GIVEN,
        REFUSED,
        ("delete-dbaas-service", {"name": "x" * 64}, None),
        _service_name,
    ),
    *FORMS,
)
