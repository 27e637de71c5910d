"""The command ``airflow-dbaas emulator``: its options. Imports nothing that may be missing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_SHORTEST_INTERVAL = 0.1
_HIGHEST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=_port,
        default=8090,
        help="port to listen at; 0 for a free one, with --state that of last time if it is free (default: %(default)s)",
    )
    parser.add_argument("--zone", default="ch-gva-2", help="zone that it serves (default: %(default)s)")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="directory for its state, from which the next start continues; created if it does not exist (default: a "
        "temporary folder, removed at the end)",
    )
    parser.add_argument(
        "--seed-demo",
        action="store_true",
        help="create a PostgreSQL service with a filled database, and linked services, unless they exist",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON with the URL and Airflow's connections"
    )
    behind = parser.add_mutually_exclusive_group()
    behind.add_argument(
        "--background", action="store_true", help="start in the background, and return when it is ready"
    )
    behind.add_argument(
        "--env",
        action="store_true",
        help="print export lines for a shell that define Airflow's connections to the background emulator; start one "
        "if none is running",
    )
    behind.add_argument(
        "--stop", action="store_true", help="stop the emulator in the background; with --state, the one with that state"
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
        help=f"interval between measurements of the servers, {_SHORTEST_INTERVAL} at least (default: %(default)s)",
    )
    parser.add_argument(
        "--faults",
        metavar="FILE|'{…}'",
        help="faults: a YAML or JSON file, or JSON text (default: none; see docs/emulator.md)",
    )


def _port(text: str) -> int:
    # The resolver would take a port modulo 65536.
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_HIGHEST_PORT}, got {text!r}")
    return int(text)


def _seconds(text: str, least: float = 0) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not least <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, {least} or more, got {text!r}")
    return seconds


def _interval(text: str) -> float:
    return _seconds(text, _SHORTEST_INTERVAL)


def run(args: argparse.Namespace) -> int:
    """Serve until stopped, or start, find or stop a background emulator; returns the exit code."""
    if args.background or args.env or args.stop:
        from airflow_dbaas.emulator import detached

        try:
            return detached.stop(args) if args.stop else detached.start(args)
        except detached.CannotDo as problem:
            sys.stderr.write(f"airflow-dbaas emulator: {problem}\n")
            return 1
    try:
        # Only now: without the extra's packages the command still has to be able to say so.
        from airflow_dbaas.emulator import serve
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"airflow-dbaas emulator: package {missing.name} is missing: pip install 'airflow-dbaas[emulator]'\n"
        )
        return 1
    return serve.run(args)
