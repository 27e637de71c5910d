"""Airflow's web pages as a person sees them: a whole Airflow, the emulator, and Chromium."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from airflow_dbaas.emulator.postgres import PostgresServer
from demo.airflow import Airflow
from demo.emulator import Emulator
from demo.pace import stretched
from tests.integration.scheduler.conftest import ROOT, Scheduled, whole_airflow

#: Milliseconds that a person would wait at most.
PATIENCE = 60_000
SIZE = {"width": 1280, "height": 800}
SOURCE = "legacy_shop"

#: The interpreter of another environment: the page can be tried in its Airflow, 3.1 or later.
PYTHON = os.environ.get("BROWSER_PYTHON", sys.executable)
#: Where ``make screenshots`` wants them; unset in tests.
SCREENSHOTS = os.environ.get("SCREENSHOTS")


def chromium() -> str:
    """The browser's program; without it a test is skipped, or fails where CI is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    reason = "no Chromium is installed (apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class AirflowUI:
    """A running Airflow whose pages are looked at."""

    url: str
    user: str
    password: str
    scheduled: Scheduled

    @property
    def airflow(self) -> Airflow:
        """Its REST API."""
        return self.scheduled.airflow

    @property
    def emulator(self) -> Emulator:
        """The DBaaS it works with."""
        return self.scheduled.emulator


@pytest.fixture(scope="session")
def airflow_ui(tmp_path_factory: pytest.TempPathFactory, shared: ExitStack) -> AirflowUI:
    """An Airflow with the project's DAGs and the connection to the emulator, for all tests here."""
    chromium()
    dags = tmp_path_factory.mktemp("dags")
    shutil.copytree(ROOT / "dags", dags, dirs_exist_ok=True)
    settings = {
        # The button "Test" is off by default.
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        # Until then, by default a minute, a new asset is not listed.
        "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "2",
    }
    scheduled = shared.enter_context(whole_airflow(dags, {}, settings, python=PYTHON))
    airflow = scheduled.airflow
    return AirflowUI(airflow.url, airflow.user, airflow.password, scheduled)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Not for the session: while Playwright is at work, its thread can run no event loop of others."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser, airflow_ui: AirflowUI) -> Iterator[BrowserContext]:
    """A browser's window in which the administrator has logged in, by Airflow's own page."""
    context = browser.new_context(viewport=SIZE, base_url=airflow_ui.url, locale="en-GB", color_scheme="light")
    patience = stretched(PATIENCE)
    context.set_default_timeout(patience)
    expect.set_options(timeout=patience)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill(airflow_ui.user)
    page.locator("input[type=password]").fill(airflow_ui.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Dags").first).to_be_visible()
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of that window, empty at first: ``page.goto("/dags")``."""
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def source(airflow_ui: AirflowUI, postgres_source: PostgresServer) -> str:
    """A small source database under an Airflow connection; the connection's id."""
    airflow_ui.scheduled.add_source(SOURCE, postgres_source)
    return SOURCE


@pytest.fixture(scope="session")
def shot() -> Callable[[Page, str], None]:
    """``shot(page, "name")`` takes a picture for the docs if ``make screenshots`` asks for it."""

    def take(page: Page, name: str) -> None:
        if not SCREENSHOTS:
            return
        from PIL import Image

        file = Path(SCREENSHOTS) / f"{name}.png"
        # A hint hangs on what the mouse was last over. Icons and editors come late.
        page.mouse.move(SIZE["width"] - 1, SIZE["height"] - 1)
        page.wait_for_timeout(2000)
        page.screenshot(path=file, animations="disabled", caret="hide")
        with Image.open(file) as image:
            # The pages have few colours: a palette makes it a third.
            image.convert("RGB").quantize(128).save(file, optimize=True)

    return take
