"""The file that says which integrations and endpoints services shall have: what it gives, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.config.desired_services import read_desired

EXAMPLE = Path(__file__).parents[2] / "dags" / "dbaas_reconcile_integrations.yaml"
LOGS = {"integration_type": "logs", "dest_service": "search"}


def read(tmp_path: Path, document: Any, **options: bool) -> list[dict[str, Any]]:
    file = tmp_path / "desired.yaml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return read_desired(file, **options)


def test_the_example_file_is_right() -> None:
    """The file that comes with the DAG is one that it takes, and it changes nothing as it is."""
    services = {service["service_name"]: service for service in read_desired(EXAMPLE)}
    assert list(services) == ["orders", "dashboards"]
    assert all(service["dry_run"] for service in services.values())
    assert [service["prune"] for service in services.values()] == [False, True]
    assert services["orders"]["endpoints"] == [{"endpoint_name": "operations", "endpoint_type": "rsyslog"}]


def test_what_a_service_does_not_say(tmp_path: Path) -> None:
    """Lists that are left out are left alone; nothing is pruned, all is applied."""
    assert read(tmp_path, {"services": {"db": {"integrations": [LOGS]}}}) == [
        {
            "service_name": "db",
            "integrations": [LOGS],
            "endpoints": None,
            "zone": None,
            "dry_run": False,
            "prune": False,
        }
    ]
    (both,) = read(tmp_path, {"services": {"db": {"endpoints": []}}}, dry_run=True, prune=True)
    assert (both["integrations"], both["endpoints"], both["dry_run"], both["prune"]) == (None, [], True, True)


def test_services_must_not_contradict_each_other(tmp_path: Path) -> None:
    """What one wants and the other would delete, or have with other settings, would change in every run."""
    db = {"integrations": [LOGS]}
    pruned = {"db": db, "search": {"integrations": [], "prune": True}}
    with pytest.raises(
        DbaasConfigurationError, match=r"services\.db wants the logs .* which services\.search would delete \(prune\)"
    ):
        read(tmp_path, {"services": pruned})
    kept = {"db": db, "search": {"integrations": []}}
    assert len(read(tmp_path, {"services": kept})) == 2
    with pytest.raises(DbaasConfigurationError, match=r"services\.search would delete"):
        read(tmp_path, {"services": kept}, prune=True)

    other_end = {"integration_type": "logs", "source_service": "db"}
    both = {"db": db, "search": {"integrations": [other_end], "prune": True}}
    assert len(read(tmp_path, {"services": both})) == 2
    other_end["settings"] = {"elasticsearch_index_days_max": 7}
    with pytest.raises(DbaasConfigurationError, match=r"services\.db and services\.search give different settings"):
        read(tmp_path, {"services": both})
    # Services of the same name in other zones are others.
    both["search"]["zone"] = "de-fra-1"
    assert len(read(tmp_path, {"services": both})) == 2


@pytest.mark.parametrize("number", ["007", "010", "1_000", "0x1f", "1:30"])
def test_numbers_that_were_names(tmp_path: Path, number: str) -> None:
    """A name that YAML would read as another number is refused, not turned into that number's digits."""
    file = tmp_path / "desired.yaml"
    file.write_text(f"services:\n  {number}:\n    endpoints: []\n")
    with pytest.raises(DbaasConfigurationError, match=r"line 2, column 3: .*put it in quotes if it is a text"):
        read_desired(file)
    file.write_text(f"services:\n  '{number}':\n    endpoints: []\n")
    assert read_desired(file)[0]["service_name"] == number


def test_names_of_digits(tmp_path: Path) -> None:
    """A name of digits alone needs no quotes, as a key and as the other end."""
    file = tmp_path / "desired.yaml"
    file.write_text("services:\n  20231023:\n    integrations: [{integration_type: logs, dest_service: 7}]\n")
    assert read_desired(file)[0]["service_name"] == "20231023"
    file.write_text("services:\n  7:\n    endpoints: []\n  '7':\n    endpoints: []\n")
    with pytest.raises(DbaasConfigurationError, match="'7' is given twice in one mapping"):
        read_desired(file)
