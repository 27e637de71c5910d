"""Fresh virtual environments with an Airflow and this package's wheel: ``python -m tests.matrix.environments``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.matrix.cells import Cell, choose

ROOT = Path(__file__).parents[2]
BUILD_SECONDS = 120
INSTALL_SECONDS = 600


class NoEnvironmentError(Exception):
    """No environment can be made; the message is for the person at the terminal."""


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder, with the hatchling that is installed here."""
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], BUILD_SECONDS, cwd=ROOT)
    (wheel,) = folder.glob("airflow_dbaas-*.whl")
    return wheel


def find_python(version: str) -> Path:
    """The interpreter of a version.

    :param version: two numbers, such as ``3.12``.
    :raises NoEnvironmentError: if there is none on this machine.
    """
    # pyenv puts only the versions that are switched on within reach.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [str(folder) for folder in sorted(pyenv.glob(f"versions/{version}.*/bin"))]
    path = os.pathsep.join([*folders, os.environ.get("PATH", "")])
    found = subprocess.run(
        [_uv(), "python", "find", "--system", "--no-python-downloads", version],
        check=False,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if found.returncode != 0:
        raise NoEnvironmentError(f"Python {version} not found")
    return Path(found.stdout.strip())


def make(cell: Cell, folder: Path, wheel: Path) -> Path:
    """Make the environment of a cell: its Airflow, the wheel, a driver of PostgreSQL, all as a user would install them.

    :param cell: what to install.
    :param folder: where; it must not exist.
    :param wheel: this package.
    :return: the environment's interpreter.
    :raises NoEnvironmentError: if there is no such Python, or something cannot be installed.
    """
    _run([_uv(), "venv", "--quiet", "--python", str(find_python(cell.python)), str(folder)], INSTALL_SECONDS)
    python = folder / "bin" / "python"
    command = [_uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    command += [f"apache-airflow=={cell.airflow}"]
    if cell.constraints:
        # There Airflow's postgres provider is installed, so the driver is its.
        command += ["psycopg2-binary", str(wheel), "--constraints", str(cell.constraints)]
    else:
        command += [f"airflow-dbaas[postgres] @ {wheel.as_uri()}"]
    _run(command, INSTALL_SECONDS)
    return python


def _uv() -> str:
    """The pinned uv."""
    return str(Path(sys.executable).with_name("uv"))


def _run(command: list[str], seconds: float, cwd: Path | None = None) -> None:
    done = subprocess.run(command, check=False, cwd=cwd, capture_output=True, text=True, timeout=seconds)
    if done.returncode != 0:
        raise NoEnvironmentError(f"{' '.join(command)}\n{done.stderr.strip() or done.stdout.strip()}")


def main() -> int:
    """Make one environment and say where its interpreter is."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.matrix.environments", description="Make one virtual environment of the matrix."
    )
    parser.add_argument("airflow", help="version of Airflow, or both versions: 3.3.2/3.13")
    parser.add_argument("folder", type=Path, help="where to make it")
    options = parser.parse_args()
    try:
        cell = choose(options.airflow)[0]
        with tempfile.TemporaryDirectory() as folder:
            print(make(cell, options.folder.absolute(), build_wheel(Path(folder))))
    except (LookupError, NoEnvironmentError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
