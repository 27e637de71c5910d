# PYTHON_ARGCOMPLETE_OK
"""The command ``airflow-dbaas``."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import NoReturn

from airflow_dbaas import __version__
from airflow_dbaas.cli.commands import COMMANDS, quietly

DESCRIPTION = "Tools of the Airflow provider for Exoscale's managed databases"

_EPILOG = """\
exit codes:
  0    it went well
  1    it did not, and a sentence says why
  2    wrong use
  130  ended by Ctrl-C

completion in bash, if argcomplete is there (Airflow brings it):
  eval "$(register-python-argcomplete airflow-dbaas)"
"""


class _Parser(argparse.ArgumentParser):
    """Prints an error in one line, as the commands do; ``--help`` prints the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> argparse.ArgumentParser:
    """The parser of the arguments; its result has the chosen ``Command`` as ``chosen``."""
    made = _Parser(
        prog="airflow-dbaas",
        description=DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = made.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        options = commands.add_parser(
            command.name,
            help=command.help,
            description=textwrap.fill(command.description, 100),
            epilog=command.epilog("airflow-dbaas"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(options)
        options.set_defaults(chosen=command)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code.

    :param arguments: the arguments after the command's name; by default those of the process.
    """
    made = parser()
    try:
        import argcomplete
    except ModuleNotFoundError:
        pass
    else:
        argcomplete.autocomplete(made)

    def work() -> int:
        given = made.parse_args(arguments)
        return int(given.chosen.work(given))

    return quietly(work)
