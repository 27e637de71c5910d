"""Request bodies: checked against the API's limits, then encoded as JSON.

A body is a ``TypedDict`` whose keys are the API's property names in snake case. ``encode`` refuses what the API would
refuse, with an error that names the property, the value (never a secret) and the limit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from airflow_dbaas.api.calls import shown
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.normalizing import normalized
from airflow_dbaas.api.redaction import is_secret, redact, revealed

#: Of every body: snake case here, the API's kebab case on the wire; nothing unknown, nothing converted.
STRICT = ConfigDict(
    alias_generator=lambda name: name.replace("_", "-"),
    populate_by_name=True,
    extra="forbid",
    strict=True,
    hide_input_in_errors=True,
)

#: The type of errors of our own checks, which bring their own message.
OWN = "airflow-dbaas"

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _nullable(kind: type) -> frozenset[str]:
    """The properties for which null is a valid value."""
    return frozenset(name for name, hint in get_type_hints(kind).items() if type(None) in get_args(hint))


def encode(operation: str, kind: type, fields: Mapping[str, object]) -> bytes:
    """The JSON body of ``operation``, once ``fields`` keep the API's limits.

    :param operation: operation id, for the error text.
    :param kind: the ``TypedDict`` that describes it.
    :param fields: values by snake-case property name; None leaves a property out, unless null is a value of it. Texts
        may be given as ``Secret``.
    :raises DbaasConfigurationError: if a value violates a limit, has a wrong type, is unknown to the API, or cannot be
        written as JSON.
    """
    given = {
        name: value for name, value in fields.items() if value is not None or name.replace("-", "_") in _nullable(kind)
    }
    body, problem = _written(kind, given)
    if problem:
        raise DbaasConfigurationError(f"{operation}: {problem}")
    return body


def _written(kind: type, given: Mapping[str, object]) -> tuple[bytes, str]:
    """The JSON, or the error.

    Nothing is raised here or out of here: this frame, those of pydantic and its error hold the secrets as text.
    """
    try:
        valid = _adapter(kind).validate_python(revealed(given))
        body = _adapter(kind).dump_python(valid, by_alias=True)
        _check_json(body, "body")
        return json.dumps(body, allow_nan=False).encode(), ""
    except ValidationError as error:
        return b"", "; ".join(_explain(kind, given, error))
    except RecursionError:
        return b"", "the body cannot be written as JSON: it is nested too deep"
    except (TypeError, ValueError) as error:
        return b"", f"the body cannot be written as JSON: {error}"


def fitted(
    kinds: Sequence[type],
    given: Mapping[str, Any],
    *,
    where: str,
    is_open: Callable[[object], bool],
    elsewhere: Collection[str] | None = (),
) -> dict[str, Any]:
    """Properties that a user gave, with the types that the API wants (see ``normalized``), once they keep its limits.

    :param kinds: the ``TypedDict`` classes of which they may be properties: several if it is not known yet which.
    :param given: values by name, in snake or kebab case.
    :param where: how the user calls them, for the error text.
    :param is_open: whether a value is not known yet, such as a template; those are not checked.
    :param elsewhere: required properties that come from elsewhere; None for any.
    :raises DbaasConfigurationError: with the error, spelled as by the user.
    """
    refusals = []
    for kind in kinds:
        values: dict[str, Any] = normalized(kind, given)
        kept = {name: value for name, value in values.items() if value is not None or snake(name) in _nullable(kind)}
        refused = _refused(kind, kept, is_open=is_open, elsewhere=elsewhere)
        if not refused:
            return values
        refusals.append(refused)
    # Of the type that knows most of the names.
    best = min(refusals, key=lambda each: (sum(_UNKNOWN in text for text in each), len(each)))
    raise DbaasConfigurationError(f"{where}: {'; '.join(best)}")


def _refused(
    kind: type, given: Mapping[str, Any], *, is_open: Callable[[object], bool], elsewhere: Collection[str] | None
) -> list[str]:
    """The error. Nothing is raised here, as in ``_written``."""
    try:
        _adapter(kind).validate_python(revealed(given))
    except ValidationError as error:
        return list(_explain(kind, given, error, is_open=is_open, elsewhere=elsewhere))
    return []


def _check_json(value: object, place: str) -> None:
    """Refuse what JSON cannot express or would change, such as a date or a number as a key from a YAML file.

    Such things can be in free-form settings only.
    """
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{place}: the key {shown(name)} is not a text")
            _check_json(name, f"{place}: a key")
            _check_json(item, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_json(item, f"{place}.{index}")
    elif isinstance(value, str):
        if _HALF_A_PAIR.search(value):
            raise ValueError(f"{place} contains half of a surrogate pair")
    elif value is not None and not isinstance(value, int | float):
        raise TypeError(f"{place} is a {type(value).__name__}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} is {value}")


_UNKNOWN = "unknown setting"

#: Messages by pydantic's type of error.
_SENTENCES = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of properties",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "json_invalid": "is not JSON",
    "missing": "must be given",
    "model_type": "must be a mapping of properties",
    "recursion_loop": "must not contain itself",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "string_unicode": "must be a text, without half of a surrogate pair",
}
_RENDERED = "a template gives a text, unless the DAG has render_template_as_native_obj=True"
_FRACTION = (
    "put it in quotes: a number loses trailing zeros, and with render_template_as_native_obj a template needs its "
    "own quotes, \"'{{ … }}'\""
)


def _explain(
    kind: type,
    given: Mapping[str, Any],
    error: ValidationError,
    *,
    is_open: Callable[[object], bool] = lambda _: False,
    elsewhere: Collection[str] | None = (),
) -> Iterator[str]:
    """The errors, as sentences that name the location as the user spelled it."""
    for problem in error.errors(include_url=False):
        *above, last = problem["loc"] or ("",)
        if any(is_open(value) for value in _on_the_way(given, problem["loc"])):
            continue
        missing = problem["type"] == "missing"
        if missing and not above and (elsewhere is None or snake(last) in elsewhere):
            continue
        if problem["type"] == "extra_forbidden":
            place = f"{'.'.join(map(str, above))}: " if above else ""
            yield place + _unknown(_kind_at(kind, above), _at(given, above), str(last))
            continue
        if missing:
            last = _spelled(last, given, _at(given, above))
        path = ".".join(map(str, (*above, last)))
        value = problem["input"]
        text = f"{path} {sentence(problem)}"
        # A mapping that was rendered to a text may also contain a secret.
        if not missing and problem["type"] != "dict_type" and not any(map(is_secret, problem["loc"])):
            text += _shown(value)
        hint = _hint(problem["type"], value)
        yield f"{text} ({hint})" if hint else text


def sentence(problem: Any) -> str:
    """The error of a value, in our own words.

    :param problem: one of the errors of a pydantic ``ValidationError``, with its context.
    """
    context = {name: str(value) for name, value in problem.get("ctx", {}).items()}
    if problem["type"] == "literal_error":
        *most, last = re.findall(r"'([^']*)'", context["expected"])
        context["expected"] = f"one of {', '.join(most)}, {last}" if most else last
    if problem["type"] == "string_too_short" and context["min_length"] != "1":
        return f"must have at least {context['min_length']} characters"
    if problem["type"] == OWN:
        return str(problem["msg"])
    return _SENTENCES.get(problem["type"], "cannot be used here").format(**context)


def _hint(problem: str, value: object) -> str:
    if problem in {"list_type", "dict_type"} and isinstance(value, str):
        return _RENDERED
    if problem in {"string_type", "literal_error"} and isinstance(value, float):
        return _FRACTION
    return ""


def _unknown(kind: Any, beside: Mapping[str, Any], name: str) -> str:
    """The sentence for an unknown property. It never shows the value, which may be a secret."""
    known = sorted(get_type_hints(kind))
    twin = next((each for each in beside if each != name and snake(each) == snake(name)), None)
    if twin is not None and snake(name) in known:
        return f"{twin} and {name} are the same setting, give one of them"
    kebab = "-" in name or ("_" not in name and any("-" in str(each) for each in beside))
    return did_you_mean(name, [each.replace("_", "-") for each in known] if kebab else known)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The sentence for a setting that is not known.

    :param name: as the user spelled it.
    :param known: the names that there are, in the spelling to show.
    """
    plain = {re.sub("[-_]", "", each).lower(): each for each in known}
    close = get_close_matches(re.sub("[-_]", "", name).lower(), plain, 1)
    text = f"{_UNKNOWN} {shown(name)}"
    if close:
        return f"{text}, did you mean {plain[close[0]]!r}?"
    return f"{text}; known: {', '.join(known)}" if known else f"{text}; there are none"


def snake(name: object) -> str:
    """A property's name in snake case."""
    return str(name).replace("-", "_")


def _on_the_way(given: Any, place: Sequence[str | int]) -> Iterator[object]:
    """The values at a place and above it."""
    for step in place:
        try:
            given = given[step]
        except (KeyError, IndexError, TypeError):
            return
        yield given


def _at(given: Any, place: Sequence[str | int]) -> Any:
    return [given, *_on_the_way(given, place)][-1]


def _kind_at(kind: Any, place: Sequence[str | int]) -> Any:
    """The type of the mapping at a place."""
    for step in place:
        kind = get_type_hints(kind)[snake(step)] if isinstance(step, str) else get_args(kind)[0]
    return kind


def _spelled(name: str | int, *mappings: Any) -> str:
    """A property that was not given, in the spelling of those that were."""
    kebab = any("-" in str(each) for mapping in mappings if isinstance(mapping, dict) for each in mapping)
    return str(name).replace("_", "-") if kebab else snake(name)


def _shown(value: object) -> str:
    # A container may contain a secret at any depth, and would not help in a one-line text anyway.
    if not isinstance(value, str | int | float | None):
        return ""
    text = redact(shown(value))
    return f", got {text}" if len(text) <= 80 else f", got {text[:77]}…"
