"""Lists of integrations and endpoints that no service can have, given to the operator that reconciles them."""

from __future__ import annotations

from typing import Any

from tests.unit.bad_input.kinds import ID

ENDPOINTS = "datadog, elasticsearch, opensearch, prometheus, rsyslog"
LOGS = {"integration_type": "logs", "dest_service": "search"}
_OTHER = "must have either source_service or dest_service; the other end is db; got"
_WAYS = "must have either endpoint_id, or endpoint_name and endpoint_type; got"
_SECRET = "Tr0ub4dor&3/"

#: Entries and text.
INTEGRATIONS: list[tuple[Any, str]] = [
    ("x", "integrations must be a list of mappings, got str"),
    ({"a": 1}, "integrations must be a list of mappings, got dict"),
    ([LOGS, _SECRET], "integrations[1] must be a mapping, got str"),
    (
        [{**LOGS, "password": _SECRET}],
        "integrations[0] must not have password; known: dest_service, integration_type, settings, source_service",
    ),
    (
        [{"dest_service": "x"}],
        "integrations[0].integration_type must be one of datasource, logs, metrics, got None",
    ),
    (
        [{**LOGS, "integration_type": "read_replica"}],
        "integrations[0].integration_type must be one of datasource, logs, metrics, got 'read_replica'",
    ),
    ([{"integration_type": "logs"}], f"integrations[0] {_OTHER} neither"),
    ([{**LOGS, "source_service": "db"}], f"integrations[0] {_OTHER} source_service and dest_service"),
    ([{**LOGS, "dest_service": "db"}], "integrations[0]: dest_service must be another service than db"),
    (
        [{**LOGS, "dest_service": 7.5}],
        "integrations[0].dest_service must be a name of 1 to 63 characters, got 7.5",
    ),
    (
        [{**LOGS, "dest_service": "x" * 64}],
        f"integrations[0].dest_service must have at most 63 characters, got 64: '{'x' * 64}'",
    ),
    ([{**LOGS, "settings": ["a"]}], "integrations[0].settings must be a mapping of properties, got list"),
    (
        [{**LOGS, "settings": {"basic-auth-password": _SECRET}}],
        "integrations[0].settings: basic-auth-password must not be given here: it holds a secret",
    ),
    (
        [LOGS, {**LOGS, "integration_type": "metrics"}, LOGS],
        "integrations[2] is the same as integrations[0]: logs integration db → search",
    ),
    (
        [LOGS, {**LOGS, "settings": {"days": 3}}],
        "integrations[1] is the same as integrations[0]: logs integration db → search {'days': 3}",
    ),
]

ENDPOINT_LISTS: list[tuple[Any, str]] = [
    ({"endpoint_id": ID}, "endpoints must be a list of mappings, got dict"),
    ([7], "endpoints[0] must be a mapping, got int"),
    (
        [{"name": "x", "key": _SECRET}],
        "endpoints[0] must not have key, name; known: endpoint_id, endpoint_name, endpoint_type",
    ),
    ([{}], f"endpoints[0] {_WAYS} nothing"),
    ([{"endpoint_name": "x"}], f"endpoints[0] {_WAYS} endpoint_name"),
    (
        [{"endpoint_id": ID, "endpoint_type": "rsyslog"}],
        f"endpoints[0] {_WAYS} endpoint_id, endpoint_type",
    ),
    (
        [{"endpoint_name": "x", "endpoint_type": "syslog"}],
        f"endpoints[0].endpoint_type must be one of {ENDPOINTS}, got 'syslog'",
    ),
    ([{"endpoint_id": "17"}], "endpoints[0].endpoint_id must be a UUID, got '17'"),
    (
        [{"endpoint_name": ["x"], "endpoint_type": "rsyslog"}],
        "endpoints[0].endpoint_name must be a name of at least 1 character, got list",
    ),
    ([{"endpoint_id": ID}] * 2, f"endpoints[1] is the same as endpoints[0]: attachment db → endpoint {ID}"),
]
