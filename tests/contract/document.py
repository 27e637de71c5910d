"""Exoscale's own OpenAPI document, from the package ``exoscale``, read without any code of ours."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.contract.operations import OPERATIONS


def load() -> dict[str, Any]:
    spec = find_spec("exoscale")
    assert spec
    assert spec.origin
    document: dict[str, Any] = json.loads((Path(spec.origin).parent / "openapi.json").read_text())
    return document


DOCUMENT = load()
#: For each operation id: HTTP method, path template, definition.
DOCUMENTED = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
WITH_BODY = [name for name in OPERATIONS if "requestBody" in DOCUMENTED[name][2]]


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference leads to."""
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def path_parameters(operation: str) -> dict[str, dict[str, Any]]:
    """The schemas of the parameters in an operation's path, by name."""
    return {each["name"]: resolve(each["schema"]) for each in DOCUMENTED[operation][2].get("parameters", [])}


def documented_body(operation: str) -> dict[str, Any]:
    """The schema of an operation's JSON body."""
    return resolve(DOCUMENTED[operation][2]["requestBody"]["content"]["application/json"]["schema"])


def documented_answer(operation: str) -> dict[str, Any]:
    """The schema of an operation's JSON answer."""
    return resolve(DOCUMENTED[operation][2]["responses"]["200"]["content"]["application/json"]["schema"])
