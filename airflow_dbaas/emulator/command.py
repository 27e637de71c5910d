"""The command ``airflow-dbaas emulator``: its options. Imports nothing that may be missing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_SHORTEST_INTERVAL = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8090, help="port to listen at, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument("--zone", default="ch-gva-2", help="zone to pretend to be (default: %(default)s)")
    parser.add_argument(
        "--directory", type=Path, help="where servers keep their data (default: a temporary folder, removed at the end)"
    )
    parser.add_argument(
        "--operation-seconds",
        type=_seconds,
        default=1.0,
        help="how long operations stay pending (default: %(default)s)",
    )
    parser.add_argument(
        "--startup-seconds",
        type=_seconds,
        default=3.0,
        help="how long a new service takes to run, at least (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics-seconds",
        type=_interval,
        default=30.0,
        help=f"how often the servers are measured, {_SHORTEST_INTERVAL} at least (default: %(default)s)",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of seconds, 0 or more")
    return seconds


def _interval(text: str) -> float:
    seconds = _seconds(text)
    if seconds < _SHORTEST_INTERVAL:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, {_SHORTEST_INTERVAL} or more")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; returns the exit code."""
    try:
        # Only now: without the extra's packages the command still has to be able to say so.
        from airflow_dbaas.emulator import serve
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"airflow-dbaas emulator: package {missing.name} is missing: pip install 'airflow-dbaas[emulator]'\n"
        )
        return 1
    return serve.run(args)
