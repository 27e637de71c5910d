"""Keeps secrets out of texts that come from elsewhere (the API's messages, drivers' errors)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"

# Up to the last @ before white space: an unescaped password may itself hold "@", ":" or "/".
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/?#@]*:)\S*@", re.IGNORECASE)
_KEYWORD = re.compile(r"""(password['"]?\s*[=:]\s*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,;)}]+)""", re.IGNORECASE)


def spellings(secret: str) -> set[str]:
    """The forms in which a secret may turn up in a text: as it is and URL-encoded in the usual ways."""
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without passwords: those in URIs and connection strings, and any of ``secrets``.

    :param text: a text from elsewhere.
    :param secrets: secrets known to be near, in plain.
    """
    text = _KEYWORD.sub(rf"\g<1>{MASK}", _USERINFO.sub(rf"\g<1>{MASK}@", text))
    forms = {form for secret in secrets if secret for form in spellings(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text
