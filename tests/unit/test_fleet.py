"""The list of services to migrate: what it may say, where it comes from; and the table of what became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.config.fleet import SERVICES_SCHEMA, as_entry, read_services, sentence, table

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


def test_the_same_name_in_two_zones() -> None:
    """Services are told apart by name and zone."""
    assert len(read_services([entry(zone="at-vie-1"), entry(zone="ch-gva-2")], None, DEFAULTS)) == 2


def test_what_is_read_can_be_given_again() -> None:
    """As a list of entries, which the form takes, whatever the defaults are by then."""
    services = read_services([], str(EXAMPLE), DEFAULTS)
    entries = list(map(as_entry, services))
    jsonschema.validate(entries, SERVICES_SCHEMA)
    assert read_services(entries, None, {"plan": "business-8", "method": "dump", "zone": "de-fra-1"}) == services


@pytest.mark.parametrize("wrong", [{"service": 1}, entry(plan="huge"), entry(color="red")])
def test_the_form_refuses_the_same(wrong: dict[str, Any]) -> None:
    """The schema alone, which the form has, refuses what reading would."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([wrong], SERVICES_SCHEMA)
    with pytest.raises(DbaasConfigurationError):
        read_services([wrong], None, DEFAULTS)


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
    of_one_zone = [{"zone": "ch-gva-2", **row} for row in rows]
    assert list(table(of_one_zone)) == list(table(rows))
    assert next(table([*of_one_zone, {"service": "wiki", "zone": "ch-dk-2", "state": "migrated"}])).startswith(
        "service  zone      state"
    )


def test_an_error_in_a_sentence() -> None:
    """One line, not too long, no password."""
    words = sentence(ValueError("cannot reach\n  postgres://admin:s3cret@host/db " + "x" * 400))
    assert words.startswith("cannot reach postgres://admin:***@host/db x")
    assert len(words) == 300
    assert sentence(None) == ""
