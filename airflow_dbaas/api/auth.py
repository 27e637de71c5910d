"""Request signatures of Exoscale's API, scheme EXO2-HMAC-SHA256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Generator
from urllib.parse import parse_qs

import httpx

from airflow_dbaas.api.redaction import Secret

SCHEME = "EXO2-HMAC-SHA256"
VALIDITY_SECONDS = 600


def authorization(
    key: str, secret: str, *, method: str, target: str, body: bytes = b"", expires: int | None = None
) -> str:
    """The ``Authorization`` header of one request.

    :param key: API key.
    :param secret: API secret.
    :param method: HTTP method.
    :param target: path and query exactly as sent, percent-encoded, e.g. ``/v2/dbaas-service``.
    :param body: the exact bytes sent.
    :param expires: Unix time in seconds until which the signature holds; 600 s from now by default.
    """
    path, _, query = target.partition("?")
    # As Exoscale's own clients do: an argument without a value is not signed, and of one that occurs
    # several times only the name is.
    arguments = parse_qs(query)
    names = sorted(arguments)
    values = "".join(arguments[name][0] for name in names if len(arguments[name]) == 1)
    deadline = int(time.time()) + VALIDITY_SECONDS if expires is None else expires

    # The fourth segment is for signed headers, of which the scheme has none today.
    message = b"\n".join([f"{method.upper()} {path}".encode(), body, values.encode(), b"", str(deadline).encode()])
    signature = base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
    signed = f"signed-query-args={';'.join(names)}," if names else ""
    return f"{SCHEME} credential={key},{signed}expires={deadline},signature={signature}"


class Signature(httpx.Auth):
    """Signs each request when it is sent, path and body byte for byte. The signature is valid for ten minutes.

    :param key: API key.
    :param secret: API secret.
    """

    requires_request_body = True

    def __init__(self, key: str, secret: str | Secret) -> None:
        self._key = key
        self._secret = Secret.of(secret)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header ``Authorization``, see httpx."""
        request.headers["Authorization"] = authorization(
            self._key,
            self._secret.reveal(),
            method=request.method,
            target=request.url.raw_path.decode("ascii"),
            body=request.content,
        )
        yield request
