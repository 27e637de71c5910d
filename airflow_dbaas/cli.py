"""The command ``airflow-dbaas``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from airflow_dbaas.emulator import command as emulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="airflow-dbaas", description="Tools beside the Airflow provider for Exoscale's managed databases"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    emulator.add_arguments(
        commands.add_parser("emulator", help="serve a local DBaaS that speaks Exoscale's API and moves real data")
    )
    return emulator.run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
