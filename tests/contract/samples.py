"""Answers made from Exoscale's document, as samples with changes here and there, and how the clients read them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from airflow_dbaas.api import answers
from airflow_dbaas.api.calls import Call
from tests.contract.document import documented_answer, resolve
from tests.contract.operations import declared

Schema = dict[str, Any]
#: Where a value stands in an answer: names of properties, and positions in lists.
Place = tuple[str | int, ...]

ENCODINGS: dict[str, Callable[[Any], bytes]] = {
    "compact UTF-8": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
    "indented ASCII": lambda value: json.dumps(value, indent=2).encode(),
}


def call(operation: str) -> Call[Any]:
    return Call(operation, "GET", "/", declared(operation).answer)


def read(operation: str, content: bytes) -> BaseModel:
    """An answer, the way the clients read it."""
    headers = {"content-type": "application/json"}
    found: BaseModel = answers.read(call(operation), answers.Reply(200, "OK", headers, content))
    return found


def kept(found: Any, sent: Any) -> bool:
    """Whether what was read holds what was sent, in its order.

    A null list is an empty one, and a number may be its text.
    """
    if isinstance(sent, dict) and isinstance(found, dict):
        return found.keys() == sent.keys() and all(kept(found[name], value) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(found, list):
        return len(found) == len(sent) and all(map(kept, found, sent))
    if sent is None:
        return found is None or found == []
    return bool(found == sent or (isinstance(found, str) and found == str(sent)))


def check(operation: str, sent: Any, *, encodings: Iterable[str] = ENCODINGS) -> None:
    """The answer is read, and what is shown of it is what was sent."""
    for encoding in encodings:
        found = read(operation, ENCODINGS[encoding](sent)).model_dump(by_alias=True, exclude_unset=True)
        assert kept(found, sent), f"{encoding}: {sent} was read as {found}"


def sample(schema: Schema, turn: Iterator[int], *, full: bool) -> Any:
    """A value that the schema allows, no two alike where that can be.

    :param full: with all properties, and two items in each list; else only those that are required.
    """
    schema = resolve(schema)
    if "enum" in schema:
        return schema["enum"][next(turn) % len(schema["enum"])]
    kind = schema["type"]
    if kind == "object":
        names = schema.get("properties", {}) if full else schema.get("required", [])
        shown = {name: sample(schema["properties"][name], turn, full=full) for name in names}
        # Without properties it is free-form.
        return shown or ({"free": {"form": next(turn)}} if full else {})
    if kind == "array":
        return [sample(schema["items"], turn, full=full) for _ in range(2)] if full else []
    if kind == "string":
        return text(schema, next(turn))
    return next(turn) % 2 == 0 if kind == "boolean" else next(turn)


def text(schema: Schema, turn: int) -> str:
    if schema.get("format") == "uuid":
        return f"a02baf5a-a3e4-49a0-857b-{turn:012x}"
    return "2026-11-22T23:59:59.1Z" if schema.get("format") == "date-time" else f"sämple {turn} \n\u2028\U0001f600"


def full(operation: str) -> Any:
    return sample(documented_answer(operation), itertools.count(1), full=True)


def places(schema: Schema, value: Any, place: Place = ()) -> Iterator[tuple[Place, Schema]]:
    """Every value of a sample: where it stands, and its schema."""
    schema = resolve(schema)
    yield place, schema
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from places(schema["items"], item, (*place, position))
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            yield from places(inner, value[name], (*place, name))


def places_of(operation: str) -> list[tuple[Place, Schema]]:
    return list(places(documented_answer(operation), full(operation)))


def in_first_items(place: Place) -> bool:
    """Whether it is in the first item of every list: the second is another of the same."""
    return 1 not in place


def at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def changed(operation: str, places: list[Place], change: Any) -> Any:
    """The full sample with some of its values replaced."""
    answer = full(operation)
    for place in places:
        at(answer, place[:-1])[place[-1]] = change
    return answer


def on_model(answer: Any, place: Place) -> Any:
    """What stands at a place, by the attributes of the models."""
    for step in place:
        if isinstance(answer, BaseModel):
            (name,) = [name for name, field in type(answer).model_fields.items() if field.alias == step]
            answer = getattr(answer, name)
        else:
            answer = answer[step]
    return answer
