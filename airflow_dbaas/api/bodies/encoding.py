"""Turning the properties of a request into its JSON body, once they keep the API's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import is_secret, redact

#: Of every body: snake case here, the API's kebab case on the wire; nothing unknown, nothing converted.
STRICT = ConfigDict(
    alias_generator=lambda name: name.replace("_", "-"),
    populate_by_name=True,
    extra="forbid",
    strict=True,
    hide_input_in_errors=True,
)


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
    :param kind: one of the ``TypedDict`` classes of ``bodies``.
    :param fields: values by snake-case property name; None leaves a property out, unless null is a value of it.
    :raises DbaasConfigurationError: if a value breaks a limit, is of a wrong type, is not known to the API or
        is none of JSON's.
    """
    given = {name: value for name, value in fields.items() if value is not None or name in _nullable(kind)}
    try:
        valid = _adapter(kind).validate_python(given)
    except ValidationError as error:
        # "from None": the validation error carries the input, secrets included.
        raise DbaasConfigurationError(f"{operation}: {_explain(error)}") from None
    try:
        return json.dumps(_adapter(kind).dump_python(valid, by_alias=True), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        # Free-form settings only: a date out of a YAML file, say.
        raise DbaasConfigurationError(f"{operation}: the body cannot be written as JSON: {error}") from None


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
    text = redact(repr(value))
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
