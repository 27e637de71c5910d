"""Bad connections: to the API, of a migration's source, and with the secrets of an external endpoint."""

from __future__ import annotations

import json
from typing import Any

from airflow_dbaas.operators.external_endpoints import DbaasCreateExternalEndpointOperator
from airflow_dbaas.operators.observability import DbaasServiceLogsOperator
from airflow_dbaas.operators.services import DbaasCaCertificateOperator
from airflow_dbaas.task_groups.cut_over import DbaasStopIfWantedOperator
from tests.unit.bad_input.tasks import CANARY, ZONES

_URL = "the API URL must look like https://host[:port]/v2, without credentials, got"
_JSON = 'extra must be a JSON object, such as {"zone": "ch-gva-2"}'

#: Fields of a connection of type exoscale that differ from a good one; what is said behind "connection 'c'".
API: list[tuple[dict[str, Any], str]] = [
    ({"conn_type": "postgres"}, " must be of type exoscale, is 'postgres'"),
    ({"login": None}, " lacks the API key (login)"),
    ({"login": f"EXO key {CANARY}"}, ": the API key must be printable ASCII without spaces or line breaks"),
    ({"login": f"{CANARY}\n"}, ": the API key (login) must not begin or end with white space"),
    ({"password": None}, " lacks the API secret (password)"),
    ({"password": f"{CANARY}\n"}, ": the API secret (password) must not begin or end with white space"),
    ({"extra": "{}"}, f" lacks a zone (extra: zone), one of {ZONES}"),
    ({"extra": f"zone={CANARY}"}, f": {_JSON}"),
    ({"extra": f'["{CANARY}"]'}, f": {_JSON}"),
    ({"zone": "mars-1"}, f": zone must be one of {ZONES}, got 'mars-1'"),
    ({"zone": {"password": CANARY}}, f": zone must be one of {ZONES}, got dict"),
    ({"timeout": "soon"}, ": timeout must be a number of seconds from 1 to 600, got 'soon'"),
    ({"timeout": 0}, ": timeout must be a number of seconds from 1 to 600, got 0"),
    ({"timeout": 601}, ": timeout must be a number of seconds from 1 to 600, got 601"),
    ({"timeout": [30]}, ": timeout must be a number of seconds from 1 to 600, got list"),
    ({"ca_file": 7}, ": ca_file must be a text, got 7"),
    ({"ca_file": "/nowhere/ca.pem"}, ": ca_file '/nowhere/ca.pem' cannot be used: [Errno 2] No such file or directory"),
    ({"organization": ["acme"]}, ": organization must be a text, got list"),
    ({"allow_http": "perhaps"}, ": allow_http must be true or false, got 'perhaps'"),
    (
        {"host": "http://api.example.com/v2"},
        ": the API URL 'http://api.example.com/v2' leads to another machine without encryption, so passwords could "
        "be intercepted: use https://, or set allow_http to true (in the extra of an Airflow "
        'connection: {"allow_http": true})',
    ),
    ({"host": "ftp://api.example.com/v2"}, f": {_URL} 'ftp://api.example.com/v2'"),
    ({"host": f"https://u:{CANARY}@api.example.com/v2"}, f": {_URL} 'https://u:***@api.example.com/v2'"),
    ({"host": "api example com"}, f": {_URL} 'https://api example com/v2'"),
    (
        {"host": "api.example.com", "port": 70000},
        ": the API URL 'https://api.example.com:70000/v2' cannot be used: a port is 1 to 65535",
    ),
    ({"host": "api.example.com", "schema": "htp"}, ": schema must be http or https, got 'htp'"),
]

_HOST = "host must be a name or an address, e.g. db.example.com, is"

#: Fields of a connection of type postgres that differ from a good one; what is said behind its name.
SOURCE: list[tuple[dict[str, Any], str]] = [
    ({"conn_type": "mssql"}, " must be of type postgres or mysql, is 'mssql'"),
    ({"host": ""}, " lacks host"),
    ({"host": "h" * 256}, ": host must have at most 255 characters, has 256"),
    ({"host": f"postgres://u:{CANARY}@db/x"}, f": {_HOST} 'postgres://u:***@db/x'"),
    ({"host": "/var/run/postgresql"}, f": {_HOST} '/var/run/postgresql'"),
    ({"host": "one.example.com,two.example.com"}, f": {_HOST} 'one.example.com,two.example.com'"),
    ({"login": None, "password": None}, " lacks login, password"),
    ({"login": "u" * 256}, ": login must have at most 255 characters, has 256"),
    ({"port": 70000}, ": port must be 1 to 65535, is 70000"),
    ({"port": -1}, ": port must be 1 to 65535, is -1"),
    ({"password": CANARY * 30}, ": password must have at most 255 characters, has 420"),
    (
        {"password": CANARY + "é" * 90},
        ": written as a URI it must have at most 512 characters, has 628",
    ),
    ({"schema": "s" * 64}, ": schema must have at most 63 characters, has 64"),
    (
        {"conn_type": "mysql", "password": CANARY + "é" * 9},
        ": for a migration from MySQL the password must have at most 32 bytes, has 33",
    ),
    (
        {"extra": json.dumps({"sslmode": "on"})},
        ": sslmode in its extra must be one of disable, allow, prefer, require, verify-ca, verify-full, is 'on'",
    ),
    (
        {"conn_type": "mysql", "extra": json.dumps({"ssl_mode": True})},
        ": ssl_mode in its extra must be one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY, is True",
    ),
    ({"extra": f"sslmode={CANARY}"}, f": {_JSON}"),
]

_ENDPOINT = {"endpoint_name": "e", "secrets_conn_id": "secrets"}
_WITH = "settings, with those of connection 'secrets'"

#: What only the running task can tell: operator, arguments, fields of the connection "secrets", text.
RUNNING: list[tuple[Any, dict[str, Any], dict[str, Any], str]] = [
    (
        DbaasCreateExternalEndpointOperator,
        {"endpoint_type": "datadog", "endpoint_name": "e", "settings": {"site": "datadoghq.eu"}},
        {},
        "secrets_conn_id is needed for a datadog endpoint: the password of that connection is the API key",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {"endpoint_type": "rsyslog", "endpoint_name": "e", "secrets_conn_id": "nowhere"},
        {},
        "secrets_conn_id: there is no Airflow connection 'nowhere'",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "rsyslog"},
        {"extra": f"key={CANARY}"},
        f"secrets_conn_id: connection 'secrets': {_JSON}",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "datadog", "settings": {"site": "datadoghq.eu"}},
        {"password": CANARY},
        f"{_WITH}: datadog_api_key must match ^[A-Za-z0-9]{{1,256}}$",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "datadog", "settings": {"site": "datadoghq.eu"}},
        {},
        f"{_WITH}: datadog_api_key must be given",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "prometheus"},
        {"login": "x", "password": CANARY},
        f"{_WITH}: basic_auth_username must have at least 5 characters, got 'x'",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "prometheus"},
        {"login": "scraper", "password": "short"},
        f"{_WITH}: basic_auth_password must have at least 8 characters",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "rsyslog", "settings": {"tls": True, "format": "rfc5424"}},
        {"host": "siem", "port": 99999, "extra": json.dumps({"key": CANARY})},
        f"{_WITH}: port must be at most 65535, got 99999",
    ),
    (
        DbaasCreateExternalEndpointOperator,
        {**_ENDPOINT, "endpoint_type": "opensearch", "settings": {"index_prefix": "db"}},
        {"host": "h", "login": "u", "password": CANARY * 150},
        f"{_WITH}: url must have at most 2048 characters, got 'https://u:***@h'",
    ),
    (
        DbaasCaCertificateOperator,
        {"path": "gopher://host/ca.pem"},
        {},
        "path 'gopher://host/ca.pem' cannot be used: Unsupported filesystem: 'gopher'",
    ),
    (
        DbaasServiceLogsOperator,
        {"service_name": "db", "path": "gopher://host/db.jsonl"},
        {},
        "path 'gopher://host/db.jsonl' cannot be used: Unsupported filesystem: 'gopher'",
    ),
    (
        DbaasStopIfWantedOperator,
        {"service_name": "db", "source_conn_id": "legacy", "wanted": "perhaps", "after_task_id": "wait"},
        {},
        "stop must be true or false, got 'perhaps'",
    ),
]
