"""Random values for Hypothesis, made from a schema of the document: such as it takes, and some that it may not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.contract.cases import INT64, KINDS, UUID, breaks, sample
from tests.contract.judge import Schema, ecma

#: Half a surrogate pair is among the characters, too.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)
JUNK = st.one_of(
    st.sampled_from(KINDS),
    ANY_TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
        max_leaves=5,
    ),
)


@st.composite
def values(draw: st.DrawFn, schema: Schema, risk: int) -> Any:
    """A value that the schema takes; at each place, with one chance in ``risk``, anything at all (0: never)."""
    if risk and draw(st.integers(1, risk)) == risk:
        return draw(JUNK | st.sampled_from(tuple(breaks(schema))))
    if schema.get("nullable") and "enum" not in schema and draw(st.booleans()):
        return None
    if schema["type"] == "array":
        return draw(st.lists(values(schema["items"], risk), max_size=min(schema.get("maxItems", 4), 4)))
    if schema["type"] != "object":
        return draw(_plain(schema))
    properties = schema.get("properties")
    if properties is None:
        return draw(st.dictionaries(ANY_TEXT if risk else st.text(max_size=20), st.integers() | st.text(), max_size=3))
    chosen = draw(st.lists(st.sampled_from(sorted(properties)), unique=True, max_size=8)) if properties else []
    names = dict.fromkeys([*schema.get("required", []), *chosen])
    return {name: draw(values(properties[name], risk)) for name in names}


def _plain(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(int(schema.get("minimum", INT64[0])), int(schema.get("maximum", INT64[1])))
    if kind == "number":
        return st.floats(schema.get("minimum", -1e6), schema.get("maximum", 1e6))
    return _text(schema)


def _text(schema: Schema) -> st.SearchStrategy[str]:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 300)
    if schema.get("format") == "uuid":
        return st.uuids().map(str) | st.just(UUID)
    if "format" in schema and schema["format"] != "int64":
        return st.ip_addresses().map(str) | st.ip_addresses(network="2001:db8::/32").map("{}/64".format)
    if "pattern" not in schema:
        return st.text(min_size=shortest, max_size=longest)
    if longest < 40 or schema["pattern"].count("(") > 1:
        return st.just(sample(schema))
    return st.from_regex(ecma(schema["pattern"]), fullmatch=True).filter(lambda each: shortest <= len(each) <= longest)
