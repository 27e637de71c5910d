"""What to tell somebody whose task has failed: one line with what, where and why, and one with what to do next."""

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


CHECKS = Page("When a check refuses", "how-to/refused-checks.md")
CONNECTIONS = Page("Connections", "reference/connection.md")
CUT_OVER = Page("Cut over with little downtime", "how-to/cut-over.md")
MIGRATION = Page("Migrate one database", "how-to/migrate-one-database.md")
OPERATORS = Page("Operators, sensors, triggers, task groups", "reference/operators.md")
RETRIES = Page("Retries", "explanation/retries.md")
ROLES = Page("From Airflow connections to IAM roles", "how-to/iam-roles.md")
WAITS = Page("Waits", "explanation/waits.md")

_REACH = "check that this machine reaches the API (airflow-dbaas check-connection), then clear the task"

#: By class of error, each with those that derive from it.
NEXT: dict[type[DbaasError], tuple[str, Page]] = {
    DbaasError: ("correct what the message names, then clear the task", OPERATORS),
    errors.DbaasConfigurationError: (
        "nothing was sent; correct what the message names (a parameter, a connection, a file), then clear the task",
        OPERATORS,
    ),
    errors.DbaasTransportError: (_REACH, CONNECTIONS),
    errors.DbaasResponseError: (_REACH, CONNECTIONS),
    errors.DbaasApiError: ("correct what the API's message names, then clear the task", OPERATORS),
    errors.DbaasAuthError: (
        "check API key, secret and IAM role of the connection, and this machine's clock, then clear the task",
        ROLES,
    ),
    errors.DbaasNotFoundError: ("check the name, the zone and the connection, then clear the task", CONNECTIONS),
    errors.DbaasConflictError: ("look in what state the service is, then clear the task", RETRIES),
    errors.DbaasRateLimitError: ("wait a few minutes, then clear the task", RETRIES),
    errors.DbaasServerError: ("wait until the API is well again, then clear the task", RETRIES),
    errors.DbaasOperationError: ("correct what the API's reason names, then clear the task", RETRIES),
    errors.DbaasServiceError: ("look at the service (link of this task) and at the parameters", OPERATORS),
    errors.DbaasIntegrationError: ("look at the integrations of the service (link of this task)", OPERATORS),
    errors.DbaasMigrationCheckError: (
        "nothing was started; find the check's message on this page, correct what it names, then clear the task",
        CHECKS,
    ),
    errors.DbaasMigrationError: ("look at the migration (link of this task); clear the task to go on", MIGRATION),
    errors.DbaasDatabaseError: (
        "check that this machine reaches the database, and its login, then clear the task",
        MIGRATION,
    ),
    errors.DbaasVerificationError: (
        "do not switch the source off; the log above names every difference; clear the task to compare again",
        CUT_OVER,
    ),
    errors.DbaasWaitTimeoutError: (
        "the remote work goes on; clear the task to wait again, with a longer time limit if need be",
        WAITS,
    ),
    errors.DbaasResumeError: ("clear the task: it begins again, and finds what it has started", WAITS),
}


def next_step(error: DbaasError) -> str:
    """What to do about an error, and the page to read.

    :param error: what the task fails with.
    """
    step, page = next(NEXT[kind] for kind in type(error).__mro__ if kind in NEXT)
    again = "Airflow tries again if the task has retries left; if that does not help, " if error.retryable else ""
    text = f"{again}{step}"
    return f"{text[0].upper()}{text[1:]}; see {page}"


def tell(task: Any, error: DbaasError) -> None:
    """Log what failed, where and why, and what to do next; nothing if the task is skipped instead of failed.

    :param task: the operator or sensor.
    :param error: what it fails with.
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
        # It may be what is wrong.
        places.append(f"service {service if len(service) <= SHOWN_LENGTH else f'{service[: SHOWN_LENGTH - 1]}…'}")
    try:
        zone = task.hook.zone
    except Exception:  # noqa: BLE001 - the connection may be what is wrong; that must not hide the error
        zone = getattr(task, "zone", None)
    if isinstance(zone, str) and zone:
        places.append(f"zone {zone}")
    return f" ({', '.join(places)})" if places else ""
