"""Request bodies: checked against the API's limits, then encoded as JSON.

A body is a ``TypedDict`` whose keys are the API's property names in snake case. ``encode`` refuses what the API would
refuse, with an error that names the property, the value (never a secret) and the limit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from airflow_dbaas.api.calls import canonical_uuid, shown
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import is_secret, redact, revealed

if TYPE_CHECKING:
    from airflow_dbaas.api.redaction import Secret

    #: A text that may also be given as ``Secret``; it is revealed before it is validated.
    SecretText = str | Secret
else:
    SecretText = str

#: Of every body: snake case here, the API's kebab case on the wire; nothing unknown, nothing converted.
STRICT = ConfigDict(
    alias_generator=lambda name: name.replace("_", "-"),
    populate_by_name=True,
    extra="forbid",
    strict=True,
    hide_input_in_errors=True,
)


def _uuid(value: str) -> str:
    found = canonical_uuid(value)
    if found is None:
        raise PydanticCustomError("uuid", "Input should be a UUID")
    return found


Uuid = Annotated[str, AfterValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
ServiceName = Annotated[str, Field(max_length=63)]
Username = Annotated[str, Field(min_length=1, max_length=64)]
MysqlPassword = Annotated[
    SecretText, Field(min_length=8, max_length=256, pattern=r"^[a-zA-Z0-9!#%^*_+={}()<>|.,;~?-]+$")
]
MysqlAuthentication = Literal["caching_sha2_password", "mysql_native_password"]

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _nullable(kind: type) -> frozenset[str]:
    """The properties for which null is a value of its own."""
    return frozenset(name for name, hint in get_type_hints(kind).items() if type(None) in get_args(hint))


def encode(operation: str, kind: type, fields: Mapping[str, object]) -> bytes:
    """The JSON body of ``operation``, once ``fields`` keep the API's limits.

    :param operation: operation id, for the error text.
    :param kind: the ``TypedDict`` that describes it.
    :param fields: values by snake-case property name; None leaves a property out, unless null is a value of it. Texts
        may be given as ``Secret``.
    :raises DbaasConfigurationError: if a value breaks a limit, is of a wrong type, is not known to the API or
        is none of JSON's.
    """
    given = {
        name: value for name, value in fields.items() if value is not None or name.replace("-", "_") in _nullable(kind)
    }
    body, problem = _written(kind, given)
    if problem:
        raise DbaasConfigurationError(f"{operation}: {problem}")
    return body


def _written(kind: type, given: Mapping[str, object]) -> tuple[bytes, str]:
    """The JSON, or what is wrong.

    Nothing is raised here or out of here: this frame, those of pydantic and its error hold the secrets as text.
    """
    try:
        valid = _adapter(kind).validate_python(revealed(given))
        body = _adapter(kind).dump_python(valid, by_alias=True)
        _check_json(body, "body")
        return json.dumps(body, allow_nan=False).encode(), ""
    except ValidationError as error:
        return b"", _explain(error)
    except RecursionError:
        return b"", "the body cannot be written as JSON: it is nested too deep"
    except (TypeError, ValueError) as error:
        return b"", f"the body cannot be written as JSON: {error}"


def _check_json(value: object, place: str) -> None:
    """Refuse what JSON has no value for, and what it would change: a date or a number as a key out of a YAML file.

    Such things can be in free-form settings only.
    """
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{place}: the key {shown(name)} is no text")
            _check_json(name, f"{place}: a key")
            _check_json(item, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_json(item, f"{place}.{index}")
    elif isinstance(value, str):
        if _HALF_A_PAIR.search(value):
            raise ValueError(f"{place} holds half of a surrogate pair")
    elif value is not None and not isinstance(value, int | float):
        raise TypeError(f"{place} is a {type(value).__name__}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} is {value}")


def _explain(error: ValidationError) -> str:
    reasons = []
    for problem in error.errors(include_url=False, include_context=False):
        path = [str(part).replace("_", "-") for part in problem["loc"]]
        hidden = any(is_secret(part) for part in path) or problem["type"] == "missing"
        # The value of a property that does not exist may be a secret under a misspelled name.
        hidden = hidden or (problem["type"] == "extra_forbidden" and isinstance(problem["input"], str))
        # Nor is a mapping that was rendered to text shown.
        hidden = hidden or problem["type"] == "dict_type"
        reasons.append(f"{'.'.join(path)}: {problem['msg']}{'' if hidden else _shown(problem['input'])}")
    return "; ".join(reasons)


def _shown(value: object) -> str:
    # What holds other values may hold a secret further down, and is of no help in a one-line text anyway.
    if not isinstance(value, str | int | float | None):
        return ""
    text = redact(shown(value))
    return f", got {text}" if len(text) <= 80 else f", got {text[:77]}…"


def secrets_in(body: bytes) -> set[str]:
    """The secret values inside an encoded body, to keep them out of error texts."""
    found: set[str] = set()

    def collect(node: object) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                if is_secret(name) and isinstance(value, str):
                    found.add(value)
                collect(value)
        elif isinstance(node, list):
            for item in node:
                collect(item)

    collect(json.loads(body) if body else None)
    return found
