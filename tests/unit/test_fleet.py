"""The list of services to migrate: what it may say, where it comes from; and the table of what became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.fleet import SERVICES_SCHEMA, read_services, sentence, table

DEFAULTS = {"plan": "startup-4", "method": "auto", "zone": None}
EXAMPLE = Path(__file__).parents[2] / "dags" / "dbaas_migrate_fleet.example.yaml"


def entry(**fields: Any) -> dict[str, Any]:
    return {"service": "orders", "source_conn_id": "legacy", **fields}


def test_an_entry_is_filled_up() -> None:
    """What an entry does not say comes from the defaults, what it says goes before them."""
    (first,) = read_services([entry(plan="business-8")], None, DEFAULTS)
    assert first == {
        "service_name": "orders",
        "source_conn_id": "legacy",
        "plan": "business-8",
        "method": "auto",
        "ignore_dbs": None,
        "zone": None,
    }


def test_the_example_file_is_right() -> None:
    """The file that comes with the DAG is one that it takes."""
    services = read_services([], str(EXAMPLE), DEFAULTS)
    assert [service["service_name"] for service in services] == ["orders", "wiki", "reports"]
    assert services[2]["zone"] == "at-vie-1"


def test_a_json_file(tmp_path: Path) -> None:
    """JSON is read as JSON, tabs and all."""
    file = tmp_path / "services.json"
    file.write_text(json.dumps([entry()], indent="\t"))
    assert [service["service_name"] for service in read_services([], str(file), DEFAULTS)] == ["orders"]


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ([entry(), entry(service="b", plan="huge")], r"services: \[1\]\.plan: 'huge' does not match"),
        ([{"service": "a"}], r"\[0\]: 'source_conn_id' is a required property"),
        ([entry(password="Tr0ub4dor")], r"\[0\]: .*'password' was unexpected.*; known are service, source_conn_id"),
        ([entry(service="")], r"\[0\]\.service: "),
        ([entry(service="x" * 64)], r"\[0\]\.service: .* is too long"),
        ([entry(zone="mars")], r"\[0\]\.zone: 'mars' is not one of"),
        ([entry(method="copy"), "b"], r"\[0\]\.method: .*; \[1\]: 'b' is not of type 'object'"),
        ([entry(), entry()], "more than once in the list: orders"),
        ({"service": "a"}, "the list: .* is not of type 'array'"),
    ],
)
def test_a_wrong_entry_is_named(services: Any, said: str) -> None:
    """The error names each entry and field that is wrong, and holds no secret."""
    with pytest.raises(DbaasConfigurationError, match=said) as caught:
        read_services(services, None, DEFAULTS)
    assert "Tr0ub4dor" not in str(caught.value)


def test_the_same_name_in_two_zones() -> None:
    """Services are told apart by name and zone."""
    assert len(read_services([entry(zone="at-vie-1"), entry(zone="ch-gva-2")], None, DEFAULTS)) == 2


@pytest.mark.parametrize("wrong", [{"service": 1}, entry(plan="huge"), entry(color="red")])
def test_the_form_refuses_the_same(wrong: dict[str, Any]) -> None:
    """The schema alone, which the form has, refuses what reading would."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([wrong], SERVICES_SCHEMA)
    with pytest.raises(DbaasConfigurationError):
        read_services([wrong], None, DEFAULTS)


@pytest.mark.parametrize(("services", "path", "said"), [([], None, "neither"), ([entry()], "/x.yaml", "both")])
def test_one_of_list_and_file(services: Any, path: str | None, said: str) -> None:
    """Exactly one of the two is to be given."""
    with pytest.raises(DbaasConfigurationError, match=f"either as a list or as a file, got {said}"):
        read_services(services, path, DEFAULTS)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.yaml", None, "cannot be read: .*No such file"),
        ("a.yaml", "- service: [", r"a\.yaml is not YAML: see line 1"),
        ("a.json", '[{"service": }]', r"a\.json is not JSON: see line 1"),
        ("a.yaml", "", r"a\.yaml: the list: None is not of type 'array'"),
        ("a.yaml", "[]", r"a\.yaml: the list is empty"),
        ("a.yaml", "- service: 5\n  source_conn_id: x", r"a\.yaml: \[0\]\.service: 5 is not of type 'string'"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    """The error names the file, and the line, or the entry and the field."""
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DbaasConfigurationError, match=said):
        read_services([], str(tmp_path / name), DEFAULTS)


def test_the_table_lines_up() -> None:
    """A heading and a line for each service; numbers can be read."""
    rows = [
        {"service": "orders", "state": "migrated", "databases": 2, "rows": 1234567, "seconds": 65, "error": None},
        {"service": "wiki", "state": "refused by the check", "error": "no login"},
    ]
    assert list(table(rows)) == [
        "service  state                 databases  rows       seconds  error",
        "orders   migrated              2          1,234,567  65       -",
        "wiki     refused by the check  -          -          -        no login",
    ]


def test_an_error_in_a_sentence() -> None:
    """One line, not too long, no password."""
    words = sentence(ValueError("cannot reach\n  postgres://admin:s3cret@host/db " + "x" * 400))
    assert words.startswith("cannot reach postgres://admin:***@host/db x")
    assert len(words) == 300
    assert sentence(None) == ""
