"""Converts given values to the types of a body (see ``conversions``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from airflow_dbaas.api.conversions import as_boolean, as_integer, as_list, as_number, as_text, is_nothing

_SCALARS = {str: as_text, int: as_integer, float: as_number, bool: as_boolean}


def normalized(kind: Any, value: Any) -> Any:
    """``value`` with the types of ``kind`` at every level, where the meaning is clear.

    An optional property that is None, or a text that means None, is omitted.

    :param kind: a type that a body is made of: a ``TypedDict``, ``list[str]``, ``int``, …
    :param value: the given value.
    """
    kind, _ = _bare(kind)
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if NoneType in kinds:
        if is_nothing(value):
            return None
        kinds = tuple(each for each in kinds if each is not NoneType)
    kind, _ = _bare(kinds[0])
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    if get_origin(kind) is list:
        found = as_list(value)
        return [normalized(get_args(kind)[0], each) for each in found] if isinstance(found, list) else found
    if is_typeddict(kind):
        return _mapping(kind, value) if isinstance(value, Mapping) else value
    return _SCALARS[kind](value) if kind in _SCALARS else value


def _mapping(kind: Any, value: Mapping[Any, Any]) -> dict[Any, Any]:
    hints = _hints(kind)
    found = {}
    for name, item in value.items():
        snake = name.replace("-", "_") if isinstance(name, str) else name
        if snake in hints:
            if snake in kind.__optional_keys__ and _is_absent(hints[snake], item):
                continue
            item = normalized(hints[snake], item)  # noqa: PLW2901 - the same item, in its type
        found[name] = item
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _is_absent(hint: Any, value: object) -> bool:
    if not is_nothing(value):
        return False
    kind, limits = _bare(hint)
    if NoneType in get_args(kind):
        return False
    # A text may be empty unless its limits say otherwise.
    demands = (getattr(each, "has_form", False) or getattr(each, "min_length", 0) for each in limits)
    return value != "" or kind is not str or any(demands)


def _bare(hint: Any) -> tuple[Any, list[Any]]:
    """The innermost type of an annotation, and its limits."""
    limits: list[Any] = []
    while get_origin(hint) in (Annotated, Required, NotRequired):
        hint, *more = get_args(hint)
        for each in more:
            limits.extend(getattr(each, "metadata", [each]))
    return hint, limits
