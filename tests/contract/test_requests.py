"""Requests against Exoscale's own OpenAPI document: what it accepts is sent as it is, what it refuses is not sent.

Both are checked for every operation, at every place of its path and body. The values are made from the document
(``cases`` one by one, ``strategies`` at random) and judged by the jsonschema library (``judge``). Exceptions stand in
``deviations``: with them, document and functions agree on every value.
"""

from __future__ import annotations

import inspect
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dbaas.api.calls import Call
from airflow_dbaas.api.errors import DbaasConfigurationError
from tests.contract import cases, strategies
from tests.contract.deviations import AS_GIVEN, DEVIATIONS, FORMS, LEFT_OUT, OTHERWISE, REFUSED, TYPE_ERROR, Deviation
from tests.contract.document import DOCUMENTED, WITH_BODY, documented_body, path_parameters
from tests.contract.judge import Schema, judge, plain
from tests.contract.operations import OPERATIONS, declared

Path = Mapping[str, Any]
Body = Mapping[str, Any]

#: How sentences of pydantic begin, none of which a user is to read.
PYDANTICS = re.compile("(Input|String|List|Dictionary|Tuple|Value|URL|UUID) (should|error)|Extra inputs|Field required")

COUNTS: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def counts() -> Iterator[None]:
    """``pytest -s`` shows how many requests were checked."""
    COUNTS.clear()
    yield
    print("", *(f"{kind}: {count}" for kind, count in sorted(COUNTS.items())), sep="\n")


@dataclass(frozen=True)
class Law:
    """What is a request of one operation."""

    path: Mapping[str, Schema]
    body: Schema | None
    judges: Mapping[str, Callable[[object], bool]]

    def takes(self, path: Path, body: Body | None) -> bool:
        return all(self.judges[name](value) for name, value in path.items()) and (
            self.body is None or self.judges[""](body)
        )


@cache
def law(operation: str, deviations: tuple[Deviation, ...] = ()) -> Law:
    """The document's own law of an operation, or that with exceptions."""
    changes = [each.change for each in deviations if each.change]
    path = {name: plain(raw, changes, f"{operation}{{{name}}}") for name, raw in path_parameters(operation).items()}
    body = plain(documented_body(operation), changes) if operation in WITH_BODY else None
    judges = {name: judge(schema) for name, schema in path.items()}
    return Law(path, body, {**judges, "": judge(body)} if body else judges)


def arguments(operation: str, path: Path, body: Body | None) -> dict[str, Any]:
    """The arguments of our function: names in snake case, below free-form settings as they are."""
    named = {name.replace("-", "_"): value for name, value in path.items()}
    for name, value in (body or {}).items():
        schema = law(operation, DEVIATIONS[:1]).body["properties"].get(name, {})
        assert name.replace("-", "_") not in named
        named[name.replace("-", "_")] = spelled(value, schema)
    return named


def spelled(value: Any, schema: Schema) -> Any:
    inner = schema.get("properties")
    if isinstance(value, dict) and inner is not None:
        return {name.replace("-", "_"): spelled(each, inner.get(name, {})) for name, each in value.items()}
    if isinstance(value, list) and "items" in schema:
        return [spelled(each, schema["items"]) for each in value]
    return value


def statement(operation: str) -> Any:
    return declared(operation).call


def usual(value: object, schema: Schema) -> object:
    """An id in its usual form; anything else as it is."""
    return str(uuid.UUID(value)) if schema.get("format") == "uuid" and isinstance(value, str) else value


def check_sent(call: Call[Any], operation: str, path: Path, body: Body | None) -> str:
    """The call is the document's request, with all that was given and nothing else; says whether it is as given."""
    own = law(operation)
    method, template, _ = DOCUMENTED[operation]
    assert (call.operation, call.method) == (operation, method)
    assert re.fullmatch(r"(/([A-Za-z0-9._~-]|%[0-9A-F]{2})+)+", call.path), call.path
    wanted_path = {name: usual(value, own.path[name]) for name, value in path.items()}
    segments = [unquote(part, errors="strict") for part in call.path.split("/")]
    assert segments == [wanted_path[part[1:-1]] if part.startswith("{") else part for part in template.split("/")]
    sent, wanted = None, None
    if own.body is None:
        assert call.body == b""
    else:
        properties = own.body["properties"]
        wanted = {
            name: usual(value, properties[name])
            for name, value in (body or {}).items()
            if (value is not None or properties[name].get("nullable")) and (operation, name, value) not in LEFT_OUT
        }
        sent = json.loads(call.body, object_pairs_hook=no_doubles)
        # As texts: to Python, 1, 1.0 and True are equal.
        assert json.dumps(sent, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    # Free-form settings aside, what goes out is to the letter of the document.
    assert law(operation, DEVIATIONS[:1]).takes(wanted_path, sent)
    return AS_GIVEN if (wanted_path, wanted) == (dict(path), body) else OTHERWISE


def no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def outcome(operation: str, path: Path, body: Body | None) -> tuple[str, str]:
    """What becomes of a request, and the error's text."""
    named = arguments(operation, path, body)
    try:
        inspect.signature(declared(operation)).bind(**named)
    except TypeError:
        return TYPE_ERROR, ""
    try:
        call = statement(operation)(**named)
    except DbaasConfigurationError as error:
        return REFUSED, str(error)
    return check_sent(call, operation, path, body), ""


def check(kind: str, operation: str, path: Path, body: Body | None) -> str:
    """Document, exceptions and function agree on a request; returns the error's text if it is refused."""
    takes = law(operation, DEVIATIONS).takes(path, body)
    became, text = outcome(operation, path, body)
    assert not PYDANTICS.search(text)
    assert takes == (became in {AS_GIVEN, OTHERWISE}), (became, text, path, body)
    COUNTS[f"{kind}, {'taken' if takes else 'refused'}"] += 1
    return text


@cache
def least(operation: str) -> tuple[dict[str, Any], Any]:
    """The least path and body of an operation."""
    own = law(operation, FORMS)
    return {name: cases.sample(each) for name, each in own.path.items()}, own.body and cases.least(own.body)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_minimal_and_full(operation: str) -> None:
    """What is required is enough, and everything at once is taken; both go out as they are."""
    own = law(operation, FORMS)
    path, body = least(operation)
    for kind, each in (("minimal", body), ("full", own.body and cases.full(own.body))):
        assert own.takes(path, each)
        assert outcome(operation, path, each)[0] == AS_GIVEN
        COUNTS[f"{kind}, taken"] += 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_boundaries(operation: str) -> None:
    """At each limit of each property and parameter, the value at the limit is taken and the one beyond refused."""
    own = law(operation, FORMS)
    path, usual_body = least(operation)
    for name, schema in own.path.items():
        for value, fits in cases.edges(schema):
            assert own.judges[name](value) == fits
            check("boundary of the path", operation, {**path, name: value}, usual_body)
    for place, schema in cases.places(own.body) if own.body else ():
        for value, fits in cases.edges(schema):
            body = cases.around(own.body, place, value)
            assert own.judges[""](body) == fits, place
            check("boundary of the body", operation, path, body)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if path_parameters(name)])
def test_broken_paths(operation: str) -> None:
    """What the document refuses in a path is refused, by the parameter's name; any other name stays one segment."""
    path, body = least(operation)
    for name, schema in law(operation).path.items():
        for value in (*cases.breaks(schema), *cases.NAMES):
            text = check("path", operation, {**path, name: value}, body)
            assert not text or text.startswith(f"{name.replace('-', '_')} must ")


@pytest.mark.parametrize("operation", WITH_BODY)
def test_broken_bodies(operation: str) -> None:
    """Whatever the document refuses, at any place of a body, is refused: by that place, and without any secret."""
    path, _ = least(operation)
    whole, kept = law(operation, FORMS).body, law(operation, (*DEVIATIONS[:1], *FORMS)).body
    for place, schema in cases.places(kept):
        for value in cases.breaks(schema):
            body = cases.around(whole, place, value)
            if not isinstance(body, dict):
                continue  # Arguments of a function are always an object.
            text = check("body", operation, path, body)
            if text:
                # The text spells the place as the arguments do, JSON as the API does.
                steps = "[.]".join(re.escape(str(step)).replace(r"\-", "[-_]") for step in place)
                assert re.match(rf"{operation}: (the body cannot be written as JSON: body\.)?{steps}", text)
                assert cases.CANARY not in text
                assert "got" not in text or place[-1:] not in {(name,) for name in cases.SECRETS}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_random(operation: str) -> None:
    """Document and functions agree on requests made up at random, valid ones and others."""
    own = law(operation, FORMS)
    parts = {name: strategies.values(schema, 6) for name, schema in own.path.items()}
    if not parts and own.body is None:
        return
    bodies = st.none() if own.body is None else st.one_of(*(strategies.values(own.body, risk) for risk in (0, 30)))

    @given(st.fixed_dictionaries(parts), bodies)
    def agree(path: Path, body: Body | None) -> None:
        if own.body is None or isinstance(body, dict):
            check("random", operation, path, body)

    agree()


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda each: f"{each.place}: {each.what}"[:60])
def test_exceptions_are_needed(deviation: Deviation) -> None:
    """Each exception is one: the document says otherwise, and without it the two would disagree on its example."""
    operation, path, body = deviation.example
    documents = AS_GIVEN if law(operation).takes(path, body) else REFUSED
    ours = outcome(operation, path, body)[0]
    assert documents != ours
    assert (documents, ours) == (deviation.document, deviation.ours)
    if deviation.change:
        others = tuple(each for each in DEVIATIONS if each is not deviation)
        assert law(operation, DEVIATIONS).takes(path, body) != law(operation, others).takes(path, body)


def test_formats() -> None:
    """The judge knows every format that the document gives to what may be sent."""

    def formats(schema: Schema) -> Iterator[str]:
        for _, each in cases.places(schema):
            if "format" in each:
                yield each["format"]

    found = {name for operation in OPERATIONS for part in schemas(operation) for name in formats(part)}
    assert found == {"uuid", "int64"}


def schemas(operation: str) -> list[Schema]:
    own = law(operation)
    return [*own.path.values(), *([own.body] if own.body else [])]
