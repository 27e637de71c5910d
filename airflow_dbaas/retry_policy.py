"""A retry policy that knows this package's errors (Airflow 3.3 and later)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow_dbaas._compat.retry import HAS_RETRY_POLICIES, RetryDecision, RetryPolicy
from airflow_dbaas.api.errors import (
    DbaasConfigurationError,
    DbaasError,
    DbaasRateLimitError,
    DbaasResumeError,
    DbaasWaitTimeoutError,
)


def dbaas_retry_policy(
    *,
    busy_delay: timedelta = timedelta(minutes=1),
    rate_limit_delay: timedelta = timedelta(minutes=5),
) -> RetryPolicy:
    """A retry policy for tasks that work with the DBaaS API: operators and sensors of this package, and any task
    that uses the hook or the client, where it also saves the retries that cannot help::

        with DAG(..., default_args={"retries": 5, "retry_policy": dbaas_retry_policy()}):

    - A non-retryable error fails at once (``retryable`` is false): configuration, credentials, a wrong request, not
      found, a conflict, a refused check, a difference between source and target.
    - 429 is retried after ``rate_limit_delay``, or later if the API asks for it.
    - Other errors that may pass (no answer, 5xx, an operation or a database that was busy or unavailable) are
      retried after ``busy_delay``, or later if the API asks for it.
    - A wait whose time was over is retried after the task's own ``retry_delay``.
    - Errors that are not this package's are left to the task's own settings.

    A policy decides only while the task has ``retries`` left; its delay replaces ``retry_delay`` and its exponential
    growth. Airflow does not ask it after ``AirflowFailException`` and a sensor's time-out: both are final.

    :param busy_delay: time to the next try after an error that may pass.
    :param rate_limit_delay: time to the next try after 429.
    :raises DbaasConfigurationError: if Airflow is older than 3.3, or a delay is not positive.
    """
    if not HAS_RETRY_POLICIES:
        raise DbaasConfigurationError(
            "dbaas_retry_policy needs Airflow 3.3 or later; before that, set the tasks' retries and retry_delay"
        )
    for name, delay in (("busy_delay", busy_delay), ("rate_limit_delay", rate_limit_delay)):
        if not isinstance(delay, timedelta) or delay <= timedelta(0):
            raise DbaasConfigurationError(f"{name} must be a timedelta of more than 0 seconds, got {delay!r}")
    return _DbaasRetryPolicy(busy_delay, rate_limit_delay)


class _DbaasRetryPolicy(RetryPolicy):
    """Asks the error itself: one class may hold errors that pass and errors that do not.

    Airflow keeps no policy with the serialized DAG: the worker takes it from the DAG's file.
    """

    def __init__(self, busy_delay: timedelta, rate_limit_delay: timedelta) -> None:
        self.busy_delay = busy_delay
        self.rate_limit_delay = rate_limit_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - Airflow's signature
        max_tries: int,  # noqa: ARG002
        context: Any = None,  # noqa: ARG002
    ) -> RetryDecision:
        error = next((cause for cause in _causes(exception) if isinstance(cause, DbaasError)), None)
        if error is None:
            return RetryDecision.default()
        reason = f"{type(error).__name__}: {error}"
        if not error.retryable:
            return RetryDecision.fail(reason)
        return RetryDecision.retry(self._delay(error), reason)

    def _delay(self, error: DbaasError) -> timedelta | None:
        if isinstance(error, DbaasWaitTimeoutError | DbaasResumeError):
            return None
        delay = self.rate_limit_delay if isinstance(error, DbaasRateLimitError) else self.busy_delay
        return max(delay, timedelta(seconds=getattr(error, "retry_after", None) or 0))


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """An exception and its causes: an Airflow error may have been raised from one of ours."""
    cause: BaseException | None = exception
    while cause is not None:
        yield cause
        cause = cause.__cause__
