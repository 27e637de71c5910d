"""The retry policy that knows this package's errors."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import RetryAction

from airflow_dbaas.api import errors
from airflow_dbaas.api.errors import DbaasConfigurationError, DbaasError
from airflow_dbaas.retry_policy import dbaas_retry_policy

BUSY = timedelta(minutes=1)
RATE = timedelta(minutes=5)

FAIL = {
    "DbaasApiError",
    "DbaasAuthError",
    "DbaasBadRequestError",
    "DbaasConfigurationError",
    "DbaasConflictError",
    "DbaasError",
    "DbaasIntegrationError",
    "DbaasMigrationCheckError",
    "DbaasMigrationError",
    "DbaasNotFoundError",
    "DbaasServiceError",
    "DbaasVerificationError",
}
DELAYS = {
    "DbaasDatabaseError": BUSY,
    "DbaasOperationError": BUSY,
    "DbaasRateLimitError": RATE,
    "DbaasResponseError": BUSY,
    "DbaasResumeError": None,
    "DbaasServerError": BUSY,
    "DbaasTransportError": BUSY,
    "DbaasWaitTimeoutError": None,
}
TREE = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.DbaasError)
}


def decide(exception: BaseException, **arguments: Any) -> tuple[RetryAction, timedelta | None]:
    decision = dbaas_retry_policy(**arguments).evaluate(exception, try_number=1, max_tries=3)
    return decision.action, decision.retry_delay


@pytest.mark.parametrize("name", sorted(TREE))
def test_every_error_has_a_decision(name: str) -> None:
    """Each class of the tree is retried or not, and after how long."""
    expected = (RetryAction.FAIL, None) if name in FAIL else (RetryAction.RETRY, DELAYS[name])
    assert decide(TREE[name]("said so")) == expected


def test_the_error_itself_is_asked() -> None:
    """One class may hold errors that pass and errors that do not: ``retryable`` decides."""
    assert decide(errors.DbaasOperationError("incorrect", retryable=False)) == (RetryAction.FAIL, None)
    assert decide(errors.DbaasServiceError("not up yet", retryable=True)) == (RetryAction.RETRY, BUSY)
    assert decide(errors.status_error(408, "", context="x")) == (RetryAction.RETRY, BUSY)
    assert decide(errors.status_error(422, "", context="x")) == (RetryAction.FAIL, None)


@pytest.mark.parametrize(("asked", "delay"), [(None, 300), (10, 300), (900.5, 900.5)])
def test_the_api_may_ask_for_more(asked: float | None, delay: float) -> None:
    """Retry-After makes the delay longer, never shorter."""
    error = errors.status_error(429, "slow down", retry_after=asked, context="x")
    assert decide(error) == (RetryAction.RETRY, timedelta(seconds=delay))
    busy = errors.status_error(503, "busy", retry_after=90, context="x")
    assert decide(busy) == (RetryAction.RETRY, timedelta(seconds=90))


def test_delays_are_the_callers() -> None:
    """Both delays can be given."""
    delays = {"busy_delay": timedelta(seconds=7), "rate_limit_delay": timedelta(seconds=8)}
    assert decide(errors.DbaasTransportError("reset"), **delays) == (RetryAction.RETRY, timedelta(seconds=7))
    assert decide(errors.DbaasRateLimitError("429"), **delays) == (RetryAction.RETRY, timedelta(seconds=8))


def test_other_errors_are_left_alone() -> None:
    """What is not this package's is decided by the task's own settings."""
    assert decide(ValueError("mine")) == (RetryAction.DEFAULT, None)


def test_what_an_error_was_raised_from() -> None:
    """An exception that somebody raised from one of ours is decided by ours."""

    def raised(error: DbaasError) -> BaseException:
        outer = RuntimeError("the report cannot be made")
        outer.__cause__ = error
        return outer

    assert decide(raised(errors.DbaasAuthError("401"))) == (RetryAction.FAIL, None)
    assert decide(raised(errors.DbaasServerError("500"))) == (RetryAction.RETRY, BUSY)


def test_the_reason_is_told() -> None:
    """Airflow shows the reason with the retry: the error's class and text."""
    decision = dbaas_retry_policy().evaluate(errors.DbaasServerError("500: no"), try_number=1, max_tries=3)
    assert decision.reason == "DbaasServerError: 500: no"


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(seconds=-1), 60])
def test_delays_that_are_none(delay: Any) -> None:
    """A delay is a positive timedelta; anything else is refused when the DAG is parsed."""
    with pytest.raises(DbaasConfigurationError, match="busy_delay must be a timedelta of more than 0 seconds"):
        dbaas_retry_policy(busy_delay=delay)


def test_before_airflow_3_3() -> None:
    """Where Airflow has no retry policies the module can be imported, and says what it needs when it is used."""
    code = """
import airflow.sdk
del airflow.sdk.__lazy_imports["RetryPolicy"]
from airflow_dbaas.retry_policy import dbaas_retry_policy
try:
    dbaas_retry_policy()
except ValueError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "dbaas_retry_policy needs Airflow 3.3 or later" in ran.stdout
