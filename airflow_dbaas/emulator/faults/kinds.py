"""The kinds of faults: what each can strike, and its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from airflow_dbaas.emulator.openapi_validator import Operation

REASONS = (
    "busy",
    "conflict",
    "fault",
    "forbidden",
    "incorrect",
    "interrupted",
    "not-found",
    "partial",
    "unavailable",
    "unknown",
    "unsupported",
)
"""Why an operation can fail, as the API's document lists it."""

_LONGEST_SECONDS = 3600
_LONGEST_SKEW = 10 * 365 * 86_400


@dataclass(frozen=True)
class Option:
    """One option of a kind."""

    default: object
    """None: it is left out unless the rule names it."""
    allowed: Callable[[object], bool]
    rule: str
    """A description of the valid values."""


def _number(lowest: float, highest: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest


def _integer(default: int, lowest: int, highest: int) -> Option:
    within = _number(lowest, highest)
    return Option(
        default, lambda value: isinstance(value, int) and within(value), f"a whole number from {lowest} to {highest}"
    )


def _seconds(default: float | None, lowest: int = 0, highest: int = _LONGEST_SECONDS) -> Option:
    return Option(default, _number(lowest, highest), f"a number of seconds from {lowest} to {highest}")


def _choice(default: str, *choices: str) -> Option:
    return Option(default, lambda value: isinstance(value, str) and value in choices, f"one of {', '.join(choices)}")


def _text(default: str | None) -> Option:
    # A value for a header must not contain line breaks.
    return Option(
        default,
        lambda value: isinstance(value, str) and value.isascii() and value.isprintable() and value != "",
        "a text of printable ASCII",
    )


_PROCESSED = Option(False, lambda value: isinstance(value, bool), "true or false")


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    options: dict[str, Option] = field(default_factory=dict)
    strikes: Callable[[Operation], bool] = lambda _: True
    """Whether it can strike requests for an operation."""


def _begins_an_operation(operation: Operation) -> bool:
    schema = operation.definition["responses"]["200"]["content"]["application/json"]["schema"]
    return operation.id != "get-operation" and schema.get("$ref") == "#/components/schemas/operation"


def _one_of(*ids: str) -> Callable[[Operation], bool]:
    return lambda operation: operation.id in ids


def _shows_a_service(operation: Operation) -> bool:
    # Logs and metrics of a service have similar ids, but use POST.
    return operation.id == "list-dbaas-services" or (
        operation.method == "GET" and operation.id.startswith("get-dbaas-service-")
    )


_SHOWS_INTEGRATIONS = _one_of(
    "get-dbaas-integration", "get-dbaas-external-integration", "list-dbaas-external-integrations"
)
_CHECKS = _one_of("create-dbaas-task-migration-check")
_SHOWS_A_MIGRATION = _one_of("get-dbaas-migration-status")

WIRE = {
    "status": Kind(
        {
            "status": _integer(503, 400, 599),
            "retry-after": _seconds(None),
            "retry-after-as": _choice("seconds", "seconds", "date"),
            "processed": _PROCESSED,
        }
    ),
    "reset": Kind({"processed": _PROCESSED}),
    "html": Kind({"status": _integer(200, 200, 599), "processed": _PROCESSED}),
    "empty": Kind({"processed": _PROCESSED}),
    "redirect": Kind(
        {
            "status": _integer(307, 301, 308),
            "location": _text("https://elsewhere.invalid/v2/"),
            "processed": _PROCESSED,
        }
    ),
    "wrong-type": Kind({"content-type": _text("text/plain")}),
    "truncated": Kind(),
    "slow-headers": Kind({"seconds": _seconds(5.0)}),
    "slow-body": Kind({"seconds": _seconds(5.0)}),
    "clock-skew": Kind({"seconds": _seconds(3600.0, -_LONGEST_SKEW, _LONGEST_SKEW)}),
    "refused": Kind({"seconds": _seconds(1.0)}),
}
"""On the wire: around the work, or instead of it."""

OPERATION = {
    "operation-fails": Kind(
        {
            "reason": _choice("unknown", *REASONS),
            "state": _choice("failure", "failure", "timeout"),
            "message": _text("Emulated fault"),
        },
        _begins_an_operation,
    ),
    "operation-never-ends": Kind(strikes=_begins_an_operation),
}
"""How the operation ends that a request begins."""

TASK = {
    "task-fails": Kind({"result": _text("Emulated fault")}, _CHECKS),
    "task-never-ends": Kind(strikes=_CHECKS),
}
"""How the task ends that a request begins."""

SERVICE = {"service-poweroff": Kind(strikes=_shows_a_service), "service-gone": Kind(strikes=_shows_a_service)}
INTEGRATION = {
    "integration-inactive": Kind(
        {"status": _choice("inactive", "inactive", "failed")},
        lambda operation: _shows_a_service(operation) or _SHOWS_INTEGRATIONS(operation),
    )
}
MIGRATION = {
    "migration-fails": Kind({"database": _text(None), "error": _text("Emulated fault")}, _SHOWS_A_MIGRATION),
    "migration-gone": Kind(strikes=_SHOWS_A_MIGRATION),
}
"""Changes how answers show services, integrations and migrations, independent of their real state."""

KINDS = WIRE | OPERATION | TASK | SERVICE | INTEGRATION | MIGRATION
"""All kinds, by name."""
