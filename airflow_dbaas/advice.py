"""The two log lines of a failed task: what failed, where and why, and what to do next."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from airflow_dbaas.api import errors
from airflow_dbaas.api.calls import SHOWN_LENGTH
from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.api.redaction import one_line

log = logging.getLogger(__name__)

#: Longest reason in the line; the whole of it is in the exception that follows.
_LONGEST_REASON = 300


class Page(NamedTuple):
    """A page of the documentation."""

    title: str
    path: str

    def __str__(self) -> str:
        return f'docs: "{self.title}" ({self.path})'


CHECKS = Page("Refused checks", "how-to/refused-checks.md")
COMPARISON = Page("Troubleshooting", "troubleshooting.md#comparison")
CONNECTIONS = Page("Troubleshooting", "troubleshooting.md#connection-to-the-api")
INTEGRATIONS = Page("Troubleshooting", "troubleshooting.md#integrations-and-endpoints")
MIGRATIONS = Page("Troubleshooting", "troubleshooting.md#migrations")
PARAMETERS = Page("Troubleshooting", "troubleshooting.md#parameters")
RETRIES = Page("Retries", "explanation/retries.md")
ROLES = Page("IAM roles", "how-to/iam-roles.md")
SERVICES = Page("Troubleshooting", "troubleshooting.md#services")
WAITS = Page("Troubleshooting", "troubleshooting.md#waiting")

_REACH = "check that this machine can reach the API (airflow-dbaas check-connection), then clear the task"

#: By class of error, each with those that derive from it.
NEXT: dict[type[DbaasError], tuple[str, Page]] = {
    DbaasError: ("correct what the message names, then clear the task", PARAMETERS),
    errors.DbaasConfigurationError: (
        "nothing was sent; correct what the message names (a parameter, a connection, a file), then clear the task",
        PARAMETERS,
    ),
    errors.DbaasTransportError: (_REACH, CONNECTIONS),
    errors.DbaasResponseError: (_REACH, CONNECTIONS),
    errors.DbaasApiError: ("correct what the API's message names, then clear the task", PARAMETERS),
    errors.DbaasAuthError: (
        "check API key, secret and IAM role of the connection, and this machine's clock, then clear the task",
        ROLES,
    ),
    errors.DbaasNotFoundError: ("check the name, the zone and the connection, then clear the task", CONNECTIONS),
    errors.DbaasConflictError: ("check the state of the service, then clear the task", RETRIES),
    errors.DbaasRateLimitError: ("wait a few minutes, then clear the task", RETRIES),
    errors.DbaasServerError: ("wait until the API is available again, then clear the task", RETRIES),
    errors.DbaasOperationError: ("correct what the API's reason names, then clear the task", RETRIES),
    errors.DbaasServiceError: ("check the service (link of this task) and the parameters", SERVICES),
    errors.DbaasIntegrationError: ("check the integrations of the service (link of this task)", INTEGRATIONS),
    errors.DbaasMigrationCheckError: (
        "nothing was started; find the check's message on this page, correct what it names, then clear the task",
        CHECKS,
    ),
    errors.DbaasMigrationError: (
        "check the migration (link of this task), then clear the task to continue",
        MIGRATIONS,
    ),
    errors.DbaasDatabaseError: (
        "check that this machine can reach the database and that its login works, then clear the task",
        COMPARISON,
    ),
    errors.DbaasVerificationError: (
        "do not switch off the source; the log above lists every difference; clear the task to compare again",
        COMPARISON,
    ),
    errors.DbaasWaitTimeoutError: (
        "the remote work continues; clear the task to wait again, with a longer time limit if needed",
        WAITS,
    ),
    errors.DbaasResumeError: ("clear the task: it begins again, and finds what it has started", WAITS),
}


def next_step(error: DbaasError) -> str:
    """What to do about an error, with the page to read.

    :param error: the error of the task.
    """
    step, page = next(NEXT[kind] for kind in type(error).__mro__ if kind in NEXT)
    again = "Airflow retries the task if it has retries left; if that does not help, " if error.retryable else ""
    text = f"{again}{step}"
    return f"{text[0].upper()}{text[1:]}; see {page}"


def tell(task: Any, error: DbaasError) -> None:
    """Log what failed, where and why, and what to do next; nothing if the task is skipped instead of failed.

    :param task: the operator or sensor.
    :param error: its error.
    """
    lenient = getattr(task, "never_fail", False) or (
        getattr(task, "soft_fail", False) and (not error.retryable or isinstance(error, errors.DbaasWaitTimeoutError))
    )
    if lenient:
        return
    reason = str(error)
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[: _LONGEST_REASON - 1]}…"
    log.error("%s failed%s: %s", task.task_id, one_line(_where(task)), one_line(reason))
    log.error("What next: %s", next_step(error))
    log.debug("Where the error comes from", exc_info=error)


def _where(task: Any) -> str:
    places = []
    service = getattr(task, "linked_service", None) or getattr(task, "service_name", None)
    if isinstance(service, str) and service:
        # It may be the cause.
        places.append(f"service {service if len(service) <= SHOWN_LENGTH else f'{service[: SHOWN_LENGTH - 1]}…'}")
    try:
        zone = task.hook.zone
    except Exception:  # noqa: BLE001 - the connection may be what is wrong; that must not hide the error
        zone = getattr(task, "zone", None)
    if isinstance(zone, str) and zone:
        places.append(f"zone {zone}")
    return f" ({', '.join(places)})" if places else ""
