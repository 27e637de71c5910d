"""Which calls of the API an operator or sensor may make: read off its code, without running it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

from airflow_dbaas.api import Client
from airflow_dbaas.migration import engines

#: Where a task's own code is: beyond it are clients and hook, which know every call.
ROOMS = tuple(
    f"airflow_dbaas.{room}"
    for room in (
        "api.logs",
        "config.desired_state",
        "migration.engines",
        "migration.target",
        "operators",
        "sensors",
        "waiting.conditions",
    )
)
#: Where Airflow, or the base, enters a task.
ENTRIES = ("perform", "wait", "get_openlineage_facets_on_complete")
#: Operations by the places at which the clients have them, and at which resources without a client do.
PLACES = {
    (*place.split("."),): operation.id
    for place, operation in Client("key", "secret", zone="ch-gva-2").every_operation()
}
CLASSES = {
    (operation.owner.__name__, operation.name): operation.id
    for _, operation in Client("key", "secret", zone="ch-gva-2").every_operation()
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
    found: set[str] = set()
    for here in functions(kind):
        if inspect.unwrap(here).__code__.co_filename.startswith("<"):
            continue  # what dataclasses generate
        tree = ast.parse(textwrap.dedent(inspect.getsource(here)))
        for chain in (names(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)):
            found |= {CLASSES[chain[at : at + 2]] for at in range(len(chain)) if chain[at : at + 2] in CLASSES}
            found |= {operation for place, operation in PLACES.items() if asks(chain, place)}
    return found


def names(node: ast.expr) -> tuple[str, ...]:
    """The names of a chain of attributes and calls: ``a.b(c).d`` is a, b, d."""
    if isinstance(node, ast.Attribute):
        return (*names(node.value), node.attr)
    if isinstance(node, ast.Call):
        return names(node.func)
    return (node.id,) if isinstance(node, ast.Name) else ()


def asks(chain: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """Whether a chain of names leads to an operation: by its place, for any type, or through an engine."""
    subject, *of, method = place
    ways = [place]
    if of:
        ways.append((subject, "of_type", method))
    if of and of[0] in {engine.service_type for engine in engines.ENGINES}:
        ways.append(("engine", subject, method))
    if method.startswith("stop_"):
        ways.append(("engine", "stop_migration"))
        if method.removeprefix("stop_") not in {engine.service_type for engine in engines.ENGINES}:
            ways = [place]
    return any(chain[at : at + len(way)] == way for way in ways for at in range(len(chain)))


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
