"""Requests and models against Exoscale's own OpenAPI document, from the package ``exoscale``."""

from __future__ import annotations

import inspect
import json
import re
import typing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter

from airflow_dbaas.api import bodies, endpoints, models
from airflow_dbaas.api.client import ZONES, Client

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
SAMPLES = {"id": ID, "plan": "startup-4", "source_service_uri": "postgres://u:p@h/d"}


def load() -> dict[str, Any]:
    spec = find_spec("exoscale")
    assert spec
    assert spec.origin
    document: dict[str, Any] = json.loads((Path(spec.origin).parent / "openapi.json").read_text())
    return document


DOCUMENT = load()
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
STATEMENTS = {
    name: descriptor.statement
    for kind in Client.__mro__
    for name, descriptor in vars(kind).items()
    if hasattr(descriptor, "statement")
}
BODIES = {
    "create-dbaas-service-pg": bodies.CreatePgService,
    "update-dbaas-service-pg": bodies.UpdatePgService,
    "create-dbaas-task-migration-check": bodies.MigrationCheck,
}


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def build(name: str) -> endpoints.Call[Any]:
    signature = inspect.signature(STATEMENTS[name])
    needed = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    arguments = {parameter.name: SAMPLES.get(parameter.name, f"some-{parameter.name}") for parameter in needed}
    call: endpoints.Call[Any] = STATEMENTS[name](**arguments)
    return call


@pytest.mark.parametrize("name", STATEMENTS)
def test_methods_are_operations_of_the_document(name: str) -> None:
    """Name, HTTP method and path of every client method are those of one operation; so is whether it has a body."""
    call = build(name)
    assert call.operation == name.replace("_", "-")
    method, template, operation = OPERATIONS[call.operation]
    assert call.method == method
    assert re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), call.path)
    parameters = {parameter["name"].replace("-", "_") for parameter in operation.get("parameters", [])}
    assert parameters <= set(inspect.signature(STATEMENTS[name]).parameters)
    assert bool(call.body) == ("requestBody" in operation)


@pytest.mark.parametrize("operation", BODIES)
def test_bodies_have_the_documents_properties(operation: str) -> None:
    """Every property that may be sent can be sent, the same ones are required, with the same limits."""
    ours = TypeAdapter(BODIES[operation]).json_schema()
    theirs = OPERATIONS[operation][2]["requestBody"]["content"]["application/json"]["schema"]
    compare(ours, theirs, ours.get("$defs", {}), operation)


def compare(ours: dict[str, Any], theirs: dict[str, Any], definitions: dict[str, Any], place: str) -> None:
    theirs = resolve(theirs)
    if "$ref" in ours:
        ours = definitions[ours["$ref"].rpartition("/")[2]]
    if "anyOf" in ours:
        assert theirs.get("nullable"), place
        ours = next(option for option in ours["anyOf"] if option.get("type") != "null")
    if "const" in ours:
        ours = {**ours, "enum": [ours["const"]]}
    assert ours.get("type", "string") == theirs["type"], place
    for limit in ("minLength", "maxLength", "minimum", "maximum", "pattern"):
        # A pattern may say the length as well; a name of no characters is refused by ours.
        if limit in theirs and not (limit in {"minLength", "maxLength"} and "pattern" in ours) and theirs[limit] != 0:
            assert ours.get(limit) == theirs[limit], f"{place}: {limit}"
    if "enum" in theirs:
        assert set(ours["enum"]) == set(theirs["enum"]), place
    if theirs["type"] == "array":
        compare(ours["items"], theirs["items"], definitions, f"{place}[]")
    if "properties" in ours:
        assert set(ours["properties"]) == set(theirs["properties"]), place
        assert set(ours.get("required", [])) == set(theirs.get("required", [])), place
        for name, schema in ours["properties"].items():
            compare(schema, theirs["properties"][name], definitions, f"{place}.{name}")


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``Items[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is typing.Annotated:
        return inner_model(get_args(annotation)[0])
    return next((found for part in get_args(annotation) if (found := inner_model(part))), None)


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_property_of_an_answer_is_on_its_model(name: str) -> None:
    """Whatever the document says an answer may hold is a typed field, all the way down."""
    call = build(name)
    answer = OPERATIONS[call.operation][2]["responses"]["200"]["content"]["application/json"]["schema"]
    check_model(call.answer, resolve(answer), call.operation)


def check_model(model: type[BaseModel], schema: dict[str, Any], place: str) -> None:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, raw in schema.get("properties", {}).items():
        if (place, name) == ("get-dbaas-service-pg.users[]", "password"):
            continue  # passwords come by the reveal calls; one that is sent all the same is kept as an extra
        assert name in fields, f"{place}: {name}"
        inner = resolve(raw)
        nested = inner_model(fields[name].annotation)
        if nested is not None:
            suffix = "[]" if inner["type"] == "array" else ""
            check_model(nested, resolve(inner["items"]) if suffix else inner, f"{place}.{name}{suffix}")


def test_models_require_little() -> None:
    """Only what the document requires, and hardly that: an answer that leaves things out still parses."""
    for model in vars(models).values():
        if isinstance(model, type) and issubclass(model, models.Answer):
            required = {name for name, field in model.model_fields.items() if field.is_required()}
            assert required <= {"name"}, model


def test_zones() -> None:
    """The zones are those of the document."""
    assert set(ZONES) == set(DOCUMENT["servers"][0]["variables"]["zone"]["enum"])
