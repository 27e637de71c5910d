"""The documentation builds as a site, strictly, and has all there is."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from airflow_dbaas.api import AsyncClient, Client, errors
from airflow_dbaas.hooks.dbaas import DbaasHook
from tests.browser.conftest import chromium
from tests.unit.bad_input.kinds import GOOD

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` builds it, but elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)],
        check=False,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    # Any warning ends it; ``--quiet`` would silence them, and nothing would.
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARNING" not in built.stdout + built.stderr
    return folder


def documented(site: Path, page: str) -> set[str]:
    """The names that a page has headings of."""
    return set(re.findall(r'id="(airflow_dbaas\.[^"]+)"', (site / "reference" / page).read_text()))


def test_every_operator_and_sensor_has_a_reference(site: Path) -> None:
    """A heading on one of the pages of the reference."""
    pages = [*(site / "reference" / "operators").glob("*.html"), site / "reference" / "sensors.html"]
    found = {heading for page in pages for heading in re.findall(r'<h2 id="(dbaas\w+)"', page.read_text())}
    assert {kind.__name__.lower() for kind in GOOD} == found


def test_everything_else_has_one(site: Path) -> None:
    """Exceptions, methods of the hook and the clients, and every call of the API."""
    wanted = {f"{errors.__name__}.{name}" for name, each in vars(errors).items() if inspect.isclass(each)} - {
        f"{errors.__name__}.ClassVar"
    }
    wanted |= {f"{DbaasHook.__module__}.DbaasHook.{name}" for name in vars(DbaasHook) if callable_of(DbaasHook, name)}
    wanted |= {
        f"airflow_dbaas.api.{kind.__name__}.{name}"
        for kind in (Client, AsyncClient)
        for name in vars(kind)
        if callable_of(kind, name)
    }
    operations = [operation for _, operation in Client("key", "secret", zone="ch-gva-2").every_operation()]
    wanted |= {f"{each.owner.__module__}.{each.declared_by.__name__}.{each.name}" for each in operations}
    assert wanted - (documented(site, "client.html") | documented(site, "errors.html")) == set()


def callable_of(kind: type, name: str) -> bool:
    """Whether this is a public method that the class itself has."""
    return not name.startswith("_") and inspect.isroutine(inspect.getattr_static(kind, name))


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    """No page fetches a script, a style, a font or an image over the network."""
    fetched = re.compile(r"""<(?:script|img|iframe|link|source)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'> ]+)""")
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert {(page.name, address) for page in pages for address in fetched.findall(page.read_text())} == set()
    styles = "".join(style.read_text() for style in site.rglob("*.css"))
    assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", styles)
    assert "@import" not in styles


def test_the_commands_help_is_in_the_site(site: Path) -> None:
    """Each command of ``airflow-dbaas`` has its own heading with its options."""
    page = (site / "reference" / "cli.html").read_text()
    assert 'id="airflow-dbaas-emulator"' in page
    assert "--operation-seconds" in page


def test_every_page_is_in_the_navigation_once(site: Path) -> None:
    """No page of docs is missing from it, none is in it twice."""
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    in_nav = (ROOT / "mkdocs.yml").read_text().split("\nnav:\n")[1].split()
    named = [word for word in in_nav if word.endswith(".md")]
    assert sorted(named) == sorted(set(named))
    assert pages <= set(named)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


def test_search_works_without_a_server(site: Path, browser: Browser) -> None:
    """On a page that is opened as a file."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((site / "index.html").as_uri())
    page.locator("input.md-search__input").click()
    page.keyboard.type("cancel_on_kill")
    found = page.locator("a.md-search-result__link").first
    expect(found).to_have_attribute("href", re.compile("^file://.*/reference/operators/.*html"))
    page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_cut_at_the_right(site: Path, browser: Browser, width: int) -> None:
    """Every page fits its window; what is wider, such as a table, scrolls by itself."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    cut = {}
    for file in sorted(site.rglob("*.html")):
        page.goto(file.as_uri())
        if found := page.evaluate(CUT):
            cut[file.relative_to(site).as_posix()] = found
    page.close()
    assert cut == {}


#: What reaches beyond the right edge of the window and cannot be scrolled to.
CUT = """() => {
  const edge = window.innerWidth + 1;
  const found = document.documentElement.scrollWidth > edge ? ["the page scrolls"] : [];
  for (const element of document.querySelectorAll(".md-content *")) {
    const box = element.getBoundingClientRect();
    if (!box.width || box.right <= edge) continue;
    let around = element.parentElement;
    while (around && !(["auto", "scroll"].includes(getComputedStyle(around).overflowX)
                       && around.getBoundingClientRect().right <= edge)) around = around.parentElement;
    if (!around) found.push(element.tagName + ": " + element.textContent.slice(0, 40));
  }
  return found.slice(0, 3);
}"""
