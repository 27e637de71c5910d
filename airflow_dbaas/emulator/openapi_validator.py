"""Validates requests and answers against Exoscale's OpenAPI document.

The document ships inside the PyPI package ``exoscale``; none of that package's code is run.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry, Resource

_DOCUMENT = "urn:exoscale"
_METHODS = ("get", "post", "put", "delete", "patch")


class OffTheDocument(Exception):
    """Something does not agree with the document; the text names the property, never its value."""


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    path: str
    """Path template, for example ``/dbaas-postgres/{name}``."""
    takes_body: bool
    pointer: str
    """JSON pointer to the operation in the document."""
    definition: dict[str, Any]

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path template, cut at its slashes."""
        return tuple(self.path.strip("/").split("/"))

    def match(self, raw_segments: list[str]) -> dict[str, str] | None:
        """Path parameters, decoded, if the still encoded ``raw_segments`` are of this operation."""
        if len(raw_segments) != len(self.segments):
            return None
        found: dict[str, str] = {}
        for expected, raw in zip(self.segments, raw_segments, strict=True):
            if expected.startswith("{"):
                found[expected[1:-1]] = unquote(raw)
            elif expected != raw:
                return None
        return found


class Law:
    """The document, read once."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        # Opaque: the document is only accessed by JSON pointer, so no dialect has to be chosen.
        self._registry: Registry[Any] = Registry().with_resource(_DOCUMENT, Resource.opaque(document))
        self.operations = {operation.id: operation for operation in _operations(document)}
        self._validators: dict[str, Any] = {}

    @classmethod
    def load(cls) -> Law:
        """The law as installed. Raises ``ModuleNotFoundError`` without the package ``exoscale``."""
        spec = importlib.util.find_spec("exoscale")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("No module named 'exoscale'", name="exoscale")
        return cls(json.loads((Path(spec.origin).parent / "openapi.json").read_bytes()))

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones the API exists in."""
        return tuple(self._document["servers"][0]["variables"]["zone"]["enum"])

    def settings_schema(self, subject: str) -> dict[str, Any]:
        """The schema of settings in the document, such as ``pg-settings`` for ``pg``."""
        schema = self._document["components"]["schemas"][f"json-schema-{subject}"]
        return {
            name: schema[name] for name in ("type", "title", "properties", "additionalProperties") if name in schema
        }

    def find(self, method: str, raw_segments: list[str]) -> tuple[Operation, dict[str, str]] | None:
        """Operation and path parameters for a request, if the document has such an operation."""
        for operation in self.operations.values():
            if operation.method == method:
                parameters = operation.match(raw_segments)
                if parameters is not None:
                    return operation, parameters
        return None

    def check_parameters(self, operation: Operation, parameters: dict[str, str]) -> None:
        """Raise ``OffTheDocument`` unless the path parameters agree with the document."""
        for index, parameter in enumerate(operation.definition["parameters"]):
            if parameter["in"] == "path":
                self._check(
                    f"{operation.pointer}/parameters/{index}/schema", parameters[parameter["name"]], parameter["name"]
                )

    def check_request(self, operation: Operation, body: object) -> None:
        """Raise ``OffTheDocument`` unless the body agrees with the document."""
        self._check(f"{operation.pointer}/requestBody/content/application~1json/schema", body, "")

    def check_response(self, operation: Operation, body: object) -> None:
        """Raise ``OffTheDocument`` unless the answer agrees with the document."""
        self._check(f"{operation.pointer}/responses/200/content/application~1json/schema", body, "")

    def _check(self, pointer: str, value: object, name: str) -> None:
        validator = self._validators.get(pointer)
        if validator is None:
            validator = OAS30Validator(
                {"$ref": f"{_DOCUMENT}#{pointer}"}, registry=self._registry, format_checker=oas30_format_checker
            )
            self._validators[pointer] = validator
        _require_none(validator.iter_errors(value), name)


def check_against(schema: dict[str, Any], value: object, name: str) -> None:
    """Raise ``OffTheDocument`` unless ``value``, called ``name``, agrees with a schema of its own."""
    _require_none(OAS30Validator(schema, format_checker=oas30_format_checker).iter_errors(value), name)


def _require_none(errors: Iterable[Any], name: str) -> None:
    # Without repetitions: the document says some things twice.
    findings = dict.fromkeys(_describe(error, name) for error in errors)
    if findings:
        raise OffTheDocument("; ".join(findings))


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                definition = methods[method]
                escaped = path.replace("~", "~0").replace("/", "~1")
                yield Operation(
                    id=definition["operationId"],
                    method=method.upper(),
                    path=path,
                    takes_body="requestBody" in definition,
                    # Braces of path templates have to be encoded in the fragment of a URI.
                    pointer=f"/paths/{escaped}/{method}".replace("{", "%7B").replace("}", "%7D"),
                    definition=definition,
                )


def _describe(error: Any, name: str) -> str:
    """One finding in words. Written here because the library's own texts quote the value: a password, say."""
    place = ".".join([*([name] if name else []), *(str(step) for step in error.absolute_path)])
    rule, limit = error.validator, error.validator_value
    if rule == "required":
        missing = next(key for key in limit if f"'{key}'" in error.message and key not in error.instance)
        return f"missing keys '{'.'.join([*([place] if place else []), missing])}'"
    if rule == "additionalProperties":
        unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return f"{place or 'body'}: unknown keys {', '.join(unknown)}"
    texts = {
        "maxItems": f"must have at most {limit} entries",
        "maxLength": f"must have at most {limit} characters",
        "minLength": f"must have at least {limit} characters",
        "maximum": f"must be at most {limit}",
        "minimum": f"must be at least {limit}",
        "pattern": f"must match {limit}",
        "type": f"must be of type {limit}",
        "format": f"must be a valid {limit}",
    }
    if rule == "enum":
        texts["enum"] = f"must be one of {', '.join(str(choice) for choice in limit)}"
    return f"{place or 'body'}: {texts.get(str(rule), f'violates the rule {rule} {limit}')}"
