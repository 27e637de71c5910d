"""What can be said of the matrix without running it: ``make matrix`` does that."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from airflow_dbaas import __version__
from tests.matrix import report
from tests.matrix.cell import Outcome
from tests.matrix.cells import CELLS, CONSTRAINTS, Cell, choose
from tests.matrix.environments import ROOT, NoEnvironmentError, find_python
from tests.matrix.features import FEATURES, wrong


def pins(file: Path) -> dict[str, str]:
    """What a file of constraints pins."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def test_the_docs_show_the_whole_matrix() -> None:
    """The tables are of this version, of all cells, and of the features that are tried."""
    content = report.RESULTS.read_text(encoding="utf-8")
    assert f"airflow-dbaas {__version__}\n" in content
    rows = [line for line in content.splitlines() if line.startswith(tuple(map(report.row_start, CELLS)))]
    assert len(rows) == len(CELLS)
    assert not [row for row in rows if "failed" in row]
    assert report.markdown(report.lines()) in report.FEATURES_PAGE.read_text(encoding="utf-8")


def test_what_is_promised_is_tried() -> None:
    """Oldest and newest Airflow and every Python that the package names are in the matrix."""
    (airflow,) = [Requirement(line) for line in requires("airflow-dbaas") or [] if line.startswith("apache-airflow>")]
    assert str(airflow.specifier) == f">={min(CELLS, key=lambda cell: cell.version).airflow}"
    named = [line.rpartition(" ")[2] for line in metadata("airflow-dbaas").get_all("Classifier") or []]
    assert {cell.python for cell in CELLS} == {version for version in named if version.startswith("3.")}
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert f"apache-airflow=={max(CELLS, key=lambda cell: cell.version).airflow}\n" in locked


@pytest.mark.parametrize("file", sorted(CONSTRAINTS.glob("*.txt")), ids=lambda file: file.stem)
def test_the_managed_pins_are_within_what_the_package_takes(file: Path) -> None:
    """A managed Airflow's pins name all that the package needs, in versions that it takes."""
    assert file in [cell.constraints for cell in CELLS]
    pinned = pins(file)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in map(Requirement, project["dependencies"]):
        if requirement.name != "apache-airflow":
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_one_version_can_be_chosen() -> None:
    """``ONLY`` takes a version of Airflow, or with its Python; one that is not there is named with those that are."""
    assert [cell.airflow for cell in choose("3.0.6")] == ["3.0.6"]
    assert {cell.python for cell in choose("3.3.2")} == {"3.11", "3.12", "3.13"}
    assert [str(cell) for cell in choose("3.3.2/3.13")] == ["Airflow 3.3.2, Python 3.13"]
    assert choose(None) == list(CELLS)
    refused = subprocess.run(
        [sys.executable, "-m", "tests.matrix", "--only", "2.9.0"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "no Airflow 2.9.0 in the matrix; there are 2.11.0, 2.11.2, 3.0.6" in refused.stderr


def test_a_missing_python_is_said() -> None:
    """A Python that is not on the machine is no success."""
    with pytest.raises(NoEnvironmentError, match=r"^Python 3\.99 not found$"):
        find_python("3.99")


def test_a_feature_is_held_to_the_docs() -> None:
    """What a cell finds otherwise than documented is named, with what should be: absence, presence, and the words."""
    old = Cell("2.11.0", "3.12", "MWAA")
    found = {feature.key: feature.expected(old) for feature in FEATURES}
    assert not wrong(found, old)
    assert "3.1 or later, which can ask for approval; this is 2.11.0" in str(found["approval"])
    assert "Approval before the cut-over: True, should be 'approve_cut_over needs" in wrong(
        {**found, "approval": True}, old
    )
    assert "Sensors without a worker: False, should be True" in wrong(found, Cell("3.3.2", "3.12", "newest"))


def test_the_table_shows_a_failure() -> None:
    """A row has the seconds of each step, or where it failed."""
    cell = Cell("3.0.6", "3.12", "MWAA")
    good = Outcome(cell, dict.fromkeys(report.STEPS, 1.4))
    bad = Outcome(cell, {"install": 1.4}, problem=("listed", "wrong"))
    _, first, second = report.rows([good, bad])
    assert first == ["3.0.6", "3.12", "MWAA", *["1 s"] * 5, "7"]
    assert second == ["3.0.6", "3.12", "MWAA", "1 s", "failed", "", "", "", "1"]


def test_the_docs_keep_what_was_not_tried(tmp_path: Path) -> None:
    """Rows of other cells stay, and so does what is round the sections; what no run has shown is not made up."""
    file, features = tmp_path / "results.md", tmp_path / "versions.md"
    file.write_text("a\n<!-- matrix -->\nold\n<!-- end of matrix -->\nb\n")
    features.write_text("b\n<!-- features -->\nold\n<!-- end of features -->\nc\n")
    first, *others = CELLS
    with pytest.raises(LookupError, match=re.escape(f"has no rows of airflow-dbaas {__version__} for {others[0]}")):
        report.update([Outcome(first)], file, features)
    report.update([Outcome(cell, {"install": 1.0}) for cell in CELLS], file, features)
    report.update([Outcome(others[0], {"install": 7.0})], file, features)
    content = file.read_text()
    assert content.startswith(f"a\n<!-- matrix -->\n\nairflow-dbaas {__version__}\n\n| Airflow |")
    assert content.endswith("|\n\n<!-- end of matrix -->\nb\n")
    assert features.read_text().startswith("b\n<!-- features -->\n\n|  | 2.11 |")
    assert features.read_text().endswith("|\n\n<!-- end of features -->\nc\n")
    assert "old" not in content + features.read_text()
    assert [content.count(f"| {seconds} s |") for seconds in (1, 7)] == [len(CELLS) - 1, 1]
