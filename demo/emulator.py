"""The DBaaS: the package's emulator in a separate process."""

import os
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo

from airflow_dbaas.api.client import Client
from airflow_dbaas.api.retries import NO_RETRY
from demo.pace import Patience
from demo.processes import DemoError, House

# Long enough for a task to hand its wait over to the triggerer, as it would with the real service.
STARTUP_S = 8
START_TIMEOUT_S = 60.0
NAME = "emulator"
_LISTENS = re.compile(r"listens at (http://127\.0\.0\.1:\d+/v2)\n")


@dataclass(frozen=True)
class Emulator:
    """A running emulator and the account in it."""

    url: str
    key: str
    secret: str = field(repr=False)

    def client(self) -> Client:
        """A client without repetitions: the next answer comes soon enough."""
        return Client(self.key, self.secret, url=self.url, retry=NO_RETRY)


def start_emulator(
    house: House,
    state: Path | None = None,
    again: Emulator | None = None,
    secret: str | None = None,
    command: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Emulator:
    """Start the emulator and wait until it says where it listens.

    :param house: where it runs.
    :param state: where it keeps all it has; otherwise that ends with it.
    :param again: one that has ended: its port and keys are taken, otherwise a free port and new ones.
    :param secret: the secret of its API key, by default a new one.
    :param command: what to run in the place of the package's own command.
    :param options: of the command, besides the port and the state.
    """
    key = again.key if again else f"EXO{secrets.token_hex(12)}"
    secret = again.secret if again else secret or secrets.token_urlsafe(32)
    port = urlsplit(again.url).port if again else 0
    line = [*(command or _installed()), "--port", str(port), *(["--state", str(state)] if state else [])]
    line += options or ["--startup-seconds", str(STARTUP_S)]
    said = house.log(NAME).stat().st_size if house.log(NAME).exists() else 0
    process = house.start(NAME, line, {"EXOSCALE_API_KEY": key, "EXOSCALE_API_SECRET": secret})
    patience = Patience(START_TIMEOUT_S)
    while not (found := _LISTENS.search(house.log(NAME).read_bytes()[said:].decode(errors="replace"))):
        if process.poll() is not None or patience.over:
            raise DemoError(f"the emulator did not start\n{house.tail(NAME)}")
        house.sleep(0.1)
    return Emulator(found[1], key, secret)


def _installed() -> list[str]:
    program = Path(sys.executable).with_name("airflow-dbaas")
    if not os.access(program, os.X_OK):
        raise DemoError(f"{program} is missing: is the package installed in this environment?")
    # Interpreted by name: a script's first line does not survive every path.
    return [sys.executable, "-P", str(program), "emulator"]


def target_conninfo(client: Client, service: str) -> dict[str, str]:
    """How the administrator logs in to a service, as parameters of a connection."""
    parameters = client.services.pg.get(service).uri_params or {}
    secret = client.accounts.pg.reveal_password(service_name=service, username=parameters["user"])
    return {
        "host": parameters["host"],
        "port": str(parameters["port"]),
        "user": parameters["user"],
        "password": secret.password or "",
        "sslmode": str(parameters.get("sslmode", "prefer")),
    }


def database_conninfo(parameters: dict[str, str], database: str) -> str:
    """The connection string of one database of a service."""
    return make_conninfo(**parameters, dbname=database)
