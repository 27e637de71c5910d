"""The wheel and the source distribution, as they would be published."""

from __future__ import annotations

import email.parser
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
import yaml

from airflow_dbaas import __version__
from tests.matrix.environments import ROOT, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    hatchling(ROOT, "sdist", folder)
    return folder / f"airflow_dbaas-{__version__}.tar.gz"


@pytest.fixture(scope="module")
def description(wheel: Path) -> Message:
    """The wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"airflow_dbaas-{__version__}.dist-info/METADATA").decode()
    return email.parser.Parser().parsestr(text)


def hatchling(project: Path, target: str, folder: Path) -> None:
    """Build something with what is installed here: nothing is downloaded."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, check=True, cwd=project, capture_output=True)


def contents(wheel: Path) -> dict[str, bytes]:
    """All files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_both_are_clean(wheel: Path, sdist: Path) -> None:
    """What an index would refuse, or show badly, is not in them."""
    tools = Path(sys.executable).parent
    for command in (["twine", "check", "--strict", str(wheel), str(sdist)], ["check-wheel-contents", str(wheel)]):
        done = subprocess.run(
            [sys.executable, tools / command[0], *command[1:]],
            check=False,
            cwd=wheel.parent,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_is_the_package_alone(wheel: Path) -> None:
    """Every file of the package is in it, the mark of its types, too, and the example DAGs; nothing else is."""
    held = {name for name in contents(wheel) if not name.startswith(f"airflow_dbaas-{__version__}.dist-info/")}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "airflow_dbaas", "dags"],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    there = {name for name in listed.splitlines() if (ROOT / name).exists()}
    assert held == {re.sub("^dags/", "airflow_dbaas/example_dags/", name) for name in there}
    assert {"airflow_dbaas/py.typed", "airflow_dbaas/example_dags/dbaas_migrate_service.py"} <= held


def test_the_source_distribution_builds(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """The wheel that is built from it, offline, is the same as the one that is built from the repository."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / f"airflow_dbaas-{__version__}"
    assert {"CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "dags", "docs", "mkdocs.yml"} <= {
        p.name for p in unpacked.iterdir()
    }
    assert not (unpacked / "tests").exists()
    hatchling(unpacked, "wheel", tmp_path / "dist")
    (built,) = (tmp_path / "dist").iterdir()
    assert built.name == wheel.name
    assert contents(built) == contents(wheel)


def test_the_metadata_is_complete(description: Message) -> None:
    """Who looks for it finds it, and who installs it learns version, licence and Python; Airflow finds the provider."""
    assert description["Version"] == __version__
    assert description["License-Expression"] == "Apache-2.0"
    assert description["Requires-Python"] == ">=3.11"
    assert description["Description-Content-Type"] == "text/markdown"
    assert {"airflow", "exoscale", "dbaas"} <= set(description["Keywords"].split(","))
    assert {"Framework :: Apache Airflow :: Provider", "Typing :: Typed"} <= set(
        description.get_all("Classifier") or []
    )
    assert description.get_all("Project-URL")


def test_the_version_is_written_once() -> None:
    """Only the package says which version it is."""
    files = [ROOT / "pyproject.toml", *(ROOT / "airflow_dbaas").rglob("*.py")]
    held = [
        file for file in files if re.search(rf"version.*\b{re.escape(__version__)}\b", file.read_text(encoding="utf-8"))
    ]
    assert held == [ROOT / "airflow_dbaas" / "__init__.py"]


def test_the_changelog_keeps_its_form() -> None:
    """Keep a Changelog: versions with their days, newest first, the unreleased one on top; six kinds of changes."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line) for line in versions[1:])
    kinds = {line for line in lines if line.startswith("### ")}
    assert kinds
    assert kinds <= {f"### {kind}" for kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")}


def test_the_hooks_run_what_lint_runs() -> None:
    """What pre-commit runs is installed by ``make setup``, and is what ``make lint`` runs."""
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    for hook in configuration["repos"][0]["hooks"]:
        program, *arguments = hook["entry"].replace(" --force-exclude", "").split()
        assert Path(program).parent == Path(".venv/bin")
        assert f"$(BIN)/{Path(program).name} {' '.join(arguments)}" in makefile
