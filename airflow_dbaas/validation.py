"""Checks of what users give to operators and sensors, each naming the parameter and the limit.

They run when the DAG is parsed for plain values, and before the first request for templated ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airflow_dbaas.api import calls
from airflow_dbaas.api.client import ZONES
from airflow_dbaas.api.errors import DbaasConfigurationError

IGNORE_DBS_LENGTH = 2048

_PLAN = re.compile(r"(hobbyist|startup|business|premium)-\d+")


def is_template(value: object) -> bool:
    """Whether a value is known only when the task runs: a Jinja template, or a reference to another task's result."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return hasattr(value, "resolve") or hasattr(value, "iter_references")


def name(parameter: str, value: Any) -> None:
    """A service name: 1 to 63 characters."""
    calls.segment(parameter, value)


def uuid(parameter: str, value: Any) -> None:
    """A UUID."""
    calls.identifier(parameter, value)


def zone(parameter: str, value: Any) -> None:
    """A zone of Exoscale, or nothing for the connection's."""
    if value and value not in ZONES:
        raise DbaasConfigurationError(f"{parameter} must be one of {', '.join(ZONES)}, got {value!r}")


def plan(parameter: str, value: Any) -> None:
    """A plan, such as ``startup-4``."""
    if not isinstance(value, str) or not _PLAN.fullmatch(value):
        raise DbaasConfigurationError(
            f"{parameter} must be hobbyist-N, startup-N, business-N or premium-N, e.g. startup-4, got {value!r}"
        )


def one_of(*choices: str) -> Callable[[str, Any], None]:
    """A check for one of some words."""

    def run(parameter: str, value: Any) -> None:
        if value not in choices:
            raise DbaasConfigurationError(f"{parameter} must be one of {', '.join(choices)}, got {value!r}")

    return run


#: A migration method; ``auto`` leaves the choice to the service.
method = one_of("auto", "dump", "replication")


def ignore_dbs(parameter: str, value: Any) -> None:
    """Comma-separated names of databases, at most 2048 characters, or nothing."""
    if value is None:
        return
    if not isinstance(value, str):
        raise DbaasConfigurationError(f"{parameter} must be a comma-separated string, got {value!r}")
    if len(value) > IGNORE_DBS_LENGTH:
        raise DbaasConfigurationError(f"{parameter} must have at most {IGNORE_DBS_LENGTH} characters, got {len(value)}")


def service_settings(parameter: str, value: Any) -> None:
    """Properties of a new service by name, without those that hold a password."""
    if value is None:
        return
    if not isinstance(value, dict):
        raise DbaasConfigurationError(f"{parameter} must be a mapping of properties, got {value!r}")
    for name, mend in (
        ("admin_password", "the service makes its own password"),
        ("migration", "DbaasStartMigrationOperator takes the source from a connection"),
    ):
        if name in value:
            raise DbaasConfigurationError(f"{parameter}: {name} must not be given here: {mend}")


def connection_id(parameter: str, value: Any) -> None:
    """The id of an Airflow connection."""
    if not isinstance(value, str) or not value:
        raise DbaasConfigurationError(f"{parameter} must be the id of an Airflow connection, got {value!r}")


def positive(parameter: str, value: Any) -> None:
    """A number of seconds above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise DbaasConfigurationError(f"{parameter} must be a number of seconds above 0, got {value!r}")


def check(owner: object, checks: dict[str, Callable[[str, Any], None]]) -> None:
    """Run the checks of an operator's attributes, leaving out those that are still templates.

    :param owner: the operator or sensor.
    :param checks: check by attribute name, which is the parameter's name as well.
    :raises DbaasConfigurationError: with the parameter's name and limit.
    """
    for parameter, run in checks.items():
        value = getattr(owner, parameter)
        if not is_template(value):
            run(parameter, value)
