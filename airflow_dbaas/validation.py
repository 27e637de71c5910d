"""Checks of what users give to operators and sensors, each naming the parameter and the limit.

They run when the DAG is parsed for plain values, and before the first request for templated ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow_dbaas.api import calls
from airflow_dbaas.api.addresses import ZONES
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.redaction import is_secret

#: Types of service that can be created and changed.
SERVICE_TYPES = ("pg", "mysql", "valkey", "grafana", "opensearch", "thanos")

IGNORE_DBS_LENGTH = 2048

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
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
    """A zone of Exoscale, or nothing (None, an empty string) for the connection's."""
    optional(one_of(*ZONES))(parameter, value)


def plan(parameter: str, value: Any) -> None:
    """A plan, such as ``startup-4``."""
    if not isinstance(value, str) or not _PLAN.fullmatch(value):
        raise DbaasConfigurationError(
            f"{parameter} must be hobbyist-N, startup-N, business-N or premium-N, e.g. startup-4, "
            f"got {calls.shown(value)}"
        )


def one_of(*choices: str) -> Callable[[str, Any], None]:
    """A check for one of some words."""

    def run(parameter: str, value: Any) -> None:
        if value not in choices:
            raise DbaasConfigurationError(f"{parameter} must be one of {', '.join(choices)}, got {calls.shown(value)}")

    return run


#: A migration method; ``auto`` leaves the choice to the service.
method = one_of("auto", "dump", "replication")


def ignore_dbs(parameter: str, value: Any) -> None:
    """Comma-separated names of databases, at most 2048 characters, or nothing."""
    if value is None:
        return
    if not isinstance(value, str):
        raise DbaasConfigurationError(f"{parameter} must be a comma-separated string, got {calls.shown(value)}")
    if len(value) > IGNORE_DBS_LENGTH:
        raise DbaasConfigurationError(f"{parameter} must have at most {IGNORE_DBS_LENGTH} characters, got {len(value)}")


def new_service_settings(parameter: str, value: Any) -> None:
    """Further properties of a new service by name, or nothing; none of them may hold a secret."""
    if value is not None:
        _settings(parameter, value, {**_MENDS, "plan": "it is a parameter of its own"})


def changed_service_settings(parameter: str, value: Any) -> None:
    """Properties that a service is to have, at least one, by name; none of them may hold a secret."""
    _settings(parameter, value, _MENDS)
    if not value:
        raise DbaasConfigurationError(f"{parameter} must name at least one property, got none")


#: What to do instead of giving these among a service's properties.
_MENDS = {
    "admin_password": "the service makes its own password",
    "migration": "DbaasStartMigrationOperator takes the source from a connection",
    "name": "it is the parameter service_name",
}


def _settings(parameter: str, value: Any, mends: dict[str, str]) -> None:
    if not isinstance(value, dict):
        # Not the value: a mapping as text may hold a secret.
        raise DbaasConfigurationError(f"{parameter} must be a mapping of properties, got {type(value).__name__}")
    for name in value:
        if not isinstance(name, str):
            raise DbaasConfigurationError(f"{parameter}: a property's name must be a text, got {calls.shown(name)}")
        mend = mends.get(name.replace("-", "_"))
        if mend is not None:
            raise DbaasConfigurationError(f"{parameter}: {name} must not be given here: {mend}")
    secret = _secret_in(value)
    if secret:
        raise DbaasConfigurationError(
            f"{parameter}: {secret} must not be given here: a secret has no place in a DAG; set it in the portal"
        )


def _secret_in(value: object) -> str | None:
    """Where in plain data a secret is, by the names of the properties."""
    if isinstance(value, dict):
        for name, item in value.items():
            if is_secret(name):
                return str(name)
            deeper = _secret_in(item)
            if deeper:
                return f"{name}.{deeper}"
    if isinstance(value, list):
        return next((found for item in value if (found := _secret_in(item))), None)
    return None


def optional(run: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
    """A check that lets nothing (None, an empty string) pass, too."""

    def check_if_given(parameter: str, value: Any) -> None:
        if value is not None and value != "":
            run(parameter, value)

    return check_if_given


def path(parameter: str, value: Any) -> None:
    """The path of a file: local, or a URL of object storage."""
    # What only looks like a URL would be taken for a local path.
    usable = isinstance(value, str) and value and not value.endswith("/")
    if not usable or ("://" in value and not _URL.match(value)):
        raise DbaasConfigurationError(
            f"{parameter} must be the path of a file, local or a URL such as s3://bucket/key, got {calls.shown(value)}"
        )


def count(parameter: str, value: Any) -> None:
    """A whole number above 0, or one as text, which is what a template renders to."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise DbaasConfigurationError(f"{parameter} must be a whole number above 0, got {calls.shown(value)}")


def boolean(parameter: str, value: Any) -> None:
    """True or False; a text that says so is neither."""
    if not isinstance(value, bool):
        raise DbaasConfigurationError(f"{parameter} must be true or false, got {calls.shown(value)}")


def templated_boolean(parameter: str, value: Any) -> None:
    """The same, of a parameter that may be a template: that renders to a text, unless the DAG says otherwise."""
    if not isinstance(value, bool):
        raise DbaasConfigurationError(
            f"{parameter} must be true or false, got {calls.shown(value)} "
            "(a template needs render_template_as_native_obj)"
        )


def connection_id(parameter: str, value: Any) -> None:
    """The id of an Airflow connection."""
    if not isinstance(value, str) or not value:
        raise DbaasConfigurationError(f"{parameter} must be the id of an Airflow connection, got {calls.shown(value)}")


def positive(parameter: str, value: Any) -> None:
    """A number of seconds above 0."""
    if not _is_number(value) or value <= 0:
        raise DbaasConfigurationError(f"{parameter} must be a number of seconds above 0, got {calls.shown(value)}")


def not_negative(parameter: str, value: Any) -> None:
    """A number of seconds, 0 or more."""
    if not _is_number(value) or value < 0:
        raise DbaasConfigurationError(f"{parameter} must be a number of seconds, 0 or more, got {calls.shown(value)}")


def grace_period(parameter: str, value: Any) -> None:
    """A number of seconds, 0 or more, such a number as text (what a template renders to), or a timedelta."""
    try:
        given = value.total_seconds() if isinstance(value, timedelta) else float(value)
        usable = not isinstance(value, bool) and 0 <= given < math.inf
    except (TypeError, ValueError, OverflowError):
        usable = False
    if not usable:
        raise DbaasConfigurationError(
            f"{parameter} must be a number of seconds, 0 or more, or a timedelta, got {calls.shown(value)}"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def check(owner: object, checks: dict[str, Callable[[str, Any], None]]) -> None:
    """Run the checks of an operator's attributes, leaving out those that are still templates.

    :param owner: the operator or sensor; its ``kept_as`` names the attributes that are not called as the parameter is.
    :param checks: check by parameter.
    :raises DbaasConfigurationError: with the parameter's name and limit; also if there is a template where none is
        rendered, which would never be checked.
    """
    for parameter, run in checks.items():
        attribute = getattr(owner, "kept_as", {}).get(parameter, parameter)
        value = getattr(owner, attribute)
        if not is_template(value):
            run(parameter, value)
        elif attribute not in getattr(owner, "template_fields", ()):
            raise DbaasConfigurationError(
                f"{parameter} is not templated: it must be a plain value, got {calls.shown(value)}"
            )
