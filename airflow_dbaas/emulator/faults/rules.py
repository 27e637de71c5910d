"""The rules: which fault, at which requests, how often; and the count of those that came."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.emulator.faults.kinds import KINDS
from airflow_dbaas.emulator.openapi_validator import Operation

logger = logging.getLogger(__name__)

_ALL = "*"
_METHODS = ("GET", "POST", "PUT", "DELETE")
_HOW_OFTEN = ("operation", "method", "name", "times", "probability", "after")


class BadRules(ValueError):
    """Rules that cannot be followed; the text says which and why."""


@dataclass(frozen=True)
class Request:
    """A request as seen by rules."""

    operation: Operation | None
    """None for a request that is for no operation of the API."""
    method: str
    names: Collection[str]
    """The names that it concerns: path parameters, or names and ids in its answer."""


@dataclass(kw_only=True)
class Rule:
    """One rule."""

    kind: str
    options: dict[str, Any]
    chance: random.Random = field(repr=False)
    operation: str = _ALL
    method: str | None = None
    name: str | None = None
    times: int | None = None
    """How many faults there are at most; None: any number."""
    probability: float = 1.0
    after: int = 0
    """How many matching requests are spared at first."""
    matched: int = 0
    fired: int = 0

    def matches(self, request: Request) -> bool:
        """Whether the rule matches this request."""
        if request.operation is None:
            about = self.operation == _ALL
        else:
            about = self.operation in {_ALL, request.operation.id} and KINDS[self.kind].strikes(request.operation)
        return about and self.method in {None, request.method} and (self.name is None or self.name in request.names)

    def fires(self) -> bool:
        """Whether a matching request is struck. Counts both."""
        if self.times is not None and self.fired >= self.times:
            return False
        self.matched += 1
        if self.matched <= self.after or self.chance.random() >= self.probability:
            return False
        self.fired += 1
        return True

    def view(self) -> dict[str, Any]:
        """The rule with its counts."""
        limits = {"method": self.method, "name": self.name, "times": self.times}
        return (
            {"kind": self.kind, "operation": self.operation}
            | {name: value for name, value in limits.items() if value is not None}
            | {"probability": self.probability, "after": self.after}
            | self.options
            | {"matched": self.matched, "fired": self.fired}
        )


class Faults:
    """The rules in force, the first that fires being the one that counts.

    :param operations: the operations that are served, by id.
    """

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations
        self._seed = 0
        self._rules: list[Rule] = []

    def replace(self, document: object) -> None:
        """Replace the rules in force with those of a document, and reset the counts.

        :param document: a ``seed`` and ``rules``.
        :raises BadRules: if one of them cannot be followed; those in force stay then.
        """
        if not isinstance(document, dict) or not document.keys() <= {"seed", "rules"}:
            raise BadRules("faults must be an object with 'rules', a list, and optionally 'seed', a whole number")
        seed, rules = document.get("seed", 0), document.get("rules")
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise BadRules(f"seed must be a whole number, got {seed!r}")
        if not isinstance(rules, list):
            raise BadRules("rules must be a list")
        self._rules = [self._parse(number, rule, seed) for number, rule in enumerate(rules, 1)]
        self._seed = seed

    def clear(self) -> None:
        """No faults any more."""
        self._rules = []

    def draw(self, kinds: Collection[str], request: Request) -> Rule | None:
        """The rule of one of these kinds that strikes the request."""
        for rule in self._rules:
            if rule.kind in kinds and rule.matches(request) and rule.fires():
                where = request.operation.id if request.operation else request.method
                logger.info("Fault %s at %s", rule.kind, where)
                return rule
        return None

    def view(self) -> dict[str, Any]:
        """Seed and rules, with how many requests each rule matched and how many faults it made."""
        return {"seed": self._seed, "rules": [rule.view() for rule in self._rules]}

    def _parse(self, number: int, rule: object, seed: int) -> Rule:
        place = f"rule {number}"
        if not isinstance(rule, dict):
            raise BadRules(f"{place}: must be an object, got {rule!r}")
        kind = rule.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise BadRules(f"{place}: unknown kind {kind!r}, known: {', '.join(KINDS)}")
        place = f"{place} ({kind})"
        options = KINDS[kind].options
        if unknown := [str(name) for name in rule if name not in {"kind", *_HOW_OFTEN, *options}]:
            known = ", ".join([*_HOW_OFTEN, *options])
            raise BadRules(f"{place}: unknown keys {', '.join(unknown)}, known: {known}")
        return Rule(
            kind=kind,
            options=_options(place, kind, rule),
            operation=self._operation(place, kind, rule.get("operation", _ALL)),
            # A generator of each rule's own: what one draws does not depend on the others.
            chance=random.Random(f"{seed}:{number}"),  # noqa: S311  (no secret is made of it)
            **_how_often(place, rule),
        )

    def _operation(self, place: str, kind: str, operation: object) -> str:
        if operation == _ALL:
            return _ALL
        if not isinstance(operation, str) or operation not in self._operations:
            raise BadRules(f"{place}: unknown operation {operation!r}: it must be the id of one that is served, or '*'")
        if not KINDS[kind].strikes(self._operations[operation]):
            raise BadRules(f"{place}: cannot apply to {operation}")
        return operation


def _options(place: str, kind: str, rule: dict[Any, Any]) -> dict[str, Any]:
    found = {}
    for name, option in KINDS[kind].options.items():
        value = rule.get(name, option.default)
        if name in rule and not option.allowed(value):
            raise BadRules(f"{place}: {name} must be {option.rule}, got {value!r}")
        if value is not None:
            found[name] = value
    return found


def _how_often(place: str, rule: dict[Any, Any]) -> dict[str, Any]:
    method, name, probability = rule.get("method"), rule.get("name"), rule.get("probability", 1.0)
    if "method" in rule and method not in _METHODS:
        raise BadRules(f"{place}: method must be one of {', '.join(_METHODS)}, got {method!r}")
    if "name" in rule and not isinstance(name, str):
        raise BadRules(f"{place}: name must be a text, got {name!r}")
    if not isinstance(probability, int | float) or isinstance(probability, bool) or not 0 <= probability <= 1:
        raise BadRules(f"{place}: probability must be a number from 0 to 1, got {probability!r}")
    # Once by default: permanent faults must be requested.
    times, after = rule.get("times", None if "probability" in rule else 1), rule.get("after", 0)
    for key, value, lowest in (("times", times, 1), ("after", after, 0)):
        if key in rule and (not isinstance(value, int) or isinstance(value, bool) or value < lowest):
            raise BadRules(f"{place}: {key} must be a whole number, {lowest} or more, got {value!r}")
    return {"method": method, "name": name, "probability": float(probability), "times": times, "after": after}
