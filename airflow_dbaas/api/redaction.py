"""Removes secrets from texts of other origin: messages of the API, errors of drivers, and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "***"

#: Properties whose values never appear in a text, in the API's spelling; see ``is_secret``.
SECRETS = frozenset(
    {
        "admin-password",
        "basic-auth-password",
        "client-secret",
        "datadog-api-key",
        "email-sender-password",
        "key",
        # Where services that collect logs want their token in each line.
        "logline",
        "password",
        "sd",
        "secret-key",
        "source-service-uri",
    }
)

_QUOTED = tuple(f'"{form}"'.encode() for name in SECRETS for form in {name, name.replace("-", "_")})

# Up to the last @ before white space: an unescaped password may itself hold "@", ":" or "/".
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/?#@]*:)\S*@", re.IGNORECASE)
# On the web a name alone is a token, as in https://token@host; elsewhere it is a user's.
_TOKEN = re.compile(r"(\bhttps?://)[^\s/?#:]+@", re.IGNORECASE)
# The same, with the secret as their group.
_PASSWORD_IN_URI = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/?#@]*:(\S+)@", re.IGNORECASE)
_TOKEN_IN_URI = re.compile(r"\bhttps?://([^\s/?#:]+)@", re.IGNORECASE)
_KEYWORD = re.compile(r"""(password['"]?\s*[=:]\s*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,;)}]+)""", re.IGNORECASE)

#: Control characters, line separators, marks that change the text direction, and halves of surrogate pairs, which
#: cannot be logged.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Secret:
    """A text that shows as ``***``: in a traceback with its local variables, as error trackers send it, and in a log.

    Keep a secret in this type, and call ``reveal`` only in the expression that passes it on. A local variable with the
    text would be shown in full.

    :param text: the secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, text: str | Secret) -> Secret:
        """The secret that ``text`` is, if it is not one already."""
        return text if isinstance(text, Secret) else cls(text)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def is_secret(name: object) -> bool:
    """Whether the property of that name, in kebab or snake case, holds a secret."""
    return isinstance(name, str) and name.replace("_", "-") in SECRETS


def revealed(value: Any) -> Any:
    """A copy of plain data with the text of each ``Secret`` in its place; see there what not to do with it."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: revealed(item) for name, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value


def spellings(secret: str | Secret) -> set[str]:
    """The forms in which a secret may occur in a text: unchanged, URL-encoded in the usual ways, and as in JSON."""
    text = Secret.of(secret).reveal()
    return {text, quote(text), quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}


def may_hold_secrets(content: bytes) -> bool:
    """Whether JSON may contain what ``secrets_in`` searches for. Searching for words is faster than parsing
    everything."""
    return b"://" in content or any(name in content for name in _QUOTED)


def secrets_in(value: object) -> set[Secret]:
    """The secrets in plain data: values of secret properties, at every level, and the passwords of URIs.

    :param value: as read from JSON.
    """
    if isinstance(value, dict):
        inside = {Secret(item) for name, item in value.items() if is_secret(name) and isinstance(item, str) and item}
        return inside.union(*map(secrets_in, value.values()))
    if isinstance(value, list):
        return set[Secret]().union(*map(secrets_in, value))
    if not isinstance(value, str):
        return set()
    written = {found[1] for pattern in (_PASSWORD_IN_URI, _TOKEN_IN_URI) for found in pattern.finditer(value)}
    return {Secret(form) for text in written for form in (text, unquote(text))}


def without_userinfo(text: str) -> str:
    """``text`` without the passwords in URIs, and without tokens in place of a login."""
    return _TOKEN.sub(rf"\g<1>{MASK}@", _USERINFO.sub(rf"\g<1>{MASK}@", text))


def redact(text: str, secrets: Iterable[str | Secret] = ()) -> str:
    """``text`` without passwords: those in URIs and connection strings, and any of ``secrets``.

    :param text: a text from elsewhere.
    :param secrets: secrets known to be near.
    """
    text = _KEYWORD.sub(rf"\g<1>{MASK}", without_userinfo(text))
    forms = {form for secret in secrets if secret for form in spellings(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def one_line(text: str) -> str:
    """``text`` from elsewhere as one line of a log: what would end it or steer a terminal is written as in Python.

    So a name, or a text of the API or a server, cannot look like a separate line.
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def without_secrets(value: object) -> object:
    """A copy of plain data, for showing: the values of secret properties masked, at every level, and URIs redacted."""
    if isinstance(value, dict):
        return {
            name: MASK if is_secret(name) and item is not None else without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return redact(value) if isinstance(value, str) else value
