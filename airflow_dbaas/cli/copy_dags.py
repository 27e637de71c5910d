"""``copy-dags``: copies the example DAGs to Airflow's DAGs folder."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "folder",
        metavar="DIR",
        type=Path,
        help="folder to copy them to, usually Airflow's DAGs folder; made if missing",
    )
    parser.add_argument("--force", action="store_true", help="also replace files there that differ")


def run(args: argparse.Namespace) -> int:
    """Copy; returns 0 if all files in the folder equal those of the package, else 1."""
    folder: Path = args.folder
    said: list[str] = []
    differing = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in example_files():
            target = folder / file.name
            there = os.path.lexists(target)
            if there and target.is_file() and target.read_bytes() == file.read_bytes():
                word = "unchanged"
            elif there and not args.force:
                word, differing = "kept", differing + 1
            else:
                _write(target, file.read_bytes())
                word = "replaced" if there else "wrote"
            said.append(f"{word:10} {target}")
    except OSError as error:
        sys.stderr.write(f"airflow-dbaas copy-dags: cannot copy to {folder}: {error.strerror or error}\n")
        return 1
    sys.stdout.write("\n".join([*said, _next_steps(folder.resolve())]))
    sys.stdout.flush()
    if differing:
        sys.stderr.write(
            f"airflow-dbaas copy-dags: {differing} of the files there differ from the package's and were kept; "
            "--force replaces them\n"
        )
    return 1 if differing else 0


def example_files() -> list[Path]:
    """The example DAGs with the files they read: of the wheel, or of the checkout that this package is used from."""
    package = Path(__file__).parents[1]
    for folder in (package / "example_dags", package.parent / "dags"):
        if folder.is_dir():
            return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    raise FileNotFoundError(f"{package / 'example_dags'} is missing: install the package again")


def _write(target: Path, content: bytes) -> None:
    """Write a file as a whole, so that Airflow never parses half of it; a link is replaced, not followed."""
    # Airflow reads only files whose names end with .py.
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _next_steps(folder: Path) -> str:
    lines = ["", "Next:"]
    if os.environ.get("AIRFLOW__CORE__DAGS_FOLDER") != str(folder):
        lines += [
            "  have Airflow look there, unless that is its DAGs folder already:",
            f"      export AIRFLOW__CORE__DAGS_FOLDER={shlex.quote(str(folder))}",
        ]
    lines += [
        "  to try them without an account, start an emulator, which defines the connections:",
        '      eval "$(airflow-dbaas emulator --seed-demo --env)"',
        "  with an account, add the connection exoscale_default, and see whether it works:",
        "      airflow-dbaas check-connection",
        "  then trigger dbaas_migrate_service in Airflow; its form asks for the service and the source.",
    ]
    return "\n".join(lines) + "\n"
