"""The page "Exoscale DBaaS" as a person sees it, within Airflow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from airflow_dbaas.api import Client
from airflow_dbaas.api.operations import Operation
from airflow_dbaas.emulator.postgres import PostgresServer
from airflow_dbaas.migration import registry
from airflow_dbaas.migration.registry import MigrationRecord
from airflow_dbaas.waiting.conditions import OperationWait
from tests.browser.conftest import AirflowUI
from tests.integration.airflow.conftest import fill, password_of

DAG, TASK = "dbaas_migrate_service", "migrate.start"
DATABASE = "page_shop"
# A lock keeps the copy from going on until a test has seen it run.
LOCK = "LOCK TABLE item IN ACCESS EXCLUSIVE MODE"

#: The least contrast of the page's texts with what is behind them, as WCAG 2 computes it.
CONTRAST = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    paper.clearRect(0, 0, 1, 1); paper.fillStyle = colour; paper.fillRect(0, 0, 1, 1);
    return [...paper.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => rgba(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (el) => {
    for (let it = el; it; it = it.parentElement) {
      const ground = getComputedStyle(it).backgroundColor;
      if (rgba(ground)[3] === 255) return ground;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter((el) => el.checkVisibility()
    && [...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return Math.min(...texts.map((el) => {
    const style = getComputedStyle(el);
    const both = [light(el instanceof SVGElement ? style.fill : style.color), light(behind(el))].sort((a, b) => a - b);
    return (both[1] + 0.05) / (both[0] + 0.05);
  }));
}"""


@pytest.fixture(scope="module")
def account(airflow_ui: AirflowUI) -> Iterator[Client]:
    """The emulator with two linked services, one of them attached to an endpoint."""
    with airflow_ui.emulator.client() as client:

        def done(operation: Operation) -> Operation:
            wait = OperationWait(operation.id)
            airflow_ui.scheduled.until(lambda: client.send(wait.call()).state != "pending", "the operation ends")
            ended = client.operations.get(operation.id)
            assert ended.state == "success"
            return ended

        done(client.services.pg.create(name="page-db", plan="startup-4"))
        done(client.services.opensearch.create(name="page-logs", plan="startup-4"))
        services = {"page-db", "page-logs"}

        def running() -> bool:
            listed = client.services.list().dbaas_services
            return services <= {service.name for service in listed if service.state == "running"}

        airflow_ui.scheduled.until(running, "the services run")
        done(client.integrations.create(integration_type="logs", source_service="page-db", dest_service="page-logs"))
        syslog = {"server": "logs.example.com", "port": 6514, "tls": True, "format": "rfc5424"}
        made = done(client.external_endpoints.rsyslog.create(name="page-siem", settings=syslog))
        assert made.reference
        assert made.reference.id
        done(
            client.external_endpoints.attach(
                source_service_name="page-db", dest_endpoint_id=made.reference.id, type="rsyslog"
            )
        )
        yield client


@pytest.fixture
def held_migration(airflow_ui: AirflowUI, account: Client, postgres_source: PostgresServer) -> Iterator[Any]:
    """A migration into ``page-db`` that goes on when the connection that is yielded lets go; with its note."""
    note = MigrationRecord("db:5432", "…", dag_id=DAG, run_id="run_of_the_test", task_id=TASK)
    variable = {"key": registry.key("ch-gva-2", "page-db"), "value": json.dumps(vars(note))}
    airflow_ui.airflow.call("POST", "/variables", variable)
    fill(postgres_source, DATABASE, rows=100)
    source = {
        "host": postgres_source.host,
        "port": postgres_source.port,
        "username": "postgres",
        "password": password_of(postgres_source),
        "dbname": "postgres",
        "ssl": False,
        "method": "dump",
        # Another test's database may stand on the same server.
        "ignore_dbs": "shop",
    }
    with psycopg.connect(postgres_source.conninfo(dbname=DATABASE)) as held:
        held.execute(LOCK)
        account.services.pg.update(name="page-db", migration=source)
        yield held


@pytest.fixture
def frame(account: Client, page: Page) -> FrameLocator:
    """The page, opened from Airflow's navigation."""
    page.goto("/")
    page.get_by_role("link", name=re.compile("^Exoscale")).click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Refreshed at")).to_be_visible()
    return frame


@pytest.fixture
def alone(account: Client, page: Page) -> Page:
    """The page by itself, which is quicker to open."""
    page.goto("/exoscale-dbaas/")
    expect(page.get_by_text("Refreshed at")).to_be_visible()
    return page


def test_services_and_links(frame: FrameLocator, page: Page) -> None:
    """Services with type, plan, state and zone; links drawn, or a list on narrow screens; in Airflow's theme."""
    row = frame.get_by_role("row", name="page-db")
    for text in ("pg", "startup-4", "running", "ch-gva-2"):
        expect(row.get_by_role("cell", name=text, exact=True)).to_be_visible()
    drawing = frame.locator(".graph svg")
    expect(drawing.get_by_text("page-siem", exact=True)).to_be_visible()
    expect(drawing.get_by_text(re.compile("^logs · "))).to_be_visible()
    # Within Airflow the theme that a person has chosen there counts, not the browser's.
    page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    page.set_viewport_size({"width": 480, "height": 800})
    expect(drawing).to_be_hidden()
    line = frame.get_by_role("listitem").filter(has_text="page-db → page-siem: rsyslog attachment")
    expect(line).to_have_css("white-space", "normal")
    line.scroll_into_view_if_needed()
    expect(line).to_be_in_viewport(ratio=1)


def test_a_migration_moves_and_leads_to_its_task(
    frame: FrameLocator, page: Page, held_migration: Any, shot: Callable[[Page, str], None], airflow_ui: AirflowUI
) -> None:
    """The bars follow the migration without anybody touching the page; the link opens the task in Airflow."""
    bar = frame.get_by_role("progressbar", name=DATABASE)
    expect(bar).to_have_attribute("aria-valuetext", "running")
    expect(bar).not_to_have_attribute("aria-valuenow", re.compile("."))
    expect(frame.get_by_text("0 of 1 database copied")).to_be_visible()
    shot(page, "page-light")
    page.emulate_media(color_scheme="dark")
    shot(page, "page-dark")
    held_migration.rollback()
    expect(bar).to_have_attribute("aria-valuetext", "done")
    expect(frame.get_by_text("1 of 1 database copied")).to_be_visible()
    frame.get_by_role("link", name=f"{DAG}, task {TASK}").click()
    expect(page).to_have_url(f"{airflow_ui.url}/dags/{DAG}/runs/run_of_the_test/tasks/{TASK}")


def test_it_works_with_a_keyboard(alone: Page) -> None:
    """The controls follow each other, the focus can be seen, and a key does what a click would."""
    choice = alone.get_by_role("combobox", name="Connection")
    choice.focus()
    for control in ("Refresh every 10 seconds", "Refresh now"):
        alone.keyboard.press("Tab")
        expect(alone.get_by_label(control).or_(alone.get_by_role("button", name=control))).to_be_focused()
    button = alone.get_by_role("button", name="Refresh now")
    expect(button).to_have_css("outline-style", "solid")
    with alone.expect_response(re.compile("/exoscale-dbaas/api/connections/exoscale_default$")):
        alone.keyboard.press("Enter")
    alone.keyboard.press("Tab")
    # What comes next: a link to a task, or the drawing.
    expect(alone.locator("#main :focus")).to_have_count(1)


def test_it_keeps_what_it_has_and_says_that_nothing_new_comes(alone: Page) -> None:
    """While the API does not answer, the page says so and since when; afterwards it goes on by itself."""
    words = {"status": 502, "json": {"detail": "The DBaaS API gave no usable answer."}}
    alone.route("**/api/connections/*", lambda route: route.fulfill(**words))
    alone.get_by_role("button", name="Refresh now").click()
    expect(alone.get_by_role("alert")).to_contain_text("gave no usable answer. The data is from")
    expect(alone.get_by_role("row", name="page-db")).to_be_visible()
    alone.unroute("**/api/connections/*")
    expect(alone.get_by_role("alert")).to_be_empty()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read(account: Client, page: Page, theme: str) -> None:
    """In both themes every text stands out from its ground as WCAG's level AA asks, 4.5 to 1."""
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto("/exoscale-dbaas/")
    expect(page.locator(".graph svg")).to_be_visible()
    assert page.evaluate(CONTRAST) >= 4.5
    ground = "rgb(17, 17, 17)" if theme == "dark" else "rgb(255, 255, 255)"
    expect(page.locator("body")).to_have_css("background-color", ground)


def test_texts_are_only_texts(alone: Page) -> None:
    """What the API tells cannot become part of the page."""
    evil = "<img src=x onerror=alert(1)>"
    service = {"name": evil, "type": evil, "state": evil, "notifications": [{"level": evil, "message": evil}]}
    link = {"kind": "integration", "type": evil, "source": evil, "target": evil, "state": evil}
    migration = {
        "service": evil,
        "outcome": "failed",
        "error": evil,
        "databases": [{"name": evil, "status": evil, "method": evil, "error": evil}],
        "started_by": {"page": "javascript:alert(1)", "dag_id": evil, "task_id": evil, "run_id": evil},
    }
    problem = {"place": "migrations", "service": evil, "text": evil}
    answer = {"at": "2026-01-01T00:00:00+00:00", "services": [service], "endpoints": [], "links": [link]}
    turns = {"services": 300, "asked": 7, "oldest": None}
    answer |= {"migrations": [migration], "problems": [problem], "turns": {"migrations": turns, "attachments": turns}}
    alone.route("**/api/connections/*", lambda route: route.fulfill(json=answer))
    alone.get_by_role("button", name="Refresh now").click()
    expect(alone.get_by_role("rowheader", name=evil)).to_be_visible()
    expect(alone.get_by_text(f"{evil}: migrations cannot be shown. {evil}")).to_be_visible()
    expect(alone.get_by_text("migrations: 7 of 300 services checked so far.")).to_be_visible()
    expect(alone.locator("img")).to_have_count(0)
    expect(alone.locator("article a")).to_have_attribute("href", re.compile("^http://127"))
