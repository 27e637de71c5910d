"""What a subject of the benchmarks states about itself; README.md beside this says how it is run."""

from __future__ import annotations

import enum
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

#: The subjects, each a module of this package, in the order of the table.
SUBJECTS = ("poll", "sharing", "triggerer", "delay", "workers", "call", "cold", "imports", "verify", "verify_mysql")

#: What one round of one case gives: by the key of a quantity its value, or None where the case has none.
Values = Mapping[str, float | None]


class Role(enum.Enum):
    """What a case is beside the others."""

    OURS = "ours"
    #: Another product for the same work.
    PEER = "peer"
    #: A library or a way by itself, without the work around it.
    PLAIN = "plain"
    #: What cannot be beaten.
    LIMIT = "limit"


@dataclass(frozen=True)
class Case:
    """One who does the work.

    :param name: name, as the command line takes it.
    :param title: who that is, as the table shows it.
    :param role: what it is beside the others.
    :param share: our goal for this case, as a share of the best peer's value, if not that of the quantity.
    """

    name: str
    title: str
    role: Role
    share: float | None = None


@dataclass(frozen=True)
class Quantity:
    """One thing that is measured; less is better.

    :param key: name among the values of a round.
    :param title: what it is, with its unit, as the table shows it.
    :param digits: digits behind the point.
    :param most: our goal, in the quantity's own unit.
    :param share: our goal, as a share of the best peer's value.
    """

    key: str
    title: str
    digits: int = 0
    most: float | None = None
    share: float | None = None


@dataclass(frozen=True)
class Subject:
    """What is measured, and on whom.

    :param title: what it is, as the table shows it.
    :param quantities: what each round gives.
    :param cases: who is measured.
    :param rounds: how many rounds there are; each runs every case once, in another order.
    :param fresh: whether each round has a new process, and no round before it that does not count.
    :param together: whether one process is all cases, one after the other, because getting ready takes long.
    :param pinned: whether the case has the first core for itself and the server another.
    """

    title: str
    quantities: tuple[Quantity, ...]
    cases: tuple[Case, ...]
    rounds: int = 5
    fresh: bool = False
    together: bool = False
    pinned: bool = True


class Module(Protocol):
    """A module that is a subject."""

    SUBJECT: Subject

    #: Called once in the process of a case, with the case's name and the URL of the local server; what it returns is
    #: called once for each round.
    prepare: Callable[[str, str], Callable[[], Values]]


def load(name: str) -> Module:
    """The module of a subject.

    :param name: one of ``SUBJECTS``.
    """
    return cast("Module", importlib.import_module(f"benchmarks.{name}"))
