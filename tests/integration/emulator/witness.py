"""Exoscale's own SDK, and a witness who holds every answer to Exoscale's document, without code of the emulator."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import requests
from exoscale.api.v2 import Client
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tests.conftest import RunningEmulator
from tests.contract.document import DOCUMENT, DOCUMENTED
from tests.contract.operations import OPERATIONS

TYPES = ("pg", "mysql", "valkey", "grafana", "opensearch", "thanos")
ENDPOINTS: dict[str, dict[str, Any]] = {
    "datadog": {"datadog-api-key": "abc", "site": "datadoghq.eu"},
    "elasticsearch": {"url": "https://e.example.com", "index-prefix": "mine"},
    "opensearch": {"url": "https://o.example.com", "index-prefix": "mine"},
    "prometheus": {"basic-auth-username": "scraper", "basic-auth-password": "a-password"},
    "rsyslog": {"server": "r.example.com", "port": 514, "tls": False, "format": "rfc3164"},
}
"""Settings of an endpoint of each type."""


class Witness:
    """Looks at every answer on its way to the SDK; an answer off the document raises ``AssertionError`` there."""

    def __init__(self, url: str) -> None:
        self._prefix = urlsplit(url).path
        self.answers: Counter[str] = Counter()
        """How many answers of each operation agreed with the document."""
        self.refusals: Counter[int] = Counter()
        """How many refusals there were, by status."""

    def __call__(self, response: requests.Response, **_: Any) -> None:
        """A hook for responses, as ``requests`` calls it."""
        body = response.json()
        assert response.headers["content-type"] == "application/json"
        if response.status_code != 200:
            assert 400 <= response.status_code < 500, response.text
            assert list(body) == ["message"]
            assert body["message"]
            assert isinstance(body["message"], str)
            self.refusals[response.status_code] += 1
            return
        assert response.request.method is not None
        operation = self.operation(response.request.method, urlsplit(response.request.url or "").path)
        schema = DOCUMENTED[operation][2]["responses"]["200"]["content"]["application/json"]["schema"]
        # References in the document are relative to its root, so its components stand there again.
        rooted = {"allOf": [schema], "components": DOCUMENT["components"]}
        found = list(OAS30Validator(rooted, format_checker=oas30_format_checker).iter_errors(body))
        assert not found, f"{operation}: {found}"
        self.answers[operation] += 1

    def operation(self, method: str, path: str) -> str:
        """Id of the operation that a request is for."""
        assert path.startswith(f"{self._prefix}/")
        found = [
            name
            for name in OPERATIONS
            if DOCUMENTED[name][0] == method
            and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", DOCUMENTED[name][1]), path.removeprefix(self._prefix))
        ]
        assert len(found) == 1, f"{method} {path}: {found}"
        return found[0]


def witnessed(emulator: RunningEmulator, **changes: str) -> tuple[Client, Witness]:
    """A client of the SDK and its witness; ``changes`` take the place of ``key`` and ``secret``."""
    credentials = {"key": emulator.key, "secret": emulator.secret} | changes
    client, witness = Client(**credentials, url=emulator.url), Witness(emulator.url)
    client.http_client.hooks["response"].append(witness)
    return client, witness
