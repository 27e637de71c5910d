"""What every wait is made of: the verdicts, and the wait itself."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dbaas.api.errors import DbaasError, DbaasNotFoundError

if TYPE_CHECKING:
    from airflow_dbaas.api.calls import Call

#: Seconds for which something just made may still be unknown to the API (404).
APPEARANCE_SECONDS = 60.0


@dataclass(frozen=True)
class Pending:
    """Not there yet.

    :param note: how far it is, in one line.
    :param details: the same in parts, each a line of the log, where there are several.
    :param progress: what changes all the time: it is told along with the rest, but is no news by itself.
    """

    note: str
    details: tuple[str, ...] = ()
    progress: str = ""


@dataclass(frozen=True)
class Done:
    """What was waited for is there. ``result`` is plain JSON, ``note`` says for the log how it ended."""

    result: dict[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Failed:
    """It has failed. With a grace period it may still recover: the failure counts only if it lasts that many seconds.

    With a grace period of 0 it has failed for good.
    """

    error: DbaasError
    grace_period: float = 0.0


Verdict = Pending | Done | Failed


@dataclass(frozen=True)
class Wait(ABC):
    """What to fetch and the verdict on it. Its fields are ids and choices only, never a secret."""

    kind: ClassVar[str]
    #: What its result has, whatever it waits for.
    keys: ClassVar[tuple[str, ...]]
    #: Whether the verdict on the same answer may be another one later.
    timed: ClassVar[bool] = False
    #: Whether it takes minutes, if it is not over at once: no worker waits for that, not even briefly.
    slow: ClassVar[bool] = False

    @abstractmethod
    def call(self) -> Call[Any]:
        """The request that shows how far it is."""

    @abstractmethod
    def verdict(self, answer: Any) -> Verdict:
        """The verdict on the answer to ``call``."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """What is waited for, in words."""

    def absent(self, error: DbaasNotFoundError) -> Verdict:
        """The verdict on a 404: it may have been made a moment ago."""
        return Failed(error, grace_period=APPEARANCE_SECONDS)

    @classmethod
    def nothing(cls, fields: Mapping[str, Any]) -> Done | None:  # noqa: ARG003 - those that override it use it
        """The end of the wait, if the task before had nothing to do and gave no id: there is nothing to wait for then.

        :param fields: the fields of the wait, perhaps templates still.
        :return: None if there is something to wait for.
        :raises DbaasConfigurationError: if the id is missing of something that there must be.
        """
        return None

    def serialize(self) -> dict[str, Any]:
        """Plain JSON from which ``restore`` makes the same wait in another process."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


def in_seconds(duration: float | str | timedelta) -> float:
    """A duration in seconds: of a number, of a number as text (what a template renders to), or of a timedelta."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


def outcome(verdict: Done | Failed) -> dict[str, Any]:
    """The result of a final verdict.

    :raises DbaasError: the verdict's error, if it is a failure.
    """
    if isinstance(verdict, Failed):
        raise verdict.error
    return verdict.result
