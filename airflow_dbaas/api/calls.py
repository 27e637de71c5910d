"""One request of an operation, ready to be signed and sent."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.parameters import ServiceName, canonical_uuid, limits_of
from airflow_dbaas.api.redaction import redact
from airflow_dbaas.api.retries import Resend

if TYPE_CHECKING:
    from airflow_dbaas.api.answer import Answer

AnswerT = TypeVar("AnswerT", bound="Answer")

NAME_LENGTH: int = limits_of(ServiceName).max_length
USERNAME_LENGTH = 64
SHOWN_LENGTH = 100
#: What no name holds: control characters, line separators, halves of surrogate pairs.
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


# Not a NamedTuple: error trackers walk a tuple that is a local variable, past its ``repr``.
@dataclass(frozen=True, slots=True, repr=False)
class Call(Generic[AnswerT]):
    """One request, ready to be signed and sent.

    :param operation: operation id of the API.
    :param method: HTTP method.
    :param path: percent-encoded path below the API's base URL.
    :param answer: model of the answer.
    :param body: JSON, or empty. Not part of ``repr``: it may hold a password.
    :param resend: whether it may be sent again when it is unknown if the API acted on it.
    :param services: names of the services that it is about. The clients check that they are in the requested zone.
    :param not_found: what a 404 may mean, for the error text.
    """

    operation: str
    method: str
    path: str
    answer: type[AnswerT]
    body: bytes = b""
    resend: Resend = Resend.ALWAYS
    services: tuple[str, ...] = ()
    not_found: str = ""

    def __repr__(self) -> str:
        return f"<Call {self}>"

    def __str__(self) -> str:
        return f"{self.operation} ({self.method} {self.path})"


def segment(parameter: str, value: str, *, longest: int | None = NAME_LENGTH) -> str:
    """A path segment from a free name: checked, and quoted so that it stays one segment.

    :param parameter: the parameter's name, for the error text.
    :param value: the name as the user gave it.
    :param longest: maximum length in characters; None for no limit.
    :raises DbaasConfigurationError: if it is empty, too long, ``.`` or ``..``, or contains control characters, line
        separators or half of a surrogate pair.
    """
    if not isinstance(value, str) or not value:
        length = "at least 1 character" if longest is None else f"1 to {longest} characters"
        raise DbaasConfigurationError(f"{parameter} must be a name of {length}, got {shown(value)}")
    if longest is not None and len(value) > longest:
        raise DbaasConfigurationError(
            f"{parameter} must have at most {longest} characters, got {len(value)}: {shown(value)}"
        )
    if value in {".", ".."} or _UNNAMEABLE.search(value):
        raise DbaasConfigurationError(f"{parameter} must be a name, got {shown(value)}")
    return quote(value, safe="")


def identifier(parameter: str, value: str) -> str:
    """A path segment from a UUID.

    :raises DbaasConfigurationError: if ``value`` is not a UUID.
    """
    found = canonical_uuid(value)
    if found is None:
        raise DbaasConfigurationError(f"{parameter} must be a UUID, got {shown(value)}")
    return found


def choice(parameter: str, value: Any, choices: Collection[str]) -> Any:
    """One of some words.

    :param parameter: the parameter's name, for the error text.
    :param value: what was given.
    :param choices: the words.
    :raises DbaasConfigurationError: if it is none of them.
    """
    if value not in choices:
        raise DbaasConfigurationError(f"{parameter} must be one of {', '.join(choices)}, got {shown(value)}")
    return value


def shown(value: object) -> str:
    """A value for an error text: no password in it, and no more than ``SHOWN_LENGTH`` characters.

    A container may contain a secret, so only its type is shown.
    """
    if not isinstance(value, str | int | float | None):
        return type(value).__name__
    try:
        text = redact(repr(value))
    except ValueError:  # Python does not write out integers of thousands of digits.
        return f"a very large {type(value).__name__}"
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 1]}…"
