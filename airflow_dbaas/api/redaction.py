"""Keeps secrets out of texts: the API's messages, drivers' errors, and what is shown of an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

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
        "password",
        "secret-key",
        "source-service-uri",
    }
)

# Up to the last @ before white space: an unescaped password may itself hold "@", ":" or "/".
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/?#@]*:)\S*@", re.IGNORECASE)
_KEYWORD = re.compile(r"""(password['"]?\s*[=:]\s*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,;)}]+)""", re.IGNORECASE)


def is_secret(name: object) -> bool:
    """Whether the property of that name, in kebab or snake case, holds a secret."""
    return isinstance(name, str) and name.replace("_", "-") in SECRETS


def spellings(secret: str) -> set[str]:
    """The forms in which a secret may turn up in a text: as it is, URL-encoded in the usual ways, and as in JSON."""
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}


def without_userinfo(text: str) -> str:
    """``text`` without the passwords of URIs in it."""
    return _USERINFO.sub(rf"\g<1>{MASK}@", text)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without passwords: those in URIs and connection strings, and any of ``secrets``.

    :param text: a text from elsewhere.
    :param secrets: secrets known to be near, in plain.
    """
    text = _KEYWORD.sub(rf"\g<1>{MASK}", without_userinfo(text))
    forms = {form for secret in secrets if secret for form in spellings(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


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
