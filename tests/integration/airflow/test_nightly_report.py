"""The example DAG ``dbaas_nightly_report`` as users get it: its files, and what it says of what it could not read."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from airflow_dbaas.api import Client
from demo.pace import Patience
from tests.conftest import RunningEmulator, start_emulator
from tests.integration.airflow.conftest import DagRun, Run

# Airflow's own warnings are its own affair; ours are errors.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.filterwarnings("error:::airflow_dbaas")]

DAG_ID = "dbaas_nightly_report"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator that measures all the time, with services of the module's own."""
    log = tmp_path_factory.mktemp("emulator") / "emulator.log"
    options = ("--operation-seconds", "0", "--startup-seconds", "0", "--metrics-seconds", "0.2")
    with start_emulator(log, *options) as running:
        yield running


@pytest.fixture(scope="module")
def client(emulator: RunningEmulator) -> Iterator[Client]:
    """A server that has been measured, and a record without one, linked to each other."""
    with Client(emulator.key, emulator.secret, url=emulator.url) as client:
        client.services.pg.create(name="orders", plan="startup-4")
        client.services.thanos.create(name="young", plan="startup-4")
        wait_for(client, "orders", rows=3)
        client.integrations.create(integration_type="metrics", source_service="orders", dest_service="young")
        yield client


def wait_for(client: Client, service: str, *, rows: int) -> None:
    patience = Patience(60)
    while True:
        # Its server is measured from the start, also while the service is not ready yet.
        found = client.services.list().named(service)
        series = client.observability.metrics(service_name=service, period="hour").series
        measured = series and all(len(points) >= rows for points in series[0].nodes.values())
        if measured and found is not None and found.state == "running":
            return
        assert not patience.over, "not running, or no metrics, within a minute"
        time.sleep(0.2)


def folder_of_today(path: Path) -> Path:
    """The day's folder; the run may have begun before midnight."""
    (folder,) = [each for each in path.iterdir() if each.name != "logs"]
    assert abs((datetime.now(UTC).date() - datetime.fromisoformat(folder.name).date()).days) <= 1
    return folder


class Page(HTMLParser):
    """What a page shows and links to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.words: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            {"href": self.links, "src": self.pictures}.get(name, []).append(str(value))

    def handle_data(self, data: str) -> None:
        self.words += data.split()


def states(ended: DagRun) -> dict[str, str]:
    return {name: task.state for name, task in ended.tasks.items()}


def test_the_report(run: Run, client: Client, tmp_path: Path) -> None:
    """Logs, metrics and a plot of each service; one without metrics is there, too; the page links them all."""
    ended = run(DAG_ID, path=f"file://{tmp_path}", period="hour")
    assert set(states(ended).values()) == {"success"}
    folder = folder_of_today(tmp_path)
    assert {file.name for file in folder.iterdir()} == {"index.html", "orders.csv", "orders.svg", "young.csv"}

    page = Page(folder / "index.html")
    assert page.links == ["../logs/orders.jsonl", "orders.csv", "../logs/young.jsonl", "young.csv"]
    assert page.pictures == ["orders.svg"]
    assert all((folder / target).is_file() for target in page.links + page.pictures)
    entries = [json.loads(line) for line in (tmp_path / "logs" / "orders.jsonl").read_text().splitlines()]
    assert any("ready to accept connections" in entry["message"] for entry in entries)
    values = len((folder / "orders.csv").read_text().splitlines()) - 1
    words = " ".join(page.words)
    assert (
        f"orders pg startup-4 running 1 none {len(entries)} new {values} young thanos startup-4 running 1 none" in words
    )
    assert words.endswith("new none yet")

    plot = ElementTree.parse(folder / "orders.svg").getroot()
    assert plot.tag == "{http://www.w3.org/2000/svg}svg"
    lines = [each for each in plot.iter("{http://www.w3.org/2000/svg}g") if str(each.get("id")).startswith("line2d_")]
    assert len(lines) >= 3
    assert ended.tasks["write_report"].result == {"path": f"file://{folder}/index.html", "note": "", "missing": []}


def test_the_next_night(run: Run, client: Client, tmp_path: Path) -> None:
    """Only the service asked for; its log goes on behind what is there."""
    given = {"path": f"file://{tmp_path}", "services": ["orders"]}
    assert run(DAG_ID, **given).state == "success"
    log = tmp_path / "logs" / "orders.jsonl"
    before = log.read_text().splitlines()
    client.services.pg.update(name="orders", pg_settings={"log_min_duration_statement": 100})
    assert run(DAG_ID, **given).state == "success"
    after = log.read_text().splitlines()
    assert after[: len(before)] == before
    assert len(set(after)) == len(after)
    assert "young" not in Page(folder_of_today(tmp_path) / "index.html").words


def test_one_that_cannot_be_read_does_not_hide_the_others(run: Run, client: Client, tmp_path: Path) -> None:
    """Its place in the report says so, and so does the run, which fails."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "orders.jsonl").write_text("not a log\n")
    ended = run(DAG_ID, path=f"file://{tmp_path}", period="hour")
    assert ended.state == "failed"
    assert (states(ended)["write_report"], states(ended)["check_complete"]) == ("success", "failed")
    assert "because unreadable: the log of orders" in ended.output
    folder = folder_of_today(tmp_path)
    page = Page(folder / "index.html")
    assert page.links == ["orders.csv", "../logs/young.jsonl", "young.csv"]
    assert page.pictures == ["orders.svg"]
    assert " ".join(page.words).count("not read") == 1


def test_without_the_plotting_library(
    run: Run, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is made without plots, and says how to get them."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    ended = run(DAG_ID, path=f"file://{tmp_path}", period="hour")
    assert ended.state == "success"
    page = Page(folder_of_today(tmp_path) / "index.html")
    assert page.pictures == []
    assert "Without plots: matplotlib is not installed (pip install 'airflow-dbaas[report]')." in " ".join(page.words)


def test_an_unknown_service(run: Run, client: Client, tmp_path: Path) -> None:
    """No report, and no retry; the error names those that there are."""
    ended = run(DAG_ID, path=f"file://{tmp_path}", services=["order"])
    assert ended.state == "failed"
    assert ended.tasks["list_services"].tries == 1
    assert "there is no service order; there are orders, young" in ended.output
    assert list(tmp_path.iterdir()) == []
