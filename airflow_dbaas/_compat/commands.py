"""Airflow's command line: commands of a provider (3.2), and where a command finds connections."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Command(Protocol):
    """The interface of a command."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def help(self) -> str:
        """A description in one line."""

    @property
    def description(self) -> str:
        """A description in one paragraph."""

    @property
    def add_arguments(self) -> Callable[[argparse.ArgumentParser], None]:
        """Declares its options."""

    def epilog(self, program: str) -> str:
        """The end of the help text."""

    def run(self, given: argparse.Namespace) -> int:
        """Run it; returns the exit code."""


def group(name: str, text: str, commands: Iterable[Command]) -> Any:
    """A group of commands, for Airflow's command line.

    :param name: the group's name.
    :param text: description of the group in one line.
    :param commands: its commands.
    """
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    class Options(Arg):
        """All options of a command, declared by the command itself."""

        def __init__(self, command: Command) -> None:
            super().__init__(flags=(command.name,))  # type: ignore[no-untyped-call]
            self._command = command

        def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
            self._command.add_arguments(parser)

    def action(command: Command) -> ActionCommand:
        return ActionCommand(
            name=command.name,
            help=command.help,
            description=command.description,
            epilog=command.epilog(f"airflow {name}"),
            # Airflow ignores the return value of a command.
            func=lambda given: sys.exit(command.run(given)),
            args=(Options(command),),
        )

    return GroupCommand(name=name, help=text, subcommands=[action(command) for command in commands])


def find_all_connections() -> None:
    """Let this process find connections where a task's would be found: in the metadata database as well.

    Since 3.1 Airflow asks the database itself only in processes that say that they are its own, as its command
    ``airflow connections`` does.
    """
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
