"""The commands, stated once: for ``airflow-dbaas`` and for ``airflow dbaas``. Imports nothing that takes time."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from airflow_dbaas.cli import check_connection, copy_dags, verify
from airflow_dbaas.emulator import command as emulator

_INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """One command.

    :param name: name of the command.
    :param help: description in one line.
    :param description: description in one paragraph.
    :param add_arguments: declares its options.
    :param work: runs the command; returns the exit code.
    :param examples: arguments of examples, and their purpose.
    :param exit_codes: what each means.
    """

    name: str
    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    work: Callable[[argparse.Namespace], int]
    examples: dict[str, str]
    exit_codes: dict[int, str]

    def epilog(self, program: str) -> str:
        """Examples and exit codes, for the help.

        :param program: the words before the command's name.
        """
        lines = ["examples:"]
        for arguments, purpose in self.examples.items():
            lines += [f"  {program} {self.name} {arguments}".rstrip(), f"      {purpose}"]
        lines += ["", "exit codes:", *(f"  {code}  {meaning}" for code, meaning in self.exit_codes.items())]
        return "\n".join(lines)

    def run(self, given: argparse.Namespace) -> int:
        """Run it; returns the exit code."""
        return quietly(lambda: self.work(given))


def quietly(work: Callable[[], int]) -> int:
    """Run something that prints; returns its exit code.

    Ctrl-C, and a reader of the output that has gone, end it without a traceback.
    """
    try:
        try:
            return work()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Otherwise, Python would try to write the rest when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


COMMANDS = (
    Command(
        name="check-connection",
        help="check whether an Airflow connection to Exoscale's DBaaS works, and what its key may read",
        description="Reads an Airflow connection as tasks do (secrets backend, environment, metadata database) and "
        "sends a request of each kind that only reads. It shows address, zone and key, never the secret.",
        add_arguments=check_connection.add_arguments,
        work=check_connection.run,
        examples={
            "": "the connection exoscale_default",
            "exoscale_prod --zone de-fra-1": "another one, in another zone than its own",
            "--json": "for a script",
        },
        exit_codes={0: "it works", 1: "it does not; the last line says why, and what to do", 2: "wrong use"},
    ),
    Command(
        name="copy-dags",
        help="copy the example DAGs to a folder",
        description="Copies the example DAGs and the files they read, says what it wrote and what to do next. A file "
        "that was changed there is kept.",
        add_arguments=copy_dags.add_arguments,
        work=copy_dags.run,
        examples={
            "~/airflow/dags": "to Airflow's usual folder",
            "dags --force": "files that were changed there are replaced",
        },
        exit_codes={0: "all are there", 1: "some were kept, or cannot be written; a line says which", 2: "wrong use"},
    ),
    Command(
        name="emulator",
        help="serve a local DBaaS that speaks Exoscale's API and moves real data",
        description="Serves Exoscale's DBaaS API on this machine until Ctrl-C, with real database servers behind it. "
        "It prints the Airflow connection to it. The key and secret are those in EXOSCALE_API_KEY and "
        "EXOSCALE_API_SECRET, or made up.",
        add_arguments=emulator.add_arguments,
        work=emulator.run,
        examples={
            "": "at http://127.0.0.1:8090/v2",
            "--port 0 --operation-seconds 0.1 --startup-seconds 0.1": "at a free port, and quick",
            "--state ./state --seed-demo": "with something in it, that is there again at the next start",
            "--faults faults.yaml": "failing as the file says",
            "--background": "in the background; airflow-dbaas emulator --stop ends it",
            "--seed-demo --env": 'in the background, for a shell: eval "$(airflow-dbaas emulator --seed-demo --env)"',
        },
        exit_codes={0: "it was told to stop", 1: "it could not start; a line says why", 2: "wrong use"},
    ),
    Command(
        name="verify",
        help="compare two PostgreSQL or MySQL servers: rows, and the definitions of all objects",
        description="Compares any two servers of one kind by their Airflow connections; AIRFLOW_CONN_... variables do, "
        "no database of Airflow is needed. It reads only, and says what it did not compare.",
        add_arguments=verify.add_arguments,
        work=verify.run,
        examples={
            "--source-conn-id old --target-conn-id new": "all rows of all databases",
            "--source-conn-id old --target-conn-id new --content count --json": "for a script, and quick",
            "--source-conn-id old --target-conn-id new --report ./report": "with a report to keep",
        },
        exit_codes={0: "equal", 1: "different", 2: "wrong use, or they could not be compared; a line says why"},
    ),
)
