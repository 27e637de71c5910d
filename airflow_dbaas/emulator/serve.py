"""Runs the emulator: from the options of the command to the clean-up at the end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import secrets
import shlex
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from airflow_dbaas.emulator.accounts import DatabaseService
from airflow_dbaas.emulator.app import PREFIX, create_app
from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.faults import BadRules, Faults, connections, document
from airflow_dbaas.emulator.handlers import HANDLERS, State
from airflow_dbaas.emulator.law import Law
from airflow_dbaas.emulator.metrics import Metrics
from airflow_dbaas.emulator.mysql import binaries as mysql
from airflow_dbaas.emulator.operations import Operations
from airflow_dbaas.emulator.postgres import installed
from airflow_dbaas.emulator.servers.server import NO_HOME
from airflow_dbaas.emulator.service_types import catalogue
from airflow_dbaas.emulator.services import Services, require_free_space
from airflow_dbaas.emulator.signature import Keys
from airflow_dbaas.emulator.tasks import Tasks

logger = logging.getLogger(__name__)

_THREADS = 256


class CannotRun(Exception):
    """The emulator cannot start; the text is the one line the user gets."""

    exit_code = 1


class BadOption(CannotRun):
    """An option has a value that never works."""

    exit_code = 2


class OneLine(logging.Formatter):
    """A message is one line, whatever is in the names and servers' words that it quotes; a traceback follows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line, with what would end it or steer a terminal written as in Python."""
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in super().formatMessage(record))


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; returns the exit code."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The driver would take defaults for the servers it talks to from these.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    os.environ["HOME"] = NO_HOME
    try:
        asyncio.run(_run(args))
    except CannotRun as error:
        sys.stderr.write(f"airflow-dbaas emulator: {error}\n")
        return error.exit_code
    return 0


async def _run(args: argparse.Namespace) -> None:
    try:
        law = Law.load()
    except ModuleNotFoundError as missing:
        raise CannotRun(f"package {missing.name} is missing: pip install 'airflow-dbaas[emulator]'") from missing
    binaries, mariadb = installed(), mysql.installed()
    if args.zone not in law.zones:
        raise BadOption(f"unknown zone '{args.zone}', known are {', '.join(law.zones)}")
    if not binaries:
        raise CannotRun("no PostgreSQL binaries found: pip install 'airflow-dbaas[emulator]'")
    faults = _faults(args.faults, law)
    keys = _keys()
    with _listen(args.host, args.port) as listener, _directory(args.directory) as directory:
        operations, tasks = Operations(args.operation_seconds), Tasks()
        services = Services(directory, args.startup_seconds)
        metrics = Metrics(
            args.metrics_seconds, lambda: [each for each in services.all() if isinstance(each, DatabaseService)]
        )
        state = State(
            zone=args.zone,
            law=law,
            types=catalogue(binaries, mariadb),
            binaries=binaries,
            mysql=mariadb,
            operations=operations,
            services=services,
            tasks=tasks,
            authority=Authority(),
            metrics=metrics,
        )

        def refuse(seconds: float) -> None:
            server.refuse(seconds)

        app = create_app(state, keys, faults, refuse)
        server = _Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", http=connections.Protocol, ws="none")
        )
        loop = asyncio.get_running_loop()
        # Python's own limit is a few more than the processors: as many silent sources would hold up all that waits.
        loop.set_default_executor(ThreadPoolExecutor(_THREADS))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.leave)
        _announce(listener, args.host, args.zone, keys)
        metrics.start()
        try:
            await server.serve(sockets=[listener])
        finally:
            logger.info("Stopping")
            await server.end_refusing()
            await metrics.close()
            await tasks.close()
            await operations.close()
            await services.close()


class _Server(connections.Server):
    """Uvicorn, without its own signal handling: that ends the process by the signal, with no exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def leave(self) -> None:
        """Stop serving; what is being answered is not waited for."""
        self.should_exit = True
        self.force_exit = True


def _faults(given: str | None, law: Law) -> Faults:
    faults = Faults({name: law.operations[name] for name in HANDLERS})
    if given is not None:
        try:
            faults.replace(document.read(given))
        except BadRules as error:
            raise BadOption(f"--faults: {error}") from error
    return faults


def _keys() -> Keys:
    return Keys(
        key=os.environ.get("EXOSCALE_API_KEY") or f"EXO{secrets.token_hex(12)}",
        secret=os.environ.get("EXOSCALE_API_SECRET") or secrets.token_urlsafe(32),
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotRun(f"cannot listen at {host}: {error.strerror or error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise CannotRun(f"cannot listen at {host}:{port}: {error.strerror or error}") from error
    return listener


@contextlib.contextmanager
def _directory(wanted: Path | None) -> Iterator[Path]:
    """A folder of the emulator's own for the servers' data, removed at the end with all that is in it."""
    above = Path(tempfile.gettempdir()) if wanted is None else wanted.resolve()
    made = not above.exists()
    try:
        above.mkdir(parents=True, exist_ok=True)
        require_free_space(above)
        directory = Path(tempfile.mkdtemp(prefix="airflow-dbaas-", dir=above))
        # Servers of an unprivileged account pass through it. It holds nothing but their closed folders.
        directory.chmod(0o711)
    except OSError as error:
        raise CannotRun(f"cannot keep data in {above}: {error.strerror or error}") from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):
                above.rmdir()


def _announce(listener: socket.socket, host: str, zone: str, keys: Keys) -> None:
    address, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{PREFIX}"
    from_environment = "EXOSCALE_API_SECRET" in os.environ
    connection = {
        "conn_type": "exoscale",
        "login": keys.key,
        "password": "…" if from_environment else keys.secret,
        "host": url,
        "extra": {"zone": zone} if _is_loopback(host) else {"zone": zone, "allow_http": True},
    }
    lines = [
        f"Emulator of the Exoscale DBaaS API listens at {url}",
        "",
        "An Airflow connection to it:",
        f"export AIRFLOW_CONN_EXOSCALE_DEFAULT={shlex.quote(json.dumps(connection, ensure_ascii=False))}",
    ]
    if from_environment:
        lines.append("The secret is the one in EXOSCALE_API_SECRET; put it where the … stands.")
    if not _is_loopback(address):
        lines += [
            "",
            f"Other machines can reach it ({address}). Without the API secret it does nothing for anybody, but nothing "
            "is encrypted: whoever reads the traffic reads the passwords of its databases.",
        ]
    lines += ["", "Ctrl-C stops it and all of its servers."]
    # Whoever started this and stopped listening wants the emulator all the same.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"
