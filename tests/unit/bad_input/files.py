"""Bad files: the list of a fleet's migrations, and what services shall be linked to."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.bad_input.tasks import CANARY, ZONES

_SERVICE = {"service": "orders", "source_conn_id": "legacy"}
_LOGS = {"integration_type": "logs", "dest_service": "search"}
_FLEET_KEYS = "known: service, source_conn_id, plan, method, ignore_dbs, zone"
_TENFOLD = "\n".join(f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 10)}]" for level in range(1, 9))
_MANY = "it comes to more than 100000 values, aliases being counted each time"

#: Content of a file of either kind; what is said behind its path.
CONTENT: list[tuple[str | bytes, str]] = [
    (f"services:\n  db: [{CANARY}\n", " is not YAML: see line 3, column 1"),
    ("services:\n\tdb: {}\n", " is not YAML: see line 2, column 1"),
    ("services: *missing\n", " is not YAML: see line 1, column 11"),
    ("services: !!python/object/apply:os.system [id]\n", " is not YAML: see line 1, column 11"),
    ("services: {}\n---\nservices: {}\n", " is not YAML: see line 2, column 1"),
    ("services:\n  db\x00: {}\n", " is not YAML: see line 2, column 5 (a control character)"),
    ("services:\n  db: {}\n  wiki: {}\n  db: {}\n", ", line 4, column 3: 'db' is given twice in one mapping"),
    ("- 2026-13-45\n", ": a date or a number in it does not exist; put it in quotes if it is a text"),
    (f"x0: &x0 [1]\n{_TENFOLD}\n", f": {_MANY}"),
    ("services: &all [*all]\n", f": {_MANY}"),
    ("[" * 500, " is nested too deep"),
    (f"services: {{}}\npassword: {CANARY}\xff\n".encode("latin-1"), " cannot be read: line 2 is not UTF-8"),
    ("# x\n" * 300_000, " cannot be read: it has more than 1048576 bytes"),
]

#: The same of a file whose name ends in .json.
JSON: list[tuple[str, str]] = [
    (f'[{{"service": {CANARY}}}]', " is not JSON: see line 1, column 14"),
    ('{"services": {}, "services": {}}', ": 'services' is given twice in one mapping"),
    ("[NaN]", ": NaN is not a JSON value"),
    (f"[{'9' * 5000}]", ": a number has too many digits"),
    ("", " is not JSON: see line 1, column 1"),
]

#: Paths and what is said of them.
PATHS: list[tuple[str, str]] = [
    ("gone.yaml", "gone.yaml cannot be read: there is no such file"),
    (".", ". cannot be read: it is not a file"),
    ("/dev/zero", "/dev/zero cannot be read: it is not a file"),
    ("x" * 300, "x" * 300 + " cannot be read: File name too long"),
]

#: Content of a fleet's list, as data; what is said behind the file's path, or behind "services" for the form.
FLEET: list[tuple[Any, str]] = [
    ({"service": "a"}, ": must be a list of mappings, got dict"),
    ([_SERVICE, CANARY], ": [1] must be a mapping, got str"),
    ([{**_SERVICE, "password": CANARY}], f": [0] must not have password; {_FLEET_KEYS}"),
    ([{"service": "a"}], ": [0] must have source_conn_id"),
    ([{}], ": [0] must have service, source_conn_id"),
    ([{**_SERVICE, "service": ""}], ": [0].service must be a name of 1 to 63 characters, got ''"),
    ([{**_SERVICE, "service": 5.5}], ": [0].service must be a name of 1 to 63 characters, got 5.5"),
    (
        [{**_SERVICE, "service": "x" * 64}],
        f": [0].service must have at most 63 characters, got 64: '{'x' * 64}'",
    ),
    (
        [{**_SERVICE, "source_conn_id": {"host": "h", "password": CANARY}}],
        ": [0].source_conn_id must be the id of an Airflow connection, got dict",
    ),
    (
        [_SERVICE, {**_SERVICE, "service": "b", "plan": "huge"}],
        ": [1].plan must be a plan's name, such as startup-4 or business-8, got 'huge'",
    ),
    (
        [{**_SERVICE, "method": "copy", "zone": "mars"}, "b"],
        ": [0].method must be one of auto, dump, replication, got 'copy'; "
        f"[0].zone must be one of {ZONES}, got 'mars'; [1] must be a mapping, got str",
    ),
    (
        [{**_SERVICE, "ignore_dbs": [["a"]]}],
        ": [0].ignore_dbs must be names separated by commas, or a list of names, got list",
    ),
    ([_SERVICE, _SERVICE], ": more than once in the list: orders"),
    (
        [{**_SERVICE, "zone": "at-vie-1"}, {**_SERVICE, "zone": "at-vie-1"}],
        ": more than once in the list: orders in zone at-vie-1",
    ),
]
#: Only a file can be so: to the form it is as good as nothing.
EMPTY_FLEET = [
    (None, ": must be a list of mappings, got NoneType"),
    ([], ": the list is empty"),
]

_TOP = " must have services: a mapping of service names to their integrations and endpoints; got"

#: Content of a file of desired links, as data; what is said behind its path.
DESIRED: list[tuple[Any, str]] = [
    (None, f"{_TOP} NoneType"),
    ([], f"{_TOP} list"),
    ({"service": {}}, f"{_TOP} dict"),
    ({"services": [CANARY]}, f"{_TOP} services: list"),
    ({"services": {}, "service": {}}, ": must not have service; known: services, dry_run"),
    ({"services": {}, "dry_run": "yes please"}, ": dry_run must be true or false, got 'yes please'"),
    ({"services": {"db": None}}, ": services.db: must be a mapping, got NoneType"),
    (
        {"services": {"db": {"integrations": [_LOGS], "purge": True}}},
        ": services.db: must not have purge; known: integrations, endpoints, prune, zone",
    ),
    ({"services": {"db": {"prune": True}}}, ": services.db: give integrations, endpoints, or both; got neither"),
    (
        {"services": {"db": {"endpoints": [], "prune": "y"}}},
        ": services.db: prune must be true or false, got 'y'",
    ),
    (
        {"services": {"db": {"endpoints": [], "zone": "mars-1"}}},
        f": services.db: zone must be one of {ZONES}, got 'mars-1'",
    ),
    (
        {"services": {7.5: {"endpoints": []}}},
        ": services.7.5: the name must be a name of 1 to 63 characters, got 7.5",
    ),
    (
        {"services": {"db": {"integrations": [_LOGS, {**_LOGS, "integration_type": "log"}]}}},
        ": services.db: integrations[1].integration_type must be one of datasource, logs, metrics, got 'log'",
    ),
    (
        {"services": {"db": {"integrations": [{**_LOGS, "settings": {"password": CANARY}}]}}},
        ": services.db: integrations[0].settings: password must not be given here: it holds a secret",
    ),
    (
        {"services": {"db": {"endpoints": [{"endpoint_name": "siem"}]}}},
        ": services.db: endpoints[0] must have either endpoint_id, or endpoint_name and endpoint_type; "
        "got endpoint_name",
    ),
    (
        {"services": {"a": {}, "b": {"integrations": 7}}},
        ": services.a: give integrations, endpoints, or both; got neither; "
        "services.b: integrations must be a list of mappings, got int",
    ),
    (
        {"services": {"db": {"integrations": [_LOGS]}, "search": {"integrations": [], "prune": True}}},
        ": services.db wants the logs integration db → search, which services.search would delete (prune); add it "
        "there as well",
    ),
    (
        {
            "services": {
                "db": {"integrations": [_LOGS]},
                "search": {
                    "integrations": [
                        {"integration_type": "logs", "source_service": "db", "settings": {"days": 7}},
                    ]
                },
            }
        },
        ": services.db and services.search give different settings of the logs integration db → search",
    ),
]


def written(document: Any) -> str:
    """Data as the text of a file: JSON is YAML, but for keys that are no texts."""
    text = json.dumps(document)
    return text.replace('"7.5": ', "7.5: ")
