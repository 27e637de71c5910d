"""Which calls of the API an operator or sensor may make: read off its code, without running it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

from airflow_dbaas import desired, engines, validation
from airflow_dbaas.api import endpoints

#: Where a task's own code is: beyond it are clients and hook, which know every call.
ROOMS = tuple(
    f"airflow_dbaas.{room}" for room in ("api.logs", "base", "desired", "operators", "sensors", "targets", "waits")
)
#: Where Airflow, or the base, enters a task.
ENTRIES = ("start", "wait", "get_openlineage_facets_on_complete")
TYPES = {*validation.SERVICE_TYPES, *desired.ENDPOINT_TYPES}
#: Calls that an engine has under a name of its own.
BY_ENGINE = {
    name: {call.__name__ for engine in engines.ENGINES if callable(call := getattr(engine, name))}
    for name in engines.Engine.__annotations__
}


def functions(kind: Any) -> set[FunctionType]:
    """The functions of the package that an operator's work may come to."""
    todo = [found for name in ENTRIES if (found := function(inspect.getattr_static(kind, name, None)))]
    if hasattr(kind, "wait_class"):
        todo += methods(kind.wait_class)
    seen: set[FunctionType] = set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        names = {name for code in codes(here.__code__) for name in code.co_names}
        # Some imports stand where they are used.
        scopes = [here.__globals__, *(vars(import_module(name)) for name in names if name.startswith(ROOMS))]
        for name in names:
            todo += [found for scope in scopes for found in methods(scope.get(name))]
            # What is asked of ``self``, and a method that is handed on.
            todo += filter(None, [function(inspect.getattr_static(kind, name, None))])
    return seen


def operations(kind: Any) -> set[str]:
    """The ids of the operations that an operator or sensor may ask for."""
    methods = set()
    for code in (code for here in functions(kind) for code in codes(here.__code__)):
        methods |= set(code.co_names) & set(endpoints.__all__)
        methods |= {call for name in code.co_names for call in BY_ENGINE.get(name, ())}
        for text in (constant for constant in code.co_consts if isinstance(constant, str)):
            # A name as a whole, or one that gets the type put behind it.
            methods |= {name for name in endpoints.__all__ if name in {text, *(f"{text}{kind}" for kind in TYPES)}}
    return {name.replace("_", "-") for name in methods}


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def methods(thing: object) -> list[FunctionType]:
    """A function, or all functions of a class, of the rooms."""
    if not inspect.isclass(thing):
        return [found for found in [function(thing)] if found]
    return [found for each in thing.__mro__ for attribute in vars(each).values() if (found := function(attribute))]


def function(thing: object) -> FunctionType | None:
    """The function behind a method, a property or a function of the rooms."""
    if isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    if isinstance(thing, property):
        thing = thing.fget
    if isinstance(thing, cached_property):
        thing = thing.func
    return thing if isinstance(thing, FunctionType) and thing.__module__.startswith(ROOMS) else None
