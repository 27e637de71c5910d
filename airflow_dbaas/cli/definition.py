"""The commands as Airflow takes them from a provider: ``airflow dbaas …`` (3.2). Loaded at each call of ``airflow``."""

from __future__ import annotations

from typing import Any

from airflow_dbaas._compat.commands import group
from airflow_dbaas.cli import DESCRIPTION
from airflow_dbaas.cli.commands import COMMANDS


def get_cli_commands() -> list[Any]:
    """The group ``dbaas`` with the commands of ``airflow-dbaas``."""
    return [group("dbaas", DESCRIPTION, COMMANDS)]
