"""An emulator in the background: started, found again, and stopped by the command. Imports nothing that may be missing.

Of each one that runs there is a file which says how to reach and to stop it. It holds secrets and is closed to others.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_dbaas.emulator.announcement import Connection, export

_STOP_SECONDS = 60.0
_SECRET = "EXOSCALE_API_SECRET"  # noqa: S105 - the variable's name
_SEEDED = "demo_source"


class CannotDo(Exception):
    """The text is the one line the user gets."""


@dataclass(frozen=True)
class _Running:
    """An emulator that runs in the background.

    :param url: base URL of its API.
    :param connections: Airflow's connections, by id; without the API secret if that came from the environment.
    :param pid: of its process.
    :param born: when that was started, in the kernel's units: another process may have its number later.
    """

    url: str
    connections: dict[str, Connection]
    pid: int
    born: str

    def there(self) -> bool:
        """Whether it still runs."""
        return _born(self.pid) == self.born


def start(args: argparse.Namespace) -> int:
    """Start an emulator in the background unless one is running; print how to use it. Returns the exit code.

    With ``--env`` standard output has nothing but lines for a shell.
    """
    with _place(args.state) as place:
        running, begun = _read(place), False
        if running is None:
            running, begun = _started(args, place), True
            _write(place, running)
        elif args.seed_demo and _SEEDED not in running.connections:
            raise CannotDo(
                f"the emulator that runs in the background at {running.url} was started without --seed-demo: "
                f"stop it first ({_stop_command(args.state)})"
            )
    exports = [export(name, connection) for name, connection in _complete(running).items()]
    ends = f"It runs in the background until it is stopped: {_stop_command(args.state)}"
    known = f"{'Started an' if begun else 'Found an'} emulator at {running.url}. {ends}\n"
    if args.env:
        sys.stdout.write("".join(f"{line}\n" for line in exports))
        sys.stdout.flush()
        sys.stderr.write(known)
    else:
        lines = [known, "Airflow connections to it and to its services:", *exports, ""]
        sys.stdout.write("\n".join([*lines, f"Its log is {_log(place)}."]) + "\n")
    return 0


def stop(args: argparse.Namespace) -> int:
    """Stop the background emulator with all its servers; returns the exit code."""
    with _place(args.state) as place:
        running = _read(place)
        if running is None:
            kept = f" with --state {args.state}" if args.state else ""
            raise CannotDo(f"no emulator{kept} runs in the background")
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while running.there():
            if time.monotonic() > deadline:
                raise CannotDo(f"process {running.pid} does not end; see {_log(place)}")
            time.sleep(0.05)
        place.unlink(missing_ok=True)
    sys.stdout.write(f"Stopped the emulator at {running.url}.\n")
    return 0


def _started(args: argparse.Namespace, place: Path) -> _Running:
    options = {
        "host": args.host,
        "port": args.port,
        "zone": args.zone,
        "state": args.state and args.state.resolve(),
        "operation-seconds": args.operation_seconds,
        "startup-seconds": args.startup_seconds,
        "metrics-seconds": args.metrics_seconds,
        "faults": args.faults,
    }
    command = [sys.executable, "-P", "-m", "airflow_dbaas.cli", "emulator", "--json"]
    command += [f"--{name}={value}" for name, value in options.items() if value is not None]
    command += ["--seed-demo"] if args.seed_demo else []
    log = _log(place)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # It outlives the shell, and no Ctrl-C reaches it.
            start_new_session=True,
        )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        with process.stdout:
            line = process.stdout.readline()
        if not line:
            process.wait(_STOP_SECONDS)
    except BaseException:
        process.terminate()
        raise
    if not line:
        words = log.read_text(errors="replace").strip().splitlines()
        raise CannotDo(words[-1].removeprefix("airflow-dbaas emulator: ") if words else "the emulator did not start")
    said = json.loads(line)
    # Not waited for, here or at the end of this process: it stays.
    process.returncode = 0
    return _Running(said["url"], said["connections"], process.pid, _born(process.pid) or "")


def _complete(running: _Running) -> dict[str, Connection]:
    """The connections, with the API secret that came from the environment."""
    api = running.connections["exoscale_default"]
    if "password" in api:
        return running.connections
    if _SECRET not in os.environ:
        raise CannotDo(
            f"the emulator at {running.url} was started with the secret in {_SECRET}, which is not set here: set it"
        )
    return running.connections | {"exoscale_default": api | {"password": os.environ[_SECRET]}}


@contextlib.contextmanager
def _place(state: Path | None) -> Iterator[Path]:
    """The file about the emulator with that state directory, or with none. The lock prevents concurrent starts and
    stops."""
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = Path(home).expanduser() / "airflow-dbaas"
    name = "emulator" if state is None else hashlib.sha256(os.fsencode(state.resolve())).hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except (OSError, RuntimeError) as error:
        raise CannotDo(
            f"cannot write to {folder}, which describes the background emulator: {error}; see XDG_STATE_HOME"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"{name}.json"
    finally:
        os.close(lock)


def _log(place: Path) -> Path:
    return place.with_suffix(".log")


def _read(place: Path) -> _Running | None:
    """The running emulator; None if there is none, or it was killed."""
    try:
        known: dict[str, Any] = json.loads(place.read_text())
        running = _Running(**known)
    except (OSError, ValueError, TypeError):
        return None
    return running if running.there() else None


def _write(place: Path, running: _Running) -> None:
    temporary = place.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(vars(running), file)
    temporary.replace(place)


def _born(pid: int) -> str | None:
    """When a process was started; None if there is none. A zombie counts as none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _stop_command(state: Path | None) -> str:
    kept = f" --state {shlex.quote(str(state))}" if state else ""
    return f"airflow-dbaas emulator{kept} --stop"
