"""Verifies EXO2-HMAC-SHA256 request signatures, independently of any client's signer.

Everything is taken as it was sent: the request target still percent-encoded, the body as raw bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

_SCHEME = "EXO2-HMAC-SHA256 "

MAX_AHEAD_SECONDS = 3600
"""A signature may expire at most this far in the future.

Exoscale's own clients sign for ten minutes and the service's limit is not documented; an hour forgives
a wrong clock and still shows up a client that signs for ever.
"""


@dataclass(frozen=True)
class Keys:
    """The API key and secret that requests have to be signed with."""

    key: str
    secret: str = field(repr=False)


def message(*, method: str, raw_path: bytes, query: bytes, signed_args: list[str], body: bytes, expires: str) -> bytes:
    """The bytes that are signed: five segments, one line each."""
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    signed = "".join(
        # A name given more than once is announced as signed but its values are not signed.
        values[name][0]
        for name in sorted(signed_args)
        if len(values.get(name, ())) == 1
    )
    headers = b""  # reserved by the scheme for signed headers, of which there are none
    return b"\n".join([method.encode() + b" " + raw_path, body, signed.encode(), headers, expires.encode()])


def sign(keys: Keys, signed: bytes) -> bytes:
    """The signature of ``signed``, before base64."""
    return hmac.new(keys.secret.encode(), signed, hashlib.sha256).digest()


def valid(
    keys: Keys,
    authorization: str | None,
    *,
    method: str,
    raw_path: bytes,
    query: bytes,
    body: bytes,
    now: Callable[[], float],
) -> bool:
    """Whether the request was signed with ``keys`` and the signature holds now."""
    parts = _parse(authorization)
    if parts is None or not hmac.compare_digest(parts["credential"].encode(), keys.key.encode()):
        return False
    expires = parts["expires"]
    if not re.fullmatch(r"[0-9]{1,12}", expires) or not 0 <= int(expires) - now() <= MAX_AHEAD_SECONDS:
        return False
    try:
        given = base64.b64decode(parts["signature"], validate=True)
    except (binascii.Error, ValueError):
        return False
    names = [name for name in parts.get("signed-query-args", "").split(";") if name]
    signed = message(method=method, raw_path=raw_path, query=query, signed_args=names, body=body, expires=expires)
    return hmac.compare_digest(given, sign(keys, signed))


def _parse(authorization: str | None) -> dict[str, str] | None:
    """Fields of the header, or None when it is absent, of another scheme or incomplete."""
    if authorization is None or not authorization.startswith(_SCHEME):
        return None
    fields = dict(part.strip().partition("=")[::2] for part in authorization[len(_SCHEME) :].split(","))
    return fields if {"credential", "expires", "signature"} <= fields.keys() else None
