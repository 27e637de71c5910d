"""The message of the emulator when it is ready: as text, or as JSON for scripts."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import shlex
import sys
from dataclasses import dataclass, field
from typing import Any

Connection = dict[str, Any]
"""A connection of Airflow's, as its own JSON has it."""


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """Where the emulator is and how to use it."""

    url: str
    address: str
    """The address that it is bound to."""
    api: Connection = field(repr=False)
    secret_known: bool
    """Whether the secret came from the environment: it is not shown then."""
    others: dict[str, Connection] = field(default_factory=dict, repr=False)
    """Further connections, by id."""
    state: str | None = None
    """Directory that everything is kept in."""

    def text(self) -> str:
        """For people."""
        shown = self.api | ({"password": "…"} if self.secret_known else {})
        lines = [
            f"Emulator of the Exoscale DBaaS API listens at {self.url}",
            "",
            "An Airflow connection to it:",
            export("exoscale_default", shown),
        ]
        if self.secret_known:
            lines.append("The secret is the one in EXOSCALE_API_SECRET; put it where the … stands.")
        if self.others:
            lines += ["", "It has sample services, and a source to migrate from:"]
            lines += [export(name, connection) for name, connection in self.others.items()]
        if not is_loopback(self.address):
            lines += [
                "",
                f"Other machines can reach it ({self.address}). It refuses requests without the API secret, but "
                "nothing is encrypted: anyone who can read the traffic can read the passwords of its databases.",
            ]
        kept = "" if self.state is None else f" Its state is kept in {self.state}."
        return "\n".join([*lines, "", f"Ctrl-C stops it and all its servers.{kept}"])

    def json(self) -> str:
        """For scripts: one line. A secret that came from the environment is not in it."""
        api = {name: value for name, value in self.api.items() if name != "password" or not self.secret_known}
        connections = {"exoscale_default": api} | self.others
        return json.dumps({"url": self.url, "connections": connections}, ensure_ascii=False)


def announce(text: str) -> None:
    """Print it."""
    # If the parent no longer reads the output, the emulator keeps running.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def export(name: str, connection: Connection) -> str:
    """The line with which a shell defines an Airflow connection."""
    return f"export AIRFLOW_CONN_{name.upper()}={shlex.quote(json.dumps(connection, ensure_ascii=False))}"
