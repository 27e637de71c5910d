"""``airflow-dbaas copy-dags``: the example DAGs, and nobody's changes lost."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[2] / "dags"
FILES = {file.name: file.read_bytes() for file in DAGS.glob("*.*")}


def copy(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, come to its end; it never ends with a traceback."""
    command = [sys.executable, "-m", "airflow_dbaas.cli", "copy-dags", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=os.environ | variables)
    assert "Traceback" not in ended.stderr
    return ended


def test_all_of_them_are_copied(tmp_path: Path) -> None:
    """With the files they read, into a folder that is made; it says what it wrote, and what to do next."""
    folder = tmp_path / "new" / "da gs"
    done = copy(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == FILES
    umask = os.umask(0)
    os.umask(umask)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o666 & ~umask}
    for name in FILES:
        assert f"wrote      {folder / name}\n" in done.stdout
    assert f"export AIRFLOW__CORE__DAGS_FOLDER='{folder}'" in done.stdout
    assert "airflow-dbaas emulator --seed-demo --env" in done.stdout
    again = copy(folder, AIRFLOW__CORE__DAGS_FOLDER=str(folder))
    assert again.returncode == 0
    assert again.stdout.count("unchanged  ") == len(FILES)
    assert "export AIRFLOW__CORE__DAGS_FOLDER" not in again.stdout


def test_a_changed_file_is_kept(tmp_path: Path) -> None:
    """The others are copied all the same; only ``--force`` replaces it, and a link is not followed."""
    mine, other = tmp_path / "dbaas_migrate_service.py", tmp_path / "elsewhere.txt"
    mine.write_text("# mine")
    other.write_text("somebody's")
    (tmp_path / "dbaas_migrate_fleet.py").symlink_to(other)
    done = copy(tmp_path)
    assert done.returncode == 1
    assert "2 of the files there differ from the package's and were kept; --force replaces them" in done.stderr
    assert f"kept       {mine}\n" in done.stdout
    assert mine.read_text() == "# mine"
    assert (tmp_path / "dbaas_decommission.py").read_bytes() == FILES["dbaas_decommission.py"]
    forced = copy(tmp_path, "--force")
    assert (forced.returncode, forced.stderr) == (0, "")
    assert forced.stdout.count("replaced   ") == 2
    assert mine.read_bytes() == FILES[mine.name]
    assert other.read_text() == "somebody's"
    assert {file.name for file in tmp_path.iterdir()} == {*FILES, other.name}


@pytest.mark.parametrize(("folder", "words"), [("file/below", "Not a directory"), ("file", "File exists")])
def test_what_is_no_folder_is_said(tmp_path: Path, folder: str, words: str) -> None:
    """In one line."""
    (tmp_path / "file").touch()
    done = copy(tmp_path / folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"airflow-dbaas copy-dags: cannot copy to {tmp_path / folder}: {words}\n"
