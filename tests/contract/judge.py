"""What the document says of a request's values, by the jsonschema library alone: no code of ours is asked.

Where the document's words leave a choice, it is made here: patterns are ECMAScript's, where ``$`` is the very end and
``\\d`` ASCII; a ``uuid`` is RFC 4122's text of 36 characters; an ``int64`` is a JSON integer of 64 bits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from openapi_schema_validator import OAS30Validator

from tests.contract.document import resolve

Schema = dict[str, Any]
#: What makes a schema of the document one that our functions keep; told where it is (see ``plain``).
Change = Callable[[str, Schema], Schema]

FORMATS = FormatChecker(formats=())


@FORMATS.checks("uuid")
def _uuid(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value))


@FORMATS.checks("int64")
def _int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@cache
def ecma(pattern: str) -> re.Pattern[str]:
    """The pattern for Python: ``$``, where it is an anchor, is the very end."""
    return re.compile(re.sub(r"(\\.|\[(?:\\.|[^\]])*\])|\$", lambda found: found[1] or r"\Z", pattern), re.ASCII)


def _pattern(_: object, pattern: str, value: object, __: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not ecma(pattern).search(value):
        yield ValidationError("the pattern does not match")


def _whole_characters(_: object, wanted: bool, value: object, __: object) -> Iterator[ValidationError]:
    """A keyword of our own: all texts below, keys included, can be written in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        yield ValidationError("half of a surrogate pair")


Validator = extend(OAS30Validator, {"pattern": _pattern, "x-whole-characters": _whole_characters})


def plain(schema: Schema, changes: Iterable[Change] = (), place: str = "") -> Schema:
    """A schema without references, each part of it as the changes make it.

    :param place: ``.`` and a property's name, or ``[]`` for the items of a list, for each level: ``.settings.port``.
    """
    found = dict(resolve(schema))
    if "properties" in found:
        found["properties"] = {
            name: plain(each, changes, f"{place}.{name}") for name, each in found["properties"].items()
        }
    if "items" in found:
        found["items"] = plain(found["items"], changes, f"{place}[]")
    for change in changes:
        found = change(place, found)
    return found


def judge(schema: Schema) -> Callable[[object], bool]:
    """What tells whether a value is valid by a schema without references."""
    validator: Callable[[object], bool] = Validator(schema, format_checker=FORMATS).is_valid
    return validator
