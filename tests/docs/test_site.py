"""The documentation builds as a site, strictly, and has all there is."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_dbaas.api import AsyncClient, Client, errors
from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.task_groups import fleet, migrations
from airflow_dbaas.triggers.dbaas import DbaasSensorTrigger, DbaasWaitTrigger
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
    return set(re.findall(r'id="(airflow_dbaas\.[^"]+)"', (site / "reference" / "python" / page).read_text()))


def test_every_operator_and_sensor_has_a_reference(site: Path) -> None:
    """Under the name it is imported by."""
    names = {f"{kind.__module__}.{kind.__name__}" for kind in GOOD}
    found = documented(site, "operators.html") | documented(site, "sensors.html")
    public = {re.sub(r"\._(\w+)\.\w+\.", r".\1.", name) for name in names}
    assert len(public) > 20
    assert public - found == set()


def test_everything_else_has_one(site: Path) -> None:
    """Triggers, task groups, exceptions, methods of the hook and the clients, and every call of the API."""
    classes = [DbaasSensorTrigger, DbaasWaitTrigger]
    functions = [migrations.migrate_service, fleet.report_migrations, fleet.migration_outcome, fleet.keep_error]
    wanted = {f"{each.__module__}.{each.__name__}" for each in [*classes, *functions, fleet.DbaasMigrationTurnSensor]}
    wanted |= {f"{errors.__name__}.{name}" for name, each in vars(errors).items() if inspect.isclass(each)} - {
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
    pages = ("triggers", "task-groups", "errors", "hook")
    assert wanted - {name for page in pages for name in documented(site, f"{page}.html")} == set()


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
