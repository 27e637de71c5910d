"""Metrics: measured on the servers while they work, and kept in rows that a chart can be drawn from."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_dbaas.emulator.metrics import TITLES, History
from tests.conftest import RunningEmulator, start_emulator
from tests.integration.emulator.conftest import Api, eventually, server_process

INTERVAL = 0.2


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator that measures all the time."""
    log = tmp_path_factory.mktemp("emulator") / "emulator.log"
    options = ("--operation-seconds", "0", "--startup-seconds", "0", "--metrics-seconds", str(INTERVAL))
    with start_emulator(log, *options) as running:
        yield running
        assert running.stop() == 0
        assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def api(emulator: RunningEmulator) -> Iterator[Api]:
    """A client of it."""
    client = Api(emulator)
    yield client
    client.close()


@pytest.fixture(scope="module")
def service(api: Api) -> str:
    """A service that has been measured for a while."""
    name = api.service()
    eventually(lambda: rows(api, name, "cpu_usage"), lambda found: len(found) > 5)
    return name


def read(api: Api, service: str, **body: object) -> dict:
    return api.ok("POST", f"/dbaas-service-metrics/{service}", body)["metrics"]


def rows(api: Api, service: str, metric: str) -> list[list]:
    """Rows of one metric for the last hour."""
    return read(api, service).get(metric, {"data": {"rows": []}})["data"]["rows"]


def values_since(api: Api, service: str, metric: str, begun: datetime) -> list[float]:
    """What was measured of one metric since a moment."""
    found = rows(api, service, metric)
    return [value for at, value in found if value is not None and datetime.fromisoformat(at) >= begun]


@pytest.mark.fact("metrics-shape")
def test_metrics_have_the_shape_of_the_service(api, service):
    """Columns with labels and types, rows of a time and a number, a title; all metrics that can be measured."""
    metrics = read(api, service)
    assert metrics.keys() == TITLES.keys()
    for name, metric in metrics.items():
        assert metric.keys() == {"data", "hints"}
        assert metric["data"]["cols"] == [
            {"label": "time", "type": "date"},
            {"label": f"{service}-1 (master)", "type": "number"},
        ]
        assert metric["hints"] == {"title": TITLES[name]}
        assert metric["data"]["rows"]
        for at, value in metric["data"]["rows"]:
            assert at.endswith("Z")
            assert value is None or isinstance(value, int | float)


def test_rows_grow_in_order_of_time(api, service):
    """One for each measurement, about as far apart as was asked for."""
    before = rows(api, service, "mem_usage")
    after = eventually(lambda: rows(api, service, "mem_usage"), lambda found: len(found) >= len(before) + 5)
    assert after[: len(before)] == before
    times = [datetime.fromisoformat(at) for at, _ in after]
    assert times == sorted(set(times))
    assert abs(times[-1] - datetime.now(UTC)) < timedelta(seconds=30)


def test_values_are_plausible(api, service):
    """Percentages of the plan, which are what is really used: by the processes' memory, by the folder's size."""
    latest = {name: metric["data"]["rows"][-1][1] for name, metric in read(api, service).items()}
    gib = 1 << 30
    # A small server: some ten to hundreds of MB of memory in 2 GiB, some ten of MB of disk in 8 GiB.
    assert 5e6 < latest["mem_usage"] / 100 * 2 * gib < 1e9
    assert latest["mem_usage"] + latest["mem_available"] == pytest.approx(100)
    assert 2e7 < latest["disk_usage"] / 100 * 8 * gib < 1e9
    assert latest["load_average"] >= 0
    assert 0 <= latest["cpu_usage"] <= 100


def test_cpu_usage_rises_under_load(api, service):
    """Of the server that works, not of the one beside it."""
    idle = api.service()
    begun = datetime.now(UTC)
    with closing(api.connect(service, "defaultdb")) as connection:
        connection.execute("SELECT sum(sqrt(i)) FROM generate_series(1, 4000000) AS i")
    busy = values_since(api, service, "cpu_usage", begun)
    # One of the plan's two CPUs was at work, as far as this machine let it.
    assert max(busy) > 10
    assert max(busy) <= 110
    quiet = eventually(lambda: values_since(api, service, "cpu_usage", begun)[-3:], lambda found: max(found) < 10)
    assert quiet
    other = values_since(api, idle, "cpu_usage", begun)
    assert not other or sorted(other)[len(other) // 2] < max(busy) / 2
    api.finish(api.ok("DELETE", f"/dbaas-service/{idle}"))


def test_writing_shows_in_disk_use_and_calls(api, service):
    """A table of some ten megabytes."""
    begun, before = datetime.now(UTC), rows(api, service, "disk_usage")[-1][1]
    with closing(api.connect(service, "defaultdb")) as connection:
        connection.execute("CREATE TABLE big AS SELECT i, repeat('x', 200) AS t FROM generate_series(1, 300000) AS i")
    grown = 100 * 60e6 / (8 << 30)
    eventually(lambda: rows(api, service, "disk_usage")[-1][1], lambda now: now > before + grown)
    assert max(values_since(api, service, "diskio_writes", begun)) > 100


@pytest.mark.fact("metrics-gaps")
def test_a_server_that_is_down_leaves_a_gap(api):
    """Null instead of a number, and a line again once it is up: nothing is made up in between."""
    name = api.service()
    eventually(lambda: rows(api, name, "cpu_usage"), lambda found: len(found) > 2)
    process, _ = server_process(api, name)
    keeper = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: api.ok("GET", f"/dbaas-postgres/{name}")["state"], lambda state: state == "poweroff")
    for metric in ("cpu_usage", "mem_usage", "disk_usage", "load_average"):
        found = eventually(lambda each=metric: rows(api, name, each), lambda found: found[-1][1] is None)
        assert any(value is not None for _, value in found)
    api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))


@pytest.mark.fact("metrics-young")
def test_a_young_service_has_little_to_tell_of_long_ago(api, service):
    """One row at most for periods whose rows stand for minutes and days; none means no metric at all."""
    for period in ("day", "week", "month", "year"):
        metrics = read(api, service, period=period)
        assert all(len(metric["data"]["rows"]) == 1 for metric in metrics.values())
    assert read(api, service, period="hour").keys() == TITLES.keys()


def test_a_service_without_a_server_is_not_measured(api):
    """Its metrics are empty."""
    name = f"s-{secrets.token_hex(4)}"
    api.finish(api.ok("POST", f"/dbaas-valkey/{name}", {"plan": "hobbyist-2"}))
    assert read(api, name) == {}
    assert api.ok("POST", f"/dbaas-service-metrics/{name}") == {"metrics": {}}
    api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))


def test_a_bad_request_is_refused_in_words(api, service):
    """An unknown period, an unknown service."""
    text = api.refused(400, "POST", f"/dbaas-service-metrics/{service}", {"period": "decade"})
    assert "period: must be one of day, hour, month, week, year" in text
    assert "does not exist" in api.refused(404, "POST", "/dbaas-service-metrics/absent", {})


def test_a_service_of_the_same_name_does_not_inherit(api):
    """What was measured goes with the service."""
    name = api.service()
    eventually(lambda: rows(api, name, "cpu_usage"), lambda found: len(found) > 3)
    begun = datetime.now(UTC)
    api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))
    api.service(name)
    found = eventually(lambda: rows(api, name, "cpu_usage"), lambda found: len(found) > 1)
    assert datetime.fromisoformat(found[0][0]) >= begun - timedelta(seconds=1)


def test_an_interval_that_makes_no_sense_is_refused():
    """Before anything starts."""
    for interval in ("0", "0.01", "-1", "soon", "nan"):
        command = [sys.executable, "-m", "airflow_dbaas.cli", "emulator", "--metrics-seconds", interval]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 2
        assert "--metrics-seconds" in ended.stderr


START = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_hour_is_kept_in_full_and_more_in_steps():
    """Every measurement of the last hour; of longer periods means of what was measured, and never without end."""
    history = History(30)
    for number in range(2 * 24 * 120):
        history.add(START + timedelta(seconds=30 * number), {"cpu_usage": float(number % 10)})
    hour, day, week = (list(history.rows(period)) for period in ("hour", "day", "week"))
    assert len(hour) == 120
    assert hour[-1] == (START + timedelta(days=2, seconds=-30), {"cpu_usage": 9.0})
    assert len(day) == 288
    assert day[0][1] == {"cpu_usage": 4.5}
    assert day[1][0] - day[0][0] == timedelta(minutes=5)
    # The last step is not over, so it has no row yet.
    assert len(week) == 95
    assert len(history.rows("year")) == 1


def test_time_nobody_measured_in_is_a_gap():
    """One row of nulls between, so that no line is drawn across; what could not be measured is no zero in a mean."""
    history = History(30)
    history.add(START, {"cpu_usage": 1.0})
    history.add(START + timedelta(seconds=30), {})
    history.add(START + timedelta(seconds=300), {"cpu_usage": 3.0})
    assert list(history.rows("hour")) == [
        (START, {"cpu_usage": 1.0}),
        (START + timedelta(seconds=30), {}),
        (START + timedelta(seconds=60), {}),
        (START + timedelta(seconds=300), {"cpu_usage": 3.0}),
    ]
    assert list(history.rows("day")) == [(START, {"cpu_usage": 1.0})]
