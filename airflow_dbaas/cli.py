"""The command ``airflow-dbaas``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from airflow_dbaas.emulator import command as emulator


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, as the commands themselves do; the usage is for those who ask for help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _Parser(
        prog="airflow-dbaas", description="Tools beside the Airflow provider for Exoscale's managed databases"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    emulator.add_arguments(
        commands.add_parser("emulator", help="serve a local DBaaS that speaks Exoscale's API and moves real data")
    )
    return emulator.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
