"""Checks of what users give to operators and sensors, each naming the parameter and the limit.

They run when the DAG is parsed for plain values, and before the first request for templated ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any, get_args

from airflow_dbaas.api import calls
from airflow_dbaas.api.conversions import as_boolean, as_integer, as_list, as_number, as_text, is_nothing
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.parameters import ZONES, IgnoreDatabases, Method, Plan, limits_of
from airflow_dbaas.api.redaction import is_secret

#: Takes a parameter's name and its value; returns the value in the type that is wanted, or raises
#: ``DbaasConfigurationError``.
Check = Callable[[str, Any], Any]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_template(value: object) -> bool:
    """Whether a value is known only when the task runs: a Jinja template, or a reference to another task's result."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return hasattr(value, "resolve") or hasattr(value, "iter_references")


def name(parameter: str, value: Any) -> str:
    """A service name: 1 to 63 characters. One of digits alone may be given as a number."""
    calls.segment(parameter, as_text(value))  # type: ignore[arg-type]  # what is no text is refused there
    return str(value)


def long_name(parameter: str, value: Any) -> str:
    """A name of at least 1 character, such as an external endpoint's; otherwise as ``name``."""
    calls.segment(parameter, as_text(value), longest=None)  # type: ignore[arg-type]  # as above
    return str(value)


def uuid(parameter: str, value: Any) -> str:
    """A UUID."""
    calls.identifier(parameter, as_text(value))  # type: ignore[arg-type]  # as above
    return str(value)


def zone(parameter: str, value: Any) -> str | None:
    """A zone of Exoscale, or nothing (None, an empty string) for the connection's."""
    found: str | None = optional(one_of(*ZONES))(parameter, value)
    return found


def plan(parameter: str, value: Any) -> str:
    """A plan, such as ``startup-4``; which ones there are, the API decides."""
    limits = limits_of(Plan)
    found: str | None = limits.fit(value)
    if found is None:
        raise DbaasConfigurationError(f"{parameter} must be {limits.what}, got {calls.shown(value)}")
    return found


def one_of(*choices: str) -> Check:
    """A check for one of some words."""

    def run(parameter: str, value: Any) -> Any:
        return calls.choice(parameter, value, choices)

    return run


def choice(kind: Any) -> Check:
    """A check for one of the words of a ``Literal``."""
    return one_of(*get_args(kind))


#: A migration method; ``auto`` leaves the choice to the service.
method = choice(Method)


def ignore_dbs(parameter: str, value: Any) -> str | None:
    """Comma-separated names of databases, at most 2048 characters, or nothing.

    A list of them is joined: with ``render_template_as_native_obj`` a template turns ``1,2`` into a tuple.
    """
    if is_nothing(value):
        return None
    names = as_list(value)
    if isinstance(names, list):
        texts = [as_text(each) for each in names]
        if all(isinstance(each, str) and "," not in each for each in texts):
            value = ",".join(map(str, texts))
    text = as_text(value)
    if not isinstance(text, str):
        raise DbaasConfigurationError(
            f"{parameter} must be names separated by commas, or a list of names, got {calls.shown(value)}"
        )
    longest = limits_of(IgnoreDatabases).max_length
    if len(text) > longest:
        raise DbaasConfigurationError(f"{parameter} must have at most {longest} characters, got {len(text)}")
    return text


def new_service_settings(parameter: str, value: Any) -> dict[str, Any] | None:
    """Further properties of a new service by name, or nothing; none of them may hold a secret."""
    if is_nothing(value):
        return None
    return _settings(parameter, value, {**_MENDS, "plan": "it is a parameter of its own"})


def changed_service_settings(parameter: str, value: Any) -> dict[str, Any]:
    """Properties that a service is to have, at least one, by name; none of them may hold a secret."""
    if not value and isinstance(value, dict):
        raise DbaasConfigurationError(f"{parameter} must name at least one property, got none")
    return _settings(parameter, value, _MENDS)


def fit_settings(
    parameter: str,
    value: dict[str, Any],
    subject: str,
    bodies: Sequence[str],
    *,
    elsewhere: Collection[str] | None = (),
) -> dict[str, Any]:
    """Settings with the types that the API wants, once those that are known keep its limits; templates are left alone.

    :param parameter: the parameter's name.
    :param value: the settings, in snake or kebab case.
    :param subject: the module of ``airflow_dbaas.api`` that describes them.
    :param bodies: names of its classes of which they may be properties.
    :param elsewhere: required properties that come from elsewhere; None for any.
    :raises DbaasConfigurationError: saying what is wrong, in the user's spelling.
    """
    # Imported here: it is not cheap, and a DAG whose tasks have no settings does not need it.
    from airflow_dbaas.api.body import fitted

    module = import_module(f"airflow_dbaas.api.{subject}")
    kinds = [getattr(module, each) for each in bodies]
    return fitted(kinds, value, where=parameter, is_open=is_template, elsewhere=elsewhere)


def mapping(parameter: str, value: Any) -> dict[str, Any]:
    """A mapping of properties."""
    if not isinstance(value, Mapping):
        # Not the value: a mapping as text may hold a secret.
        hint = " (a template gives a text, unless the DAG has render_template_as_native_obj=True)"
        raise DbaasConfigurationError(
            f"{parameter} must be a mapping of properties, got {type(value).__name__}"
            f"{hint if isinstance(value, str) else ''}"
        )
    return value if isinstance(value, dict) else dict(value)


#: What to do instead of giving these among a service's properties.
_MENDS = {
    "admin_password": "the service makes its own password",
    "migration": "DbaasStartMigrationOperator takes the source from a connection",
    "name": "it is the parameter service_name",
}


def _settings(parameter: str, value: Any, mends: dict[str, str]) -> dict[str, Any]:
    properties = mapping(parameter, value)
    for name in properties:
        if not isinstance(name, str):
            raise DbaasConfigurationError(f"{parameter}: a property's name must be a text, got {calls.shown(name)}")
        mend = mends.get(name.replace("-", "_"))
        if mend is not None:
            raise DbaasConfigurationError(f"{parameter}: {name} must not be given here: {mend}")
    secret = _secret_in(properties)
    if secret:
        raise DbaasConfigurationError(
            f"{parameter}: {secret} must not be given here: a secret has no place in a DAG; set it in the portal"
        )
    return properties


def _secret_in(value: object) -> str | None:
    """Where in plain data a secret is, by the names of the properties."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if is_secret(name):
                return str(name)
            deeper = _secret_in(item)
            if deeper:
                return f"{name}.{deeper}"
    if isinstance(value, list | tuple | set | frozenset):
        return next((found for item in value if (found := _secret_in(item))), None)
    return None


def optional(run: Check) -> Check:
    """A check that also takes nothing: None, an empty text, or ``None`` as a text, which is what a template makes."""

    def check_if_given(parameter: str, value: Any) -> Any:
        return None if is_nothing(value) else run(parameter, value)

    return check_if_given


def path(parameter: str, value: Any) -> str:
    """The path of a file: local, or a URL of object storage."""
    text = as_text(value)
    # What only looks like a URL would be taken for a local path.
    if not isinstance(text, str) or not text or text.endswith("/") or ("://" in text and not _URL.match(text)):
        raise DbaasConfigurationError(
            f"{parameter} must be the path of a file, local or a URL such as s3://bucket/key, got {calls.shown(value)}"
        )
    return text


def count(parameter: str, value: Any) -> int:
    """A whole number above 0, or one as text, which is what a template renders to."""
    number = as_integer(value)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise DbaasConfigurationError(f"{parameter} must be a whole number above 0, got {calls.shown(value)}")
    return number


def boolean(parameter: str, value: Any) -> bool:
    """True or False; a text that says so is neither."""
    if not isinstance(value, bool):
        raise DbaasConfigurationError(f"{parameter} must be true or false, got {calls.shown(value)}")
    return value


def templated_boolean(parameter: str, value: Any) -> bool:
    """True or False, or a text that says so, which is what a template renders to."""
    return boolean(parameter, as_boolean(value))


def content(parameter: str, value: Any) -> str:
    """How deep rows are compared: ``all``, ``sample`` or ``count``; true and false mean the first and the last."""
    if isinstance(value, bool):
        return "all" if value else "count"
    return str(one_of("all", "sample", "count")(parameter, value))


def names(parameter: str, value: Any) -> list[str]:
    """A list of names, or a text of names separated by commas, which is what a template renders to."""
    found = [part.strip() for part in value.split(",")] if isinstance(value, str) else as_list(value)
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise DbaasConfigurationError(f"{parameter} must be a list of names, got {calls.shown(value)}")
    return found


def connection_id(parameter: str, value: Any) -> str:
    """The id of an Airflow connection."""
    text = as_text(value)
    if not isinstance(text, str) or not text:
        raise DbaasConfigurationError(f"{parameter} must be the id of an Airflow connection, got {calls.shown(value)}")
    return text


def positive(parameter: str, value: Any) -> float:
    """A time above 0: a number of seconds, or a timedelta."""
    number = _seconds(value)
    if number is None or number <= 0:
        raise DbaasConfigurationError(f"{parameter} must be a number of seconds above 0, got {_shown(value)}")
    return number


def not_negative(parameter: str, value: Any) -> float:
    """A time of 0 or more: a number of seconds, or a timedelta."""
    number = _seconds(value)
    if number is None or number < 0:
        raise DbaasConfigurationError(f"{parameter} must be a number of seconds, 0 or more, got {_shown(value)}")
    return number


def grace_period(parameter: str, value: Any) -> float:
    """A time of 0 or more: a number of seconds, such a number as text (what a template renders to), or a timedelta."""
    number = _seconds(as_number(value))
    if number is None or number < 0:
        raise DbaasConfigurationError(
            f"{parameter} must be a number of seconds, 0 or more, or a timedelta, got {_shown(value)}"
        )
    return number


def _seconds(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf else None


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, timedelta) else calls.shown(value)


def check(owner: object, checks: dict[str, Check]) -> None:
    """Run the checks of an operator's attributes, leaving out those that are still templates.

    What a check returns takes the attribute's place: the same value in the type that is wanted.

    :param owner: the operator or sensor; its ``kept_as`` names the attributes that are not called as the parameter is.
    :param checks: check by parameter.
    :raises DbaasConfigurationError: with the parameter's name and limit; also if there is a template where none is
        rendered, which would never be checked.
    """
    for parameter, run in checks.items():
        attribute = getattr(owner, "kept_as", {}).get(parameter, parameter)
        value = getattr(owner, attribute)
        if not is_template(value):
            found = run(parameter, value)
            if found is not value:
                setattr(owner, attribute, found)
        elif attribute not in getattr(owner, "template_fields", ()):
            raise DbaasConfigurationError(
                f"{parameter} is not templated: it must be a plain value, got {calls.shown(value)}"
            )
