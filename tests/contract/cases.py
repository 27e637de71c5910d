"""Values made from a schema of the document, one by one and not by luck: at its edges, and such as break it.

The schemas are those of ``judge.plain``, without references.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.judge import Schema, judge

Place = tuple[str | int, ...]

INT64 = (-(2**63), 2**63 - 1)
UUID = "a02baf5a-a3e4-49a0-857b-8a08d276c1c0"
#: The values of properties that hold secrets: not to be found in any error text.
SECRETS = ("admin-password", "basic-auth-password", "datadog-api-key", "key", "password", "source-service-uri")
CANARY = "S3cretS3cretS3cret"

#: Something of every kind of JSON value, and what Python or a tired eye may take for another.
KINDS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53 + 1, *INT64, INT64[0] - 1, INT64[1] + 1, 10**400),
    *(1.0, 1.5, -0.5, 1e300, float(2**53)),
    *("", "0", "1", "1.0", "true", "null", "x", " ", "\x00", "\n", "é", "\u0663", "\ud800", "x" * 70_000),
    *([], [None], [1], ["x"], [[]], [{}], {}, {"": 1}, {"x-unknown": "x"}, {"\ud800": 1}),
)
#: What is put before, into and behind a text that has to match a pattern.
CHARACTERS = (*map(chr, range(128)), *"\x85\xa0é\u017f\u212a\u0663\u2028\ud800\U0001f600")
#: What a name in a path may hold and must stay one segment with, or is refused.
NAMES = (
    *(f"a{character}b" for character in CHARACTERS),
    ".",
    "..",
    "...",
    "../x",
    "a/../b",
    "/",
    "%2F",
    "%",
    "a?b#c=d&e",
)
#: Texts of a length that match one or other pattern of the document.
PATTERNS = (
    lambda n: "a" * n,
    lambda n: "A" * n,
    lambda n: "a/" + "a" * (n - 2),
    lambda n: "G-" + "a" * (n - 2),
    lambda n: "1" * (n - 1) + "s",
    lambda n: "a" * (n - 5) + "@a.aa",
    lambda n: UUID,
    lambda n: "a-" + "1" * (n - 2),
    lambda n: "1" * n,
    lambda n: "03:30:00",
    lambda n: "192.0.2.0/24",
)


def text(schema: Schema, length: int) -> str | None:
    """A text of that length that the schema takes, if it is of a pattern; None if there is none."""
    takes = judge({key: schema[key] for key in ("type", "pattern", "format") if key in schema})
    found = (make(length) for make in PATTERNS)
    return next((each for each in found if len(each) == length and takes(each)), None)


def sample(schema: Schema) -> Any:
    """The least value that a schema of no object takes."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"]
    if kind == "string":
        shortest = (text(schema, length) for length in range(schema.get("minLength", 1) or 1, 40))
        return next(each for each in shortest if each is not None)
    if kind == "array":
        return []
    # The document writes a whole number as 10.0 here and there.
    return {"boolean": True, "integer": int(schema.get("minimum", 0)), "number": schema.get("minimum", 0.5)}[kind]


def least(schema: Schema) -> Any:
    """What is required, and no more."""
    if schema["type"] != "object":
        return sample(schema)
    needed = schema.get("required", [])
    return {name: least(each) for name, each in schema.get("properties", {}).items() if name in needed}


def full(schema: Schema) -> Any:
    """Every property, at every level; two entries in every list."""
    if schema["type"] == "object":
        return {name: full(each) for name, each in schema.get("properties", {}).items()}
    return [full(schema["items"])] * 2 if schema["type"] == "array" else sample(schema)


def places(schema: Schema, place: Place = ()) -> Iterator[tuple[Place, Schema]]:
    """Every place that a body can have, the body itself first; in a list, its first entry."""
    yield place, schema
    for name, each in schema.get("properties", {}).items():
        yield from places(each, (*place, name))
    if "items" in schema:
        yield from places(schema["items"], (*place, 0))


def around(schema: Schema, place: Place, value: Any) -> Any:
    """The least body that has the value at the place, with all secrets that can stand beside the way there."""
    if not place:
        return value
    step, rest = place[0], place[1:]
    if isinstance(step, int):
        return [around(schema["items"], rest, value)]
    inner = schema["properties"]
    secrets = {name: CANARY for name in SECRETS if name in inner and "-settings" not in step}
    return {**least(schema), **secrets, step: around(inner[step], rest, value)}


def edges(schema: Schema) -> Iterator[tuple[Any, bool]]:
    """The values at and next to each limit, every value of a list of them, and whether the schema takes it."""
    kind = schema["type"]
    if schema.get("nullable"):
        yield None, "enum" not in schema
    if "enum" in schema:
        yield from ((value, True) for value in schema["enum"])
    elif kind == "string":
        yield from _lengths(schema)
    elif kind == "integer":
        lowest, highest = INT64 if schema.get("format") == "int64" else (None, None)
        for name, limit, way in (("minimum", lowest, 1), ("maximum", highest, -1)):
            if (found := schema.get(name, limit)) is not None:
                yield from ((int(found) + way * step, step >= 0) for step in (-1, 0, 1))
    elif kind == "array":
        entry, most = sample_or_full(schema["items"]), schema.get("maxItems")
        yield from (([entry] * count, True) for count in ((0, 1, 2) if most is None else (0, 1, most - 1, most)))
        if most is not None:
            yield [entry] * (most + 1), False
    elif kind == "boolean":
        yield from ((value, True) for value in (True, False))
    elif kind == "object":
        properties = schema.get("properties", {})
        yield from (({**least(schema), name: full(each)}, True) for name, each in properties.items())


def _lengths(schema: Schema) -> Iterator[tuple[str, bool]]:
    limits = [schema.get("minLength", 0), *([schema["maxLength"]] if "maxLength" in schema else [])]
    for length in sorted({limit + step for limit in limits for step in (-1, 0, 1)} - {-1}):
        fits = limits[0] <= length and (length <= limits[-1] or len(limits) == 1)
        if (found := text(schema, length)) is not None:
            yield found, fits
        if not {"pattern", "format"} & schema.keys():
            yield "\U0001f600" * length, fits


def sample_or_full(schema: Schema) -> Any:
    return full(schema) if schema["type"] == "object" else sample(schema)


def breaks(schema: Schema) -> Iterator[Any]:
    """What may break a schema in some way: most of it does."""
    yield from KINDS
    if schema["type"] == "object":
        whole = least(schema)
        yield from ({name: each for name, each in whole.items() if name != left_out} for left_out in whole)
        yield from ({**whole, name: CANARY} for name in ("x-unknown", "Password", "plan ", "x" * 300))
        yield str({"password": CANARY})
    elif schema["type"] == "array":
        entry = sample_or_full(schema["items"])
        yield from ([entry, wrong] for wrong in KINDS)
        yield from ({"0": entry}, entry)
    elif "enum" in schema:
        for value in schema["enum"]:
            yield from (value.upper(), value.capitalize(), f"{value}\n", f" {value}", value[:-1], [value])
    elif schema["type"] == "string":
        if schema.get("format") == "uuid":
            yield from (UUID.upper(), f"{{{UUID}}}", f"urn:uuid:{UUID}", UUID.replace("-", ""), f"{UUID}\n", f" {UUID}")
            yield from (
                UUID[:-1],
                f"{UUID}0",
                UUID.replace("a", "g"),
                f"1_{UUID[2:]}",
                f"+{UUID[1:]}",
                f"\u0663{UUID[1:]}",
            )
            yield from (f"{{{UUID}", f"{UUID}}}", UUID.replace("-", "", 1), UUID.replace("-", "_"))
        elif "pattern" in schema:
            good = text(schema, max(schema.get("minLength", 0), 8)) or sample(schema)
            for character in CHARACTERS:
                yield from (character + good, good[:4] + character + good[4:], good + character)
