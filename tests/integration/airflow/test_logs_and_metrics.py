"""Logs and metrics of services in files, and the certificate to trust, in a real Airflow."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest
from airflow.sdk.io import attach
from cryptography import x509
from fsspec.implementations.memory import MemoryFileSystem

from airflow_dbaas.api import Client
from demo.pace import Patience
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run
from tests.unit.conftest import Reply, ScriptedServer

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

modes = pytest.mark.parametrize("mode", ["poking", "deferred"])
COLUMNS = ["time", "service", "node", "metric", "value", "unit", "title"]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    """An object store at ``memory://``."""
    store = MemoryFileSystem()
    monkeypatch.setattr("airflow.sdk.io.store._STORE_CACHE", {})
    attach("memory", fs=store)
    yield store
    store.store.clear()


def connect(client: Client, service: str, **options: str) -> psycopg.Connection:
    given = client.services.pg.get(service).uri_params or {}
    password = client.accounts.pg.reveal_password(service_name=service, username=given["user"]).password
    where = {"host": given["host"], "port": given["port"], "user": given["user"], "dbname": given["dbname"]}
    return psycopg.connect(**where, password=password, autocommit=True, **options)


def make_entries(client: Client, service: str, count: int) -> None:
    """Have the server log refused statements, many of them at the same time."""
    with connect(client, service) as connection:
        for number in range(count):
            with pytest.raises(psycopg.errors.DivisionByZero):
                connection.execute(f"SELECT {number} / 0")


def entries(client: Client, service: str) -> list[dict[str, Any]]:
    """What the API shows of the log, as the file is to have it."""
    return [
        {"time": entry.time, "unit": entry.unit, "node": entry.node, "message": entry.message}
        for entry in client.iter_service_logs(service)
    ]


def parsed(content: bytes) -> list[dict[str, Any]]:
    assert content.endswith(b"\n")
    return [json.loads(text) for text in content.splitlines()]


@modes
def test_a_log_is_continued_run_after_run(run: Run, client: Client, service: str, tmp_path: Path, mode: str) -> None:
    """Every entry once, also when the run before stopped in between, or was cut off in the middle of a line."""
    path = tmp_path / "logs" / "db.jsonl"
    file = {"service": service, "path": str(path)}
    make_entries(client, service, 30)

    begun = run(f"service_logs_{mode}", **file, limit="7")
    assert begun.state == "success"
    first = parsed(path.read_bytes())
    assert first == entries(client, service)[:7]
    assert begun.task.result == {
        **file,
        "zone": "ch-gva-2",
        "entries": 7,
        "first_time": first[0]["time"],
        "last_time": first[-1]["time"],
    }

    assert run(f"service_logs_{mode}", **file).state == "success"
    whole = parsed(path.read_bytes())
    assert whole == entries(client, service)[: len(whole)]
    assert [entry["message"].count("division by zero") for entry in whole].count(1) >= 30

    make_entries(client, service, 5)
    path.write_bytes(path.read_bytes()[:-20])
    mended = run(f"service_logs_{mode}", **file)
    assert mended.task.result["entries"] >= 6
    longer = parsed(path.read_bytes())
    assert longer == entries(client, service)[: len(longer)]
    assert len(longer) >= len(whole) + 5


def test_a_log_in_an_object_store(run: Run, client: Client, service: str, memory: MemoryFileSystem) -> None:
    """Where nothing can be appended, the object is replaced by a longer one."""
    file = {"service": service, "path": "memory://logs/db.jsonl"}
    make_entries(client, service, 5)
    assert run("service_logs_poking", **file).state == "success"
    before = parsed(memory.cat("/logs/db.jsonl"))
    make_entries(client, service, 5)
    continued = run("service_logs_poking", **file)
    after = parsed(memory.cat("/logs/db.jsonl"))
    assert after == entries(client, service)[: len(after)]
    assert len(after) == len(before) + continued.task.result["entries"] >= len(before) + 5
    assert list(memory.store) == ["/logs/db.jsonl"]


def test_another_file_is_left_alone(run: Run, service: str, tmp_path: Path) -> None:
    """What this operator did not write is not continued."""
    path = tmp_path / "report.csv"
    path.write_text("a,b\n1,2\n")
    refused = run("service_logs_poking", service=service, path=str(path))
    assert (refused.task.state, refused.task.tries) == ("failed", 1)
    assert "the file at path was not written by this operator" in refused.output
    assert path.read_text() == "a,b\n1,2\n"


def page(*messages: str, at: int = 5) -> Reply:
    """A page of entries that all share a time."""
    moment = f"2026-01-01T00:00:00.00000{at}Z"
    offset = str(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**9 + at * 1000)
    logs = [{"time": moment, "unit": "u", "node": "db-1", "message": message} for message in messages]
    return Reply(body={"offset": offset, "first-log-offset": offset, "logs": logs})


def test_entries_of_one_time_are_neither_lost_nor_repeated(run: Run, api: ScriptedServer, tmp_path: Path) -> None:
    """The API is asked from just before the last time, and what the file has of it is dropped: twins included."""
    file = {"service": "db", "path": str(tmp_path / "db.jsonl")}
    end = Reply(body={"offset": "", "first-log-offset": "", "logs": []})
    api.replies = [page("a", "twin", "twin", "b")]
    assert run("service_logs_poking", **file, limit="2").task.result["entries"] == 2
    api.requests.clear()
    api.replies = [page("a", "twin", "twin", "b"), page("a", "twin", "twin", "b"), page("c", at=6), end]
    assert run("service_logs_poking", **file).state == "success"
    written = [entry["message"] for entry in parsed((tmp_path / "db.jsonl").read_bytes())]
    assert written[:4] == ["a", "twin", "twin", "b"]
    assert written.count("twin") == 2
    asked = json.loads(api.requests[0][3])
    assert (asked["offset"], asked["sort-order"]) == (str(1767225600 * 10**9 + 4999), "asc")


def test_a_log_that_does_not_end_is_read_up_to_now(run: Run, api: ScriptedServer, tmp_path: Path) -> None:
    """Entries that come in while the log is read are left to the next run."""
    moment = datetime(2999, 1, 1, tzinfo=UTC)
    entry = {"time": "2999-01-01T00:00:00.000000Z", "unit": "u", "node": "db-1", "message": "again"}
    api.replies = [Reply(body={"offset": str(int(moment.timestamp()) * 10**9), "logs": [entry]})]
    ended = run("service_logs_poking", service="db", path=str(tmp_path / "db.jsonl"))
    assert (ended.state, ended.task.result["entries"], len(api.requests)) == ("success", 1, 1)


@pytest.fixture
def measured(client: Client, service: str) -> str:
    """A service whose server has been measured."""
    patience = Patience(120)
    while not client.observability.metrics(service_name=service, period="hour").series:
        assert not patience.over
        time.sleep(0.5)
    return service


def rows_of(client: Client, service: str) -> set[tuple[Any, ...]]:
    metrics = client.observability.metrics(service_name=service, period="hour")
    return {
        (point.time, service, node, series.name, point.value, series.unit, series.title)
        for series in metrics.series
        for node, points in series.nodes.items()
        for point in points
    }


@modes
@pytest.mark.parametrize("place", ["local", "memory"])
def test_metrics_as_csv_and_parquet(
    run: Run, client: Client, measured: str, memory: MemoryFileSystem, tmp_path: Path, mode: str, place: str
) -> None:
    """Both have the rows that the API shows; a file that is there is replaced."""
    root = str(tmp_path) if place == "local" else "memory://metrics"
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name in ("db.csv", "db.csv", "db.parquet"):
        path = f"{root}/{name}"
        written = run(f"service_metrics_{mode}", service=measured, path=path)
        assert written.state == "success"
        result = written.task.result
        content = Path(path).read_bytes() if place == "local" else memory.cat(f"/metrics/{name}")
        if name.endswith("csv"):
            header, *lines = csv.reader(io.StringIO(content.decode()))
            assert header == COLUMNS
            rows = [
                (datetime.fromisoformat(t), s, node, metric, float(value) if value else None, unit or None, title)
                for t, s, node, metric, value, unit, title in lines
            ]
        else:
            table = pyarrow.parquet.read_table(io.BytesIO(content))
            assert table.column_names == COLUMNS
            rows = [tuple(row.values()) for row in table.to_pylist()]
        found[name] = rows
        assert (result["service"], result["path"], result["period"]) == (measured, path, "hour")
        assert result["rows"] == len(rows) > 0
        assert set(result["series"]) == {row[3] for row in rows}
    shown = rows_of(client, measured)
    assert set(found["db.csv"]) <= shown
    assert set(found["db.parquet"]) <= shown


def test_gaps_and_nodes(run: Run, api: ScriptedServer, tmp_path: Path) -> None:
    """A gap is an empty cell, or null; each node has rows of its own."""
    data = {
        "cols": [{"label": "time"}, {"label": "db-1 (master)"}, {"label": "db-2"}],
        "rows": [["2026-01-01T00:00:00Z", 46.5, None]],
    }
    api.replies = [Reply(body={"metrics": {"cpu_usage": {"data": data, "hints": {"title": "CPU usage %"}}}})]
    path = tmp_path / "m.txt"
    assert run("service_metrics_poking", service="db", path=str(path), period="year", format="csv").state == "success"
    assert path.read_text().splitlines() == [
        ",".join(COLUMNS),
        "2026-01-01T00:00:00+00:00,db,db-1 (master),cpu_usage,46.5,%,CPU usage %",
        "2026-01-01T00:00:00+00:00,db,db-2,cpu_usage,,%,CPU usage %",
    ]
    assert json.loads(api.requests[0][3]) == {"period": "year"}
    assert run("service_metrics_poking", service="db", path=str(path), format="parquet").task.result["rows"] == 2
    assert [row["value"] for row in pyarrow.parquet.read_table(path).to_pylist()] == [46.5, None]


def test_parquet_without_pyarrow(
    run: Run, api: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the package, and nothing is sent."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    refused = run("service_metrics_poking", service="db", path=str(tmp_path / "m.parquet"))
    assert (refused.task.state, refused.task.tries, api.requests) == ("failed", 1, [])
    assert "format parquet needs the package pyarrow" in refused.output


@modes
def test_the_certificate_verifies_a_server(
    run: Run, client: Client, service: str, emulator: RunningEmulator, tmp_path: Path, mode: str
) -> None:
    """A client that trusts it, and nothing else, connects."""
    path = tmp_path / "ca.pem"
    fetched = run(f"ca_certificate_{mode}", path=str(path))
    assert fetched.state == "success"
    assert fetched.task.result == {"certificate": path.read_text(), "path": str(path), "zone": "ch-gva-2"}
    x509.load_pem_x509_certificate(path.read_bytes())
    with connect(client, service, sslmode="verify-ca", sslrootcert=str(path)) as connection:
        assert connection.info.pgconn.ssl_in_use
    assert run(f"ca_certificate_{mode}").task.result == {
        "certificate": path.read_text(),
        "path": None,
        "zone": "ch-gva-2",
    }


def test_a_path_of_no_store_sends_nothing(run: Run, api: ScriptedServer) -> None:
    """It is found out before the first request."""
    path = "nowhere://bucket/db"
    for dag in ("service_logs_poking", "ca_certificate_poking"):
        refused = run(dag, service="db", path=path)
        assert (refused.task.state, refused.task.tries, api.requests) == ("failed", 1, [])
        assert f"path '{path}' cannot be used" in refused.output
