"""The assets of databases: their URIs, and a task's outlets."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.migration.assets import MIGRATED_DATABASES, database_asset, with_migrated
from airflow_dbaas.operators.migrations import DbaasVerifyMigrationOperator


@pytest.mark.parametrize(
    ("database", "last"),
    [
        ("shop", "shop"),
        ("Shop", "Shop"),
        ("with space", "with%20space"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("büro", "b%C3%BCro"),
        ("a%20b", "a%2520b"),
        ("x:y@z", "x%3Ay%40z"),
    ],
)
def test_a_database_has_one_uri(database: str, last: str) -> None:
    """Each part is percent-encoded: no two databases share a URI, and Airflow keeps it as it is, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asset = database_asset("ch-gva-2", "shop-db", database)
    assert asset.uri == asset.name == f"x-exoscale-dbaas://ch-gva-2/shop-db/{last}"
    assert asset.uri.isascii()


@pytest.mark.parametrize(
    ("zone", "service", "database", "message"),
    [
        ("mars-1", "db", "shop", "zone must be one of at-vie-1"),
        ("", "db", "shop", "zone must be a name, got ''"),
        (None, "db", "shop", "zone must be a name, got None"),
        ("ch-gva-2", "", "shop", "service must"),
        ("ch-gva-2", "x" * 64, "shop", "service must have at most 63 characters, got 64"),
        ("ch-gva-2", "db", "", "database must be a name, got ''"),
        ("ch-gva-2", "db", None, "database must be a name, got None"),
    ],
)
def test_what_is_no_database(zone: Any, service: Any, database: Any, message: str) -> None:
    """A part that cannot be what it is called is refused, by name, when the DAG is parsed."""
    with pytest.raises(DbaasConfigurationError, match=message):
        database_asset(zone, service, database)


def test_outlets_stay() -> None:
    """The alias joins a task's own outlets, once, and leaves the list that was given alone."""
    given = ["mine"]
    assert with_migrated(given) == ["mine", MIGRATED_DATABASES]
    assert with_migrated(with_migrated(given)) == ["mine", MIGRATED_DATABASES]
    assert given == ["mine"]


def test_the_outlets_of_operators() -> None:
    """Operators that share a list of outlets do not share the alias, and one that emits nothing has none."""
    shared = [database_asset("ch-gva-2", "db", "other")]
    arguments: dict[str, Any] = {"service_name": "db", "source_conn_id": "legacy", "outlets": shared}
    assert DbaasVerifyMigrationOperator(task_id="a", **arguments).outlets == [*shared, MIGRATED_DATABASES]
    assert DbaasVerifyMigrationOperator(task_id="b", emit_assets=False, **arguments).outlets == shared
    assert len(shared) == 1
