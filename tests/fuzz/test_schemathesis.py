"""The emulator, asked for everything that Exoscale's document allows and for much that it does not."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.contract.document import DOCUMENTED
from tests.contract.operations import OPERATIONS
from tests.fuzz.schemathesis_run import run
from tests.integration.emulator.conftest import Api, source_of, uri_of
from tests.integration.emulator.witness import ENDPOINTS, TYPES

SEED = os.environ.get("FUZZ_SEED", "20261")
SECONDS = os.environ.get("FUZZ_SECONDS")
"""How long to go on; without it, a run of fixed size."""
BOUNDED = ["--max-examples", "2"]
RECORDS = ("valkey", "grafana", "opensearch", "thanos")
"""Types without a server: to be made and deleted at no cost."""
NOT_COVERED = {f"create-dbaas-service-{kind}" for kind in TYPES} | {f"update-dbaas-service-{kind}" for kind in RECORDS}
"""Left out of the coverage phase of a bounded run: two of three of its requests, for bodies of the same kind."""

PLACES = {"pg": "postgres"}


def prime(api: Api) -> dict[str, list[str]]:
    """Make one of everything; returns what it is called, by the place in a request where that belongs."""
    names = {kind: f"fuzz-{kind}-{secrets.token_hex(2)}" for kind in TYPES}
    for kind, name in names.items():
        if kind == "pg":
            api.service(name, **{"termination-protection": True})
        else:
            api.record(PLACES.get(kind, kind), name, **{"termination-protection": True})
    joined = {"integration-type": "logs", "source-service": names["pg"], "dest-service": names["opensearch"]}
    integrations = [api.done("POST", "/dbaas-integration", joined)]
    known = {
        "path.service-name": [*names.values()],
        "path.source-service-name": [*names.values()],
        "path.service": [*names.values()],
        "path.service-type-name": [*TYPES],
        "path.integration-type": ["logs", "metrics"],
        "path.source-type": [*TYPES],
        "path.dest-type": ["opensearch", "pg"],
        "path.username": ["avnadmin", "fuzzer", "postgres"],
        "path.database-name": ["defaultdb", "fuzzed", "postgres"],
        "body.plan": ["startup-4", "startup-8"],
        "body.username": ["fuzzer", "Fuzz"],
        "body.database-name": ["fuzzed"],
        "body.integration-type": ["logs", "metrics"],
        "body.source-service": [names["pg"], names["mysql"], names["grafana"]],
        "body.dest-service": [names["opensearch"], names["thanos"]],
        "create-dbaas-task-migration-check path.service": [names["pg"]],
        "get-dbaas-task path.service": [names["pg"]],
        "detach-dbaas-service-from-endpoint path.source-service-name": [names["pg"]],
    }
    attachments, endpoints = [], []
    for kind, settings in ENDPOINTS.items():
        subject = f"dbaas-external-endpoint-{kind}"
        made = [api.done("POST", f"/{subject}/fuzz{number}", {"settings": settings}) for number in range(3)]
        endpoints += made
        known |= {f"{verb}-{subject} path.endpoint-id": made for verb in ("get", "update")}
        known[f"delete-{subject} path.endpoint-id"] = made[2:]
        body = {"dest-endpoint-id": made[0], "type": kind}
        attachments.append(api.done("PUT", f"/dbaas-external-endpoint/{names['pg']}/attach", body))
    known |= {"path.integration-id": attachments, "body.integration-id": attachments}
    known["body.dest-endpoint-id"] = endpoints
    check = api.ok(
        "POST", f"/dbaas-task-migration-check/{names['pg']}", {"source-service-uri": "postgres://127.0.0.1:1"}
    )
    known["get-operation path.id"] = [check["id"]]
    known["get-dbaas-task path.id"] = [check["reference"]["id"]]
    known |= {f"{verb}-dbaas-integration path.id": integrations for verb in ("get", "update", "delete")}
    # One that is over: its source does not listen.
    api.ok("PUT", f"/dbaas-postgres/{names['pg']}", {"migration": {"host": "127.0.0.1", "port": 1}})
    for operation in OPERATIONS:
        path = DOCUMENTED[operation][1]
        kinds = [kind for kind in TYPES if path.startswith(f"/dbaas-{PLACES.get(kind, kind)}/")]
        if "{name}" in path and not operation.startswith("create-"):
            known[f"{operation} path.name"] = [names[kind] for kind in kinds or TYPES]
            if operation.startswith("delete-"):
                known[f"{operation} path.name"] += [api.record(kind) for kind in kinds or TYPES if kind in RECORDS]
        elif kinds and "{service-name}" in path:
            known[f"{operation} path.service-name"] = [names[kind] for kind in kinds]
    return known


@pytest.mark.extended
@pytest.mark.timeout(0 if SECONDS else 600)
def test_no_request_gets_an_answer_off_the_document(emulator, api, postgres_source, tmp_path: Path):
    """No 5xx, no unknown status, no body that the document does not know, and nothing wrong is accepted."""
    source = source_of(postgres_source)
    environment = {
        "FUZZ_URL": emulator.url,
        "FUZZ_KEY": emulator.key,
        "FUZZ_SECRET": emulator.secret,
        "FUZZ_SERVERS": "1000" if SECONDS else "3",
        "FUZZ_SOURCE_URI": uri_of(postgres_source),
        "FUZZ_SOURCE_PORT": str(source["port"]),
        "FUZZ_SOURCE_PASSWORD": source["password"],
    }
    limits = ["--max-time", SECONDS] if SECONDS else BOUNDED
    report = run(tmp_path, [*limits, "--seed", SEED], environment, prime(api), set() if SECONDS else NOT_COVERED)
    print(f"seed {SEED}: {report.cases()} requests; 200 from {len(report.succeeded())} operations")
    assert report.exit_code == 0, report.output
    assert "Traceback" not in emulator.log.read_text()
    if SECONDS is None:
        assert {operation for operation, _ in report.answers} == set(OPERATIONS)
        assert report.cases() > 3000
        assert len(report.succeeded()) > 70
