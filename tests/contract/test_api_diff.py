"""Exoscale's document against its snapshot, and how differences are told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.metadata import PathDistribution, distribution
from pathlib import Path
from typing import Any

import pytest

from tests.contract import api_diff
from tests.contract.document import DOCUMENT
from tests.contract.operations import OPERATIONS

SNAPSHOT: dict[str, Any] = json.loads(api_diff.kept().read_text())
Document = dict[str, Any]


def changed(change: Callable[[Document], Any]) -> list[str]:
    """The differences that a change of the document makes."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return api_diff.differences(api_diff.reduced(DOCUMENT, "1"), api_diff.reduced(document, "2"))


def operation(document: Document, name: str) -> Any:
    return next(
        each for methods in document["paths"].values() for each in methods.values() if each["operationId"] == name
    )


def body(document: Document, name: str) -> Any:
    return operation(document, name)["requestBody"]["content"]["application/json"]["schema"]


def schema(document: Document, name: str) -> Any:
    return document["components"]["schemas"][name]


def test_the_installed_document_is_that_of_the_snapshot() -> None:
    """What this package rests on is as it was when all else was last held against it."""
    installed = api_diff.packaged(distribution("exoscale"))
    lines = api_diff.differences(SNAPSHOT, installed)
    assert not lines, "\n".join(
        [
            f"exoscale {installed['exoscale']} differs from {SNAPSHOT['exoscale']}, with which this was last checked:",
            *lines,
            "If the package does right by all of these, make api-diff UPDATE=1 VERSION=… takes them over.",
        ]
    )


def test_the_snapshot_is_of_what_is_offered() -> None:
    """It holds every operation of the clients, the version it comes from, and what is left of DBaaS by name."""
    assert api_diff.kept().name == f"exoscale-{SNAPSHOT['exoscale']}.json"
    assert sorted(SNAPSHOT["operations"]) == sorted(OPERATIONS)
    assert not set(OPERATIONS) & set(SNAPSHOT["other-operations"])
    assert "create-dbaas-service-kafka" in SNAPSHOT["other-operations"]
    assert api_diff.kept().stat().st_size < 200_000


def test_prose_and_order_are_no_difference() -> None:
    """Descriptions, titles and the order of names say nothing to a program."""

    def reword(document: Document) -> None:
        schema(document, "operation")["description"] = "Other words"
        schema(document, "operation")["properties"]["state"]["enum"].reverse()
        body(document, "create-dbaas-integration")["required"].reverse()
        operation(document, "create-dbaas-integration")["summary"] = "Other words"
        document["info"]["version"] = "3"

    assert changed(reword) == []


def test_what_is_of_no_use_here_is_no_difference() -> None:
    """Neither is a change of schemas and operations that the clients do not have."""

    def elsewhere(document: Document) -> None:
        schema(document, "instance")["properties"]["new"] = {"type": "string"}
        del document["paths"]["/instance"]

    assert changed(elsewhere) == []


CHANGES: list[tuple[str, Callable[[Document], Any], list[str]]] = [
    (
        "limit",
        lambda d: body(d, "create-dbaas-service-pg")["properties"]["plan"].update(maxLength=64),
        ["create-dbaas-service-pg: body.plan: maxLength 128 → 64"],
    ),
    (
        "limit gone",
        lambda d: body(d, "create-dbaas-service-pg")["properties"]["plan"].pop("maxLength"),
        ["create-dbaas-service-pg: body.plan: maxLength 128 → none"],
    ),
    (
        "type",
        lambda d: body(d, "create-dbaas-service-pg")["properties"]["plan"].update(type="integer"),
        ["create-dbaas-service-pg: body.plan: type string → integer"],
    ),
    (
        "nullable",
        lambda d: body(d, "create-dbaas-service-pg")["properties"]["plan"].update(nullable=True),
        ["create-dbaas-service-pg: body.plan: nullable none → True"],
    ),
    (
        "required",
        lambda d: body(d, "create-dbaas-service-pg")["required"].append("version"),
        ["create-dbaas-service-pg: body: required: +version"],
    ),
    (
        "no longer required",
        lambda d: body(d, "create-dbaas-service-pg").pop("required"),
        ["create-dbaas-service-pg: body: required: -plan"],
    ),
    (
        "property added deep in a list of the answer",
        lambda d: schema(d, "dbaas-service-pg")["properties"]["users"]["items"]["properties"].update(
            foo={"type": "string"}
        ),
        ["get-dbaas-service-pg: answer.users[].foo: added (string)"],
    ),
    (
        "object added",
        lambda d: schema(d, "dbaas-task")["properties"].update(
            more={"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
        ),
        ["get-dbaas-task: answer.more: added (object of a, b)"],
    ),
    (
        "property removed",
        lambda d: schema(d, "dbaas-task")["properties"].pop("result-codes"),
        ["get-dbaas-task: answer.result-codes: removed (array)"],
    ),
    (
        "enumeration",
        lambda d: schema(d, "enum-migration-status").update(enum=["running", "syncing", "waiting", "done"]),
        ["get-dbaas-migration-status: answer.details[].status: enum: -failed, +waiting"],
    ),
    (
        "free-form object closed",
        lambda d: body(d, "create-dbaas-integration").update(additionalProperties=False),
        ["create-dbaas-integration: body: additionalProperties none → False"],
    ),
    (
        "parameter",
        lambda d: operation(d, "get-dbaas-task")["parameters"].append(
            {"in": "query", "name": "verbose", "schema": {"type": "boolean"}}
        ),
        ["get-dbaas-task: query.verbose: added (boolean)"],
    ),
    (
        "answer of another status",
        lambda d: operation(d, "get-dbaas-task")["responses"].update(
            {"404": {"content": {"application/json": {"schema": {"type": "object"}}}}}
        ),
        ["get-dbaas-task: answer 404: added (object)"],
    ),
    (
        "path",
        lambda d: d["paths"].update({"/dbaas-jobs/{service}/{id}": d["paths"].pop("/dbaas-task/{service}/{id}")}),
        ["get-dbaas-task: GET /dbaas-task/{service}/{id} → GET /dbaas-jobs/{service}/{id}"],
    ),
    (
        "operation removed",
        lambda d: d["paths"].pop("/dbaas-task/{service}/{id}"),
        ["operation: removed: get-dbaas-task"],
    ),
    (
        "operation added",
        lambda d: d["paths"].update({"/dbaas-oracle": {"get": {"operationId": "list-dbaas-oracles"}}}),
        ["operation not offered here: added: list-dbaas-oracles"],
    ),
    (
        "zones",
        lambda d: d["servers"][0]["variables"]["zone"].update(
            enum=[*SNAPSHOT["zones"][1:], "fr-par-1"],
        ),
        [f"zone: removed: {SNAPSHOT['zones'][0]}", "zone: added: fr-par-1"],
    ),
    (
        "server",
        lambda d: d["servers"][0].update(url="https://{zone}.example.com/v3"),
        [f"server: {SNAPSHOT['server']} → https://{{zone}}.example.com/v3"],
    ),
]


@pytest.mark.parametrize(("change", "lines"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_a_difference_is_told(change: Callable[[Document], Any], lines: list[str]) -> None:
    """Where it is, what was and what is now; once, and nothing besides."""
    assert sorted(changed(change)) == sorted(lines)


def test_what_operations_share_is_told_once() -> None:
    """A change of a schema that many answers have is one line, which names them all."""
    (line,) = changed(lambda d: schema(d, "operation")["properties"].update(progress={"type": "integer"}))
    first, _, others = line.partition(" (also ")
    assert first == "attach-dbaas-service-to-endpoint: answer.progress: added (integer)"
    assert "get-operation" in others
    assert len(others.split(", ")) > 40


def test_a_schema_that_holds_itself() -> None:
    """It is followed once round."""

    def tree(document: Document) -> None:
        inner = {"type": "array", "items": {"$ref": "#/components/schemas/dbaas-task"}}
        schema(document, "dbaas-task")["properties"]["parts"] = inner

    assert changed(tree) == ["get-dbaas-task: answer.parts: added (array)"]


def package(folder: Path, document: Document, version: str) -> Path:
    """A folder with a package ``exoscale`` that holds a document."""
    (folder / "exoscale").mkdir(parents=True)
    (folder / "exoscale" / "openapi.json").write_text(json.dumps(document))
    metadata = folder / f"exoscale-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: exoscale\nVersion: {version}\n")
    assert api_diff.packaged(PathDistribution(metadata.parent))["exoscale"] == version
    return folder


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It names both versions and tells the differences; then it ends with 1. An update takes them over."""
    monkeypatch.setattr(api_diff, "FOLDER", tmp_path / "kept")
    api_diff.FOLDER.mkdir()
    api_diff.write(SNAPSHOT)

    same = str(package(tmp_path / "same", DOCUMENT, "90.1"))
    assert api_diff.main([same]) == 0
    assert capsys.readouterr().out == f"exoscale {SNAPSHOT['exoscale']} (snapshot) → 90.1: no difference\n"

    document = copy.deepcopy(DOCUMENT)
    schema(document, "dbaas-task")["properties"]["foo"] = {"type": "string"}
    newer = str(package(tmp_path / "newer", document, "90.2"))
    told = f"exoscale {SNAPSHOT['exoscale']} (snapshot) → 90.2: 1 difference\n"
    told += "- get-dbaas-task: answer.foo: added (string)\n"
    assert api_diff.main([newer]) == 1
    assert capsys.readouterr().out == told
    assert api_diff.main([newer, "--update"]) == 0
    assert capsys.readouterr().out == told + "written: exoscale-90.2.json\n"
    assert [file.name for file in api_diff.FOLDER.iterdir()] == ["exoscale-90.2.json"]
    assert api_diff.main([newer]) == 0


def test_the_snapshot_is_written_as_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody edits it, and its lines are short enough to compare."""
    text = api_diff.kept().read_text()
    monkeypatch.setattr(api_diff, "FOLDER", tmp_path)
    assert api_diff.write(SNAPSHOT).read_text() == text
    assert max(map(len, text.splitlines())) < 300
