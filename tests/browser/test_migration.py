"""A migration as the person sees it who starts, approves and checks it in Airflow's pages."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.browser.conftest import AirflowUI
from tests.integration.airflow.conftest import password_of
from tests.integration.hunt import search

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]

DAG_ID = "dbaas_migrate_service"
Shot = Callable[[Page, str], None]
Hidden = Callable[[Page], None]

#: Milliseconds that a migration's parts may take on a loaded machine.
LONG = 180_000


@dataclass
class Run:
    """A run that the form has started."""

    ui: AirflowUI
    service: str
    run_id: str

    @property
    def asset(self) -> str:
        """What the migrated database is called among the assets."""
        return f"x-exoscale-dbaas://ch-gva-2/{self.service}/shop"

    def task(self, task_id: str, tab: str = "") -> str:
        """The address of a task's tab."""
        return f"/dags/{DAG_ID}/runs/{self.run_id}/tasks/{task_id}{tab}"


def opened(page: Page) -> Locator:
    """The form that asks for a run's parameters."""
    page.goto(f"/dags/{DAG_ID}")
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog")
    expect(labelled(dialog, "Service")).to_be_visible()
    return dialog


def labelled(dialog: Locator, title: str) -> Locator:
    """A field with its help text; a required field's title ends with a star."""
    written = dialog.page.get_by_text(re.compile(rf"^{title}\s*\*?$"))
    return dialog.get_by_role("group").filter(has=written).last


def text_field(dialog: Locator, title: str) -> Locator:
    """What is typed into."""
    return labelled(dialog, title).get_by_role("textbox")


def row(page: Page, text: str) -> Locator:
    """A line of a table, by a text that one of its cells has, and no more."""
    return page.get_by_role("row").filter(has=page.get_by_text(text, exact=True))


@pytest.fixture
def hidden(airflow_ui: AirflowUI, postgres_source: PostgresServer) -> Hidden:
    """``hidden(page)`` fails if the source's password or the API secret is in the page, however it is written."""
    canaries = {"password": password_of(postgres_source), "API secret": airflow_ui.emulator.secret}

    def look(page: Page) -> None:
        assert not search({"HTML": page.content(), "text": page.locator("body").inner_text()}, canaries)

    return look


@pytest.fixture(scope="module")
def window(context: BrowserContext) -> Iterator[Page]:
    """The page in which somebody starts a run and watches it."""
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def started(window: Page, airflow_ui: AirflowUI, source: str, shot: Shot) -> Iterator[Run]:
    """A run that was filled in by hand: by replication, with an approval before the cut-over."""
    service = f"shop-{secrets.token_hex(3)}"
    airflow_ui.airflow.wait_for_dag(DAG_ID)
    dialog = opened(window)
    text_field(dialog, "Service").fill(service)
    text_field(dialog, "Source connection").fill(source)
    dialog.get_by_role("combobox", name="Method").click()
    dialog.get_by_role("option", name="replication").click()
    shot(window, "trigger")
    labelled(dialog, "Ask before the cut-over").locator("label").last.click()
    expect(dialog.get_by_role("checkbox", name="Ask before the cut-over")).to_be_checked()
    dialog.get_by_role("button", name="Trigger", exact=True).click()
    window.wait_for_url(re.compile("/runs/manual__"))
    yield Run(airflow_ui, service, window.url.rpartition("/runs/")[2])
    with airflow_ui.scheduled.client as client:
        client.services.delete(service)


@pytest.fixture(scope="module")
def approved(started: Run, window: Page, shot: Shot) -> Run:
    """The run after the page has shown its question, and that was answered there."""
    expect(row(window, "approve_cut_over")).to_contain_text("Awaiting Input", timeout=LONG)
    started.ui.scheduled.asked(f"/dags/{DAG_ID}/dagRuns/{started.run_id}", "approve_cut_over")
    window.get_by_role("link", name="approve_cut_over", exact=True).click()
    window.get_by_role("link", name="Required Action").click()
    expect(window.get_by_text(f"Stop the migration into {started.service}?")).to_be_visible()
    expect(window.get_by_text("when nothing writes to the source any more")).to_be_visible()
    shot(window, "approval")
    window.get_by_role("button", name="Approve", exact=True).click()
    expect(window.get_by_text("Response received at")).to_be_visible()
    return started


@pytest.fixture(scope="module")
def finished(approved: Run, window: Page, shot: Shot) -> Run:
    """The run after its own page, which nobody has loaded again, has shown the end of it."""
    window.get_by_role("link", name=approved.run_id).click()
    window.get_by_role("button", name="Expand all task groups").click()
    expect(row(window, "link_service")).to_contain_text("Skipped", timeout=LONG)
    expect(window.get_by_text("Success", exact=True).first).to_be_visible()
    for task_id in ("create_service", "approve_cut_over", "stop_migration", "verify_migration"):
        expect(row(window, task_id)).to_contain_text("Success")
    shot(window, "run")
    return approved


def test_the_dag_explains_itself(page: Page, airflow_ui: AirflowUI, shot: Shot) -> None:
    """The DAG's documentation is a button away, as text with headings and code, not as markup."""
    airflow_ui.airflow.wait_for_dag(DAG_ID)
    page.goto(f"/dags/{DAG_ID}")
    page.get_by_role("button", name="Dag Docs").click()
    docs = page.get_by_role("dialog")
    expect(docs).to_contain_text("Move the databases of a PostgreSQL or MySQL server into an Exoscale DBaaS service.")
    expect(docs.locator("code").filter(has_text="exoscale_default")).to_be_visible()
    expect(docs).not_to_contain_text("`")
    shot(page, "docs")


def test_the_form_says_what_it_wants(page: Page, airflow_ui: AirflowUI, shot: Shot) -> None:
    """Each field has a title and a help text, and choices are lists. While a required field is empty the form cannot be
    sent, and says so; what cannot be right is refused with a reason, and no run is made.
    """
    airflow_ui.airflow.wait_for_dag(DAG_ID)
    runs = airflow_ui.airflow.call("GET", f"/dags/{DAG_ID}/dagRuns")["total_entries"]
    dialog = opened(page)
    send = dialog.get_by_role("button", name="Trigger", exact=True)
    for title in ("Service", "Source connection"):
        expect(labelled(dialog, title)).to_contain_text("This field is required")
    expect(send).to_be_disabled()
    shot(page, "trigger-empty")
    for title, help_text in (
        ("Service", "DBaaS service to migrate into; created if it does not exist"),
        ("Source connection", "of type postgres or mysql"),
        ("Plan", "For a new service, e.g. startup-4, business-8"),
        ("Databases to leave out", "Names in the source, separated by commas"),
        ("Stop replication at the end", "Off: the target continues to follow the source"),
        ("Integrations afterwards", "Links to other services"),
        ("External endpoints afterwards", "Endpoints to attach"),
        ("Ask before the cut-over", "Require approval before replication is stopped"),
    ):
        expect(labelled(dialog, title)).to_contain_text(help_text)
    for title, choices in (("Zone", ["the connection's", *ZONES]), ("Method", ["auto", "dump", "replication"])):
        dialog.get_by_role("combobox", name=title).click()
        expect(dialog.get_by_role("option")).to_have_text(choices)
        page.keyboard.press("Tab")

    text_field(dialog, "Service").fill("shop")
    expect(send).to_be_disabled()
    text_field(dialog, "Source connection").fill("legacy_shop")
    text_field(dialog, "Plan").fill("huge")
    send.click()
    refusal = dialog.get_by_text("Invalid input for param plan: 'huge' does not match")
    refusal.scroll_into_view_if_needed()
    expect(refusal).to_be_in_viewport()
    shot(page, "trigger-refused")
    assert airflow_ui.airflow.call("GET", f"/dags/{DAG_ID}/dagRuns")["total_entries"] == runs


def test_what_a_task_did(page: Page, finished: Run, shot: Shot, hidden: Hidden) -> None:
    """The log tells what was compared and found. Beside it are the links to the portal, under Details, and what the
    task was given and gave, without a secret.
    """
    page.goto(finished.task("verify_migration"))
    log = page.locator("code").filter(has_text="Source and target are equal").first
    expect(log).to_contain_text(re.compile(r"equal: 1 database, \d+ tables?, 100 rows"))
    expect(log).not_to_contain_text("Traceback")
    hidden(page)
    shot(page, "log")

    page.get_by_role("link", name="Rendered Templates").click()
    expect(row(page, "source_conn_id")).to_contain_text("legacy_shop")
    hidden(page)
    shot(page, "rendered")

    page.get_by_role("link", name="Storage").click()
    page.get_by_role("link", name="XCom", exact=True).click()
    page.get_by_role("button", name="Expand all extra JSON").click()
    expect(row(page, "return_value")).to_contain_text('"equal": true')
    expect(row(page, "service")).to_contain_text(finished.service)
    hidden(page)
    shot(page, "xcom")

    page.get_by_role("link", name="Details", exact=True).click()
    portal = f"{finished.ui.emulator.url.removesuffix('/v2')}/dbaas/ch-gva-2/{finished.service}"
    for name, address in (("Exoscale service", portal), ("Exoscale migration", f"{portal}/migration")):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("href", address)
    shot(page, "links")


def test_a_start_keeps_its_secrets(page: Page, finished: Run, hidden: Hidden) -> None:
    """The log of the task that hands the source's password to the API names the source, and hides the password."""
    page.goto(finished.task("start_migration"))
    expect(page.locator("code").filter(has_text=finished.service).first).to_be_visible()
    hidden(page)


def test_the_migrated_database_is_an_asset(page: Page, finished: Run, shot: Shot) -> None:
    """The task shows the event it left; the database is among the assets, with that event."""
    page.goto(finished.task("verify_migration", "/asset_events"))
    expect(page.get_by_role("link", name=finished.asset)).to_be_visible()
    shot(page, "asset-events")
    page.goto("/assets")
    page.get_by_role("link", name=finished.asset).click()
    expect(page.get_by_role("heading", name="1 Asset Event")).to_be_visible()
    expect(page.get_by_test_id("card-list").get_by_role("link", name=DAG_ID)).to_be_visible()
    shot(page, "asset")
