"""Asset events of migrated databases, and the DAGs that they set going."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.migration.assets import MIGRATED_DATABASES, database_asset
from tests.integration.airflow.conftest import Run

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

SERVICE = "assets-target"
SHOP = "x-exoscale-dbaas://ch-gva-2/assets-target/shop"


@pytest.fixture(scope="module")
def metadata(database: Path) -> Path:
    """Airflow's metadata database, all DAGs in it as its DAG processor puts them there."""
    subprocess.run([sys.executable, "-m", "airflow", "dags", "reserialize"], check=True, capture_output=True)
    return database


@pytest.fixture
def migrated(
    run: Run, client: Client, metadata: Path, shop: PostgresServer, define_source: Callable[..., None]
) -> Iterator[dict[str, str]]:
    """Parameters of a migration of the database ``shop`` that is complete."""
    define_source("legacy", shop)
    parameters = {"service": SERVICE, "source": "legacy", "method": "dump"}
    assert run("create_poking", service=SERVICE).state == "success"
    for step in ("start", "migration", "stop"):
        assert run(f"{step}_poking", **parameters).state == "success"
    forget(metadata)
    yield parameters
    client.services.delete(SERVICE)


def ask(metadata: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(metadata, timeout=30) as connection:
        return connection.execute(query).fetchall()


def forget(metadata: Path) -> None:
    """Drop what earlier runs left behind."""
    ask(metadata, "DELETE FROM asset_event")
    ask(metadata, "DELETE FROM asset_dag_run_queue")


def events(metadata: Path) -> list[tuple[str, dict[str, Any], str, int]]:
    """URI, extra, DAG and map index of the events."""
    rows = ask(
        metadata,
        "SELECT a.uri, e.extra, e.source_dag_id, e.source_map_index "
        "FROM asset_event e JOIN asset a ON a.id = e.asset_id",
    )
    return [(uri, json.loads(extra), dag_id, index) for uri, extra, dag_id, index in rows]


def queued(metadata: Path) -> set[str]:
    """The DAGs that the scheduler starts next because of an asset's event."""
    return {dag_id for (dag_id,) in ask(metadata, "SELECT target_dag_id FROM asset_dag_run_queue")}


def test_migrated_databases_set_dags_going(
    run: Run, metadata: Path, migrated: dict[str, str], shop: PostgresServer
) -> None:
    """Databases found equal leave an event with the facts; who is scheduled on the database is queued, nobody else.

    A task's own outlets have their events as ever. A mapped task is no different. Without ``emit_assets`` only the
    task's own outlets have events.
    """
    assert run("verify_silently").state == "success"
    assert [uri for uri, *_ in events(metadata)] == ["report"]
    assert not queued(metadata)

    for dag_id, index in (("verify_plain", -1), ("verify_mapped", 0)):
        forget(metadata)
        assert run(dag_id).state == "success"
        found = {uri: (extra, *origin) for uri, extra, *origin in events(metadata)}
        assert set(found) == {SHOP, "report"}
        extra, *origin = found[SHOP]
        assert extra.pop("bytes") > 0
        assert extra.pop("seconds") > 0
        assert extra == {
            "source": f"{shop.host}:{shop.port}",
            "tables": 1,
            "rows": 1000,
            "content": True,
            "replicating": False,
        }
        assert origin == [dag_id, index]
        # Who waits for any migrated database learns of a new one when the DAGs are parsed next.
        assert "on_shop" in queued(metadata) <= {"on_shop", "on_any"}
    aliases = ask(
        metadata,
        "SELECT a.name, s.uri FROM asset_alias a JOIN asset_alias_asset l ON l.alias_id = a.id "
        "JOIN asset s ON s.id = l.asset_id",
    )
    assert (MIGRATED_DATABASES.name, SHOP) in aliases


def test_a_difference_emits_nothing(
    run: Run, metadata: Path, service: str, define_source: Callable[..., None], shop: PostgresServer
) -> None:
    """A database that differs is not announced."""
    define_source("legacy", shop)
    before = events(metadata)
    assert run("verify_poking", service=service, source="legacy").state == "failed"
    assert events(metadata) == before


def test_the_outlets_of_a_task(dags: dict[str, Any]) -> None:
    """The alias is among the outlets where the DAG's dependencies show it, mapped or not, besides the user's own."""
    outlets = {
        dag_id: [outlet.name for outlet in dags[dag_id].get_task("task").outlets]
        for dag_id in dags
        if dag_id.startswith("verify_")
    }
    assert outlets["verify_plain"] == outlets["verify_mapped"] == ["report", MIGRATED_DATABASES.name]
    assert outlets["verify_silently"] == ["report"]


def test_what_the_scheduler_sees(dags: dict[str, Any]) -> None:
    """The asset and its alias are the same after the DAG was stored and read again."""
    from airflow.serialization.serialized_objects import DagSerialization

    read = DagSerialization.from_dict(DagSerialization.to_dict(dags["on_shop"]))
    asset = database_asset("ch-gva-2", SERVICE, "shop")
    assert [(key.name, key.uri) for key, _ in read.timetable.asset_condition.iter_assets()] == [(asset.name, asset.uri)]
    assert asset.uri == SHOP
