"""Arguments, bodies and models against Exoscale's own OpenAPI document, from the package ``exoscale``."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Mapping
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter

from airflow_dbaas.api import AsyncClient, Client
from airflow_dbaas.api import operation as api_operation
from airflow_dbaas.api.answer import Answer
from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.parameters import ZONES
from tests.contract.document import (
    DOCUMENT,
    DOCUMENTED,
    WITH_BODY,
    documented_answer,
    documented_body,
    path_parameters,
    resolve,
)
from tests.contract.operations import OPERATIONS, declared

ID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"


def statement(operation: str) -> Any:
    return declared(operation)


class Recorder:
    """Stands in for ``encode``: lets any body pass, and keeps which class it was to be checked by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: dict[str, type] = {}
        monkeypatch.setattr(api_operation, "encode", self)

    def __call__(self, operation: str, kind: type, fields: Mapping[str, object]) -> bytes:
        self.kinds[operation] = kind
        return json.dumps(sorted(fields)).encode()

    def build(self, operation: str) -> Call[Any]:
        """The call of an operation, with samples for all its arguments."""
        arguments: dict[str, Any] = {
            name.replace("-", "_"): ID if schema.get("format") == "uuid" else "sample"
            for name, schema in path_parameters(operation).items()
        }
        for parameter in inspect.signature(statement(operation)).parameters.values():
            if parameter.kind is not parameter.VAR_KEYWORD:
                arguments.setdefault(parameter.name, "sample")
        call: Call[Any] = statement(operation).call(**arguments)
        return call


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


def test_the_clients_offer_exactly_these_operations() -> None:
    """Both clients have each operation of the list once, and none besides."""
    assert len(set(OPERATIONS)) == len(OPERATIONS) == 87
    for kind in (Client, AsyncClient):
        offered = [operation.id for _, operation in kind("key", "secret", zone="ch-gva-2").every_operation()]
        assert sorted(offered) == sorted(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_arguments(recorder: Recorder, operation: str) -> None:
    """A function takes the path's parameters and the body's properties under their own names, and nothing else."""
    recorder.build(operation)
    parameters = inspect.signature(statement(operation)).parameters
    ours = {name for name, each in parameters.items() if each.kind is not each.VAR_KEYWORD}
    if len(ours) < len(parameters):
        # What is unpacked is the very class that the body is checked by.
        hint = statement(operation).hints()["fields"]
        assert get_args(hint) == (recorder.kinds[operation],)
        ours |= set(recorder.kinds[operation].__annotations__)
    theirs = set(path_parameters(operation))
    if operation in WITH_BODY:
        theirs |= set(documented_body(operation)["properties"])
    assert ours == {name.replace("-", "_") for name in theirs}
    for name, each in parameters.items():
        assert name == "fields" or f":param {name}:" in statement(operation).__doc__
        assert len(ours) == 1 or each.kind is not each.POSITIONAL_OR_KEYWORD, f"{name} must be keyword-only"


@pytest.mark.parametrize("operation", WITH_BODY)
def test_bodies_have_the_documents_properties(recorder: Recorder, operation: str) -> None:
    """A body has the document's properties at every level, and none besides; test_requests tries their values."""
    recorder.build(operation)
    ours = TypeAdapter(recorder.kinds[operation]).json_schema()
    compare(ours, documented_body(operation), ours.get("$defs", {}), operation)


def compare(ours: dict[str, Any], theirs: dict[str, Any], definitions: dict[str, Any], place: str) -> None:
    theirs = resolve(theirs)
    if "$ref" in ours:
        ours = definitions[ours["$ref"].rpartition("/")[2]]
    if "items" in ours:
        compare(ours["items"], theirs["items"], definitions, f"{place}[]")
    elif "properties" in ours:
        assert set(ours["properties"]) == set(theirs["properties"]), place
        for name, schema in ours["properties"].items():
            compare(schema, theirs["properties"][name], definitions, f"{place}.{name}")


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``Items[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is typing.Annotated:
        return inner_model(get_args(annotation)[0])
    return next((found for part in get_args(annotation) if (found := inner_model(part))), None)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_property_of_an_answer_is_on_its_model(recorder: Recorder, operation: str) -> None:
    """Whatever the document says an answer may hold is a typed field, all the way down."""
    call = recorder.build(operation)
    check_model(call.answer, documented_answer(operation), call.operation)


def check_model(model: type[BaseModel], schema: dict[str, Any], place: str) -> None:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, raw in schema.get("properties", {}).items():
        assert name in fields, f"{place}: {name}"
        inner = resolve(raw)
        annotation = fields[name].annotation
        nested = inner_model(annotation)
        if nested is not None:
            suffix = "[]" if inner["type"] == "array" else ""
            check_model(nested, resolve(inner["items"]) if suffix else inner, f"{place}.{name}{suffix}")
        else:
            plain = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}[inner["type"]]
            assert plain in plain_types(annotation), f"{place}.{name}"


def plain_types(annotation: Any) -> set[Any]:
    return {annotation, get_origin(annotation)}.union(*map(plain_types, get_args(annotation)))


def test_models_require_little() -> None:
    """Only what the document requires, and hardly that: an answer that leaves things out still parses."""
    for operation in OPERATIONS:
        for model in {declared(operation).answer, *Answer.__subclasses__()}:
            required = {name for name, field in model.model_fields.items() if field.is_required()}
            assert required <= {"name"}, model


def test_zones() -> None:
    """The zones are those of the document."""
    assert set(ZONES) == set(DOCUMENT["servers"][0]["variables"]["zone"]["enum"])


def test_the_templates_have_no_query() -> None:
    """No operation of the list takes anything but segments of its path and a body."""
    for operation in OPERATIONS:
        assert {each["in"] for each in DOCUMENTED[operation][2].get("parameters", [])} <= {"path"}
        names = set(re.findall(r"\{([^}]+)\}", DOCUMENTED[operation][1]))
        assert names == set(path_parameters(operation))
