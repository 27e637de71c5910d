"""Whatever Exoscale's document says an answer may be, the client reads it and keeps its content."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from airflow_dbaas.api.operations import Reference
from airflow_dbaas.api.services import Service
from tests.contract.document import documented_answer, resolve
from tests.contract.operations import OPERATIONS
from tests.contract.samples import (
    ENCODINGS,
    Place,
    Schema,
    at,
    call,
    changed,
    check,
    full,
    in_first_items,
    on_model,
    places_of,
    read,
    sample,
)

TIMES = (
    "2026-11-22T23:59:59Z",
    "2026-11-22T23:59:59.1Z",
    "2026-11-22T23:59:59.123456789Z",
    "2026-11-22T23:59:59.123+02:00",
    "2026-11-22T23:59:59-0930",
    "2026-11-22 23:59:59",
    "0001-01-01T00:00:00Z",
    "soon",
    "",
)
INTEGERS = (0, -1, 2**31, 2**32 + 1, 2**53 + 1, 2**63, -(2**63) - 1, 10**30)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_optional_absent(operation: str) -> None:
    """An answer with no more than what the document requires is read."""
    check(operation, sample(documented_answer(operation), itertools.count(1), full=False))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_present(operation: str) -> None:
    """Every property of the document is an attribute of the model, all the way down, and holds what was sent."""
    sent = full(operation)
    check(operation, sent)
    found = read(operation, ENCODINGS["compact UTF-8"](sent))
    for place, schema in places_of(operation):
        if "properties" not in schema and "items" not in schema:
            assert on_model(found, place) == at(sent, place), place


@pytest.mark.parametrize("operation", OPERATIONS)
def test_unknown_fields(operation: str) -> None:
    """Fields that the document does not know are kept at every level, and reached as extras of the models."""
    objects = [place for place, schema in places_of(operation) if "properties" in schema]
    extra = {"of": ["a newer", {"document": 2**40}], "null": None}
    sent = full(operation)
    for place in objects:
        at(sent, place).update({"x-new": extra, "model-dump": 1, "copy": "that", "json": None})
    check(operation, sent)
    found = read(operation, ENCODINGS["compact UTF-8"](sent))
    for place in objects:
        inner = on_model(found, place)
        known = inner.model_extra if isinstance(inner, BaseModel) else inner
        assert known["x-new"] == extra


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("value", ["brand-new", "", "RUNNING", "ü \U0001f600"])
def test_unknown_values_of_enumerations(operation: str, value: str) -> None:
    """A value that no enumeration of the document knows is a string like any other."""
    enumerations = [place for place, schema in places_of(operation) if "enum" in schema]
    sent = changed(operation, enumerations, value)
    check(operation, sent)
    found = read(operation, ENCODINGS["compact UTF-8"](sent))
    assert {on_model(found, place) for place in enumerations} <= {value}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nulls(operation: str) -> None:
    """Null in the place of any property, or of all, is as if it were absent; only a service in a list has a name."""
    properties = [place for place, _ in places_of(operation) if place and isinstance(place[-1], str)]
    optional = [place for place in properties if not named(operation, place)]
    for place in filter(in_first_items, optional):
        check(operation, changed(operation, [place], None))
    # The innermost first, or there would be nothing to put null into.
    for place in sorted(optional, key=len, reverse=True):
        check(operation, changed(operation, [each for each in optional if each[:-1] == place[:-1]], None))


def named(operation: str, place: Place) -> bool:
    """Whether it is the name of a service, which no answer lacks."""
    around = on_model(read(operation, ENCODINGS["indented ASCII"](full(operation))), place[:-1])
    return place[-1] == "name" and isinstance(around, Service)


FORMS: list[tuple[Callable[[Schema], bool], tuple[Any, ...]]] = [
    (lambda schema: schema.get("format") == "date-time", TIMES),
    (lambda schema: schema.get("type") == "integer", INTEGERS),
    (
        lambda schema: schema.get("format") == "uuid",
        ("my-service", "", "A02BAF5A-A3E4-49A0-857B-8A08D276C1C0", "x" * 99),
    ),
    (lambda schema: "maxLength" in schema, ("", "x" * 100_000)),
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("form", range(len(FORMS)), ids=["times", "integers", "UUIDs", "lengths"])
def test_unusual_values(operation: str, form: int) -> None:
    """Times of every precision, great integers, UUIDs that are none, strings longer than documented: all are kept."""
    fits, values = FORMS[form]
    fitting = [place for place, schema in places_of(operation) if fits(schema)]
    for value in values if fitting else ():
        sent = changed(operation, fitting, value)
        check(operation, sent)
        found = read(operation, ENCODINGS["compact UTF-8"](sent))
        assert all(on_model(found, place) == value for place in fitting)


#: What the API has been seen to answer, or is known to be built on, beyond its document.
SEEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("get-dbaas-task", {"success": None, "result": ""}, {"success": None, "result": "", "result_codes": []}),
    ("get-dbaas-task", {"result-codes": None}, {"success": None, "result": None, "result_codes": []}),
    (
        "get-dbaas-service-logs",
        {"logs": None, "offset": "1631627040000000000", "first-log-offset": ""},
        {"logs": [], "offset": "1631627040000000000", "first_log_offset": ""},
    ),
    ("get-dbaas-service-logs", {"logs": [], "offset": None, "first-log-offset": None}, {"logs": [], "offset": None}),
    ("get-dbaas-service-logs", {"logs": [], "offset": 1631627040000000001}, {"offset": "1631627040000000001"}),
    ("get-dbaas-service-metrics", {"metrics": {}}, {"metrics": {}, "series": []}),
    ("get-dbaas-service-metrics", {"metrics": None}, {"metrics": None, "series": []}),
    (
        "get-dbaas-migration-status",
        {
            "status": "done",
            "method": "",
            "error": "Failed to run query on source db: 'connection refused'",
            "details": [],
        },
        {"status": "done", "method": "", "error": "Failed to run query on source db: 'connection refused'"},
    ),
    ("get-dbaas-migration-status", {"status": "waiting", "details": None}, {"status": "waiting", "details": []}),
    ("get-dbaas-migration-status", {"status": "running"}, {"status": "running", "details": [], "error": None}),
    (
        "create-dbaas-integration",
        {"id": "x", "state": "success"},
        {"state": "success", "reference": None, "reason": None},
    ),
    (
        "create-dbaas-service-valkey",
        {"state": "pending", "reference": {"id": "my-valkey", "link": None}, "reason": None, "message": None},
        {"state": "pending", "reference": Reference(id="my-valkey", link=None), "reason": None, "message": None},
    ),
    ("get-dbaas-service-pg", {"name": "db", "users": None, "databases": None}, {"users": [], "databases": []}),
    ("get-dbaas-service-pg", {"name": "db", "version": "17.5"}, {"version": "17.5", "state": None}),
    (
        "get-dbaas-external-integration",
        {"type": "datadog", "description": ""},
        {"integration_id": None, "status": None},
    ),
]


@pytest.mark.parametrize(("operation", "sent", "attributes"), SEEN, ids=[each[0] for each in SEEN])
def test_what_has_been_seen(operation: str, sent: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Nulls, empty texts and gaps that the API, or what it is built on, has been seen to answer with."""
    check(operation, sent)
    found = read(operation, json.dumps(sent).encode())
    assert {name: getattr(found, name) for name in attributes} == attributes


TEXTS = st.text(max_size=30)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def alike(schema: Schema) -> st.SearchStrategy[Any]:
    """Answers of a schema's shape, with any value of each type, gaps, nulls and fields that it does not know."""
    schema = resolve(schema)
    if "properties" in schema:
        known = {name: alike(inner) for name, inner in schema["properties"].items()}
        named = {name: known[name] for name in {"name"} & set(known)}
        shown = {name: st.none() | each for name, each in known.items() if name not in named}
        unknown = st.dictionaries(TEXTS.map("x-{}".format), ANYTHING, max_size=2)
        return st.builds(dict.__or__, st.fixed_dictionaries(named, optional=shown), unknown)
    kind = schema["type"]
    if kind == "object":
        return st.dictionaries(TEXTS, ANYTHING, max_size=3)
    if kind == "array":
        return st.lists(alike(schema["items"]), max_size=3)
    if kind == "string":
        return st.sampled_from(schema["enum"]) | TEXTS if "enum" in schema else TEXTS
    return {"boolean": st.booleans(), "integer": st.integers(), "number": NUMBERS}[kind]


#: One operation for each kind of answer.
KINDS = {json.dumps([documented_answer(each), call(each).answer.__name__]): each for each in OPERATIONS}.values()


@pytest.mark.parametrize("operation", KINDS)
def test_any_answer_of_the_documents_shape(operation: str) -> None:
    """Whatever has the shape of the document's answer is read, and keeps its content."""

    @given(alike(documented_answer(operation)))
    def holds(sent: Any) -> None:
        check(operation, sent)

    holds()
