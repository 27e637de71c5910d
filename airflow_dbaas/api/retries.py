"""When one call is sent again, and how long it waits before.

A request is repeated only after transient errors (``DbaasError.retryable``): no connection, a time-out, 429, 5xx, an
answer that does not come from the API. If the API may have acted on the request (everything but a failed connect and
429), only calls with ``Resend.ALWAYS`` are repeated: reading, deleting and updating change nothing the second time.
Calls that start or create something have ``Resend.IF_UNPROCESSED``; their caller must look up whether they took effect.

The pauses grow exponentially with full jitter. ``Retry-After`` is honoured, up to a minute. The time in which a call
may begin another attempt is bounded: a pause that would pass the bound is not begun. The last attempt ends when it is
answered, or by the client's ``timeout``.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import tenacity

from airflow_dbaas.api.errors import (
    DbaasApiError,
    DbaasError,
    DbaasRateLimitError,
    DbaasResponseError,
    DbaasTransportError,
)


class Resend(enum.Enum):
    """Whether a call may be sent again when it is unknown if the API acted on it."""

    ALWAYS = "always"
    IF_UNPROCESSED = "if-unprocessed"


def unprocessed(error: DbaasError) -> bool:
    """Whether the API certainly did not act on the request that ended in ``error``."""
    return isinstance(error, DbaasRateLimitError) or (isinstance(error, DbaasTransportError) and error.unprocessed)


def may_have_acted(error: DbaasError) -> bool:
    """Whether the request that ended in ``error`` may have taken effect although no usable answer came."""
    # An answer that does not come from the API, such as a redirect, does not tell what the API did.
    return (error.retryable or isinstance(error, DbaasResponseError)) and not unprocessed(error)


#: Maximum ``Retry-After`` that is honoured, in seconds.
LONGEST_RETRY_AFTER = 60.0

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def parse_retry_after(value: str | None, *, date: str | None = None) -> float | None:
    """Seconds to wait from a ``Retry-After`` header, at most ``LONGEST_RETRY_AFTER``; None if absent or unreadable.

    :param value: the header: seconds, or an HTTP date. If it came more than once, the longest time counts.
    :param date: the ``Date`` header of the same answer. An HTTP date is read relative to it: the server's clock may be
        ahead of this machine's.
    """
    parts = [part.strip() for part in (value or "").split(",")]
    if all(_SECONDS.fullmatch(part) for part in parts):
        return min(max(map(float, parts)), LONGEST_RETRY_AFTER)
    # Most dates contain a comma, after the day of the week.
    dates = [value or "", *map(", ".join, pairwise(parts))]
    moments = [moment for each in dates if (moment := _moment(each))]
    if not moments:
        return None
    wait = (max(moments) - (_moment(date or "") or datetime.now(UTC))).total_seconds()
    return min(max(0.0, wait), LONGEST_RETRY_AFTER)


def _moment(text: str) -> datetime | None:
    """An HTTP date as a point in time, or None."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class RetryPolicy:
    """How patient one call is.

    :param max_seconds: for how long another attempt may be begun, counted from the first; 0 sends once.
    :param first_pause: upper end of the first random pause in seconds; it doubles with each attempt.
    :param longest_pause: cap of the upper end, in seconds.
    """

    max_seconds: float = 60.0
    first_pause: float = 0.5
    longest_pause: float = 20.0

    @property
    def once(self) -> bool:
        """Whether there is one attempt only. No need for tenacity, then: it takes as long as the rest of a poll."""
        return not self.max_seconds

    def arguments(self, resend: Resend) -> dict[str, Any]:
        """Arguments for tenacity's ``Retrying`` or ``AsyncRetrying``."""
        jittered = tenacity.wait_random_exponential(multiplier=self.first_pause, max=self.longest_pause)

        def again(error: BaseException) -> bool:
            if not isinstance(error, DbaasError) or not error.retryable:
                return False
            return resend is Resend.ALWAYS or unprocessed(error)

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, DbaasApiError) else None
            return jittered(state) if asked is None else asked + jittered(state) / 10

        return {
            "retry": tenacity.retry_if_exception(again),
            "wait": pause,
            "stop": tenacity.stop_before_delay(self.max_seconds),
            "reraise": True,
        }


NO_RETRY = RetryPolicy(max_seconds=0)
