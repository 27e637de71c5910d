"""Runs a wait: when it polls, what it tolerates, and when it gives up.

Pauses between polls grow with the time waited (a twentieth of it, from half a second to five seconds) and are jittered.
Where more than ten waits share a client, they are a second at least. The client sends no more than ten requests a
second, however many waits share it: pauses are stretched until that is enough. After an error they grow exponentially,
up to a minute, and a ``Retry-After`` is honoured.

A poll without a usable answer never ends a wait by itself: the wait fails only if that lasts for longer than its
``outage_grace_period``, by default a share of the wait's own time. A 429 does not count: the API works. What would be
final in a single call, such as a refused key, gets a grace period in a wait that has been answered before. The deadline
is wall-clock time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dbaas._compat import conf
from airflow_dbaas.api.errors import (
    DbaasApiError,
    DbaasError,
    DbaasNotFoundError,
    DbaasRateLimitError,
    DbaasResponseError,
    DbaasTransportError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.waiting.conditions import Done, Failed, Pending, Verdict, Wait, in_seconds
from airflow_dbaas.waiting.results import with_zone

if TYPE_CHECKING:
    from airflow_dbaas.api import AsyncClient, Client
    from airflow_dbaas.waiting.shared_requests import Question, SharedClient

#: The tolerance of an outage of the API, unless the user says otherwise: a share of the time that a wait may take, and
#: the seconds that it is at least and at most.
OUTAGE_SHARE = 0.25
SHORTEST_OUTAGE_GRACE_PERIOD = 300.0
LONGEST_OUTAGE_GRACE_PERIOD = 6 * 3600.0

#: How many polls in a row must fail, besides, before an outage counts: in a crowd, or for a sensor that is poked once
#: an hour, few of them take long.
FEWEST_FAILED_POLLS = 5

#: Seconds for which a wait that has been answered before may be refused: a role is changed, a key replaced, a
#: certificate renewed.
REFUSAL_GRACE_PERIOD = 300.0

#: Seconds that a task waits on the worker before it defers: most operations are over by then, and resuming a task costs
#: more.
BRIEF_SECONDS = 2.0

#: Maximum seconds between polls during that time.
_BRIEF_PAUSE = 0.25

#: Seconds from a deferral until the task may be resumed on a worker. A worker may notice late that its task has
#: deferred, by 5 seconds by default. If the task is resumed before that, the scheduler takes the late report for the
#: end of the resumed task and fails it (seen with Airflow 3.3.2).
RESUME_SECONDS = max(6.0, conf.getfloat("workers", "min_heartbeat_interval", fallback=5) + 1)

_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_SHARE_OF_TIME_WAITED = 0.05

#: Seconds over which the first polls of many waits are spread, and the shortest pause of one of them.
_SHORTEST_CROWD_PAUSE = 1.0
#: Waits from which on that holds in full.
_CROWD = 10

#: Pauses after one error and after many, in seconds; they double with each.
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 60.0

#: Seconds between log lines that only say that a wait continues: a share of the time waited.
_SHORTEST_HEARTBEAT = 60.0
_LONGEST_HEARTBEAT = 1800.0
_HEARTBEAT_SHARE = 0.1

log = logging.getLogger(__name__)

V = TypeVar("V", Verdict, Done | Failed)


def tolerated_outage(given: float | str | timedelta | None, timeout: float) -> float:
    """For how many seconds a wait tolerates that the API gave no usable answer.

    :param given: the value that the user has set, if any.
    :param timeout: seconds that the wait may take.
    """
    if given is not None and given != "":
        return in_seconds(given)
    return min(max(SHORTEST_OUTAGE_GRACE_PERIOD, timeout * OUTAGE_SHARE), LONGEST_OUTAGE_GRACE_PERIOD)


class Watch:
    """One run of a wait: turns the answers of the polls into the final verdict.

    :param wait: the condition.
    :param deadline: Unix time at which the wait is over; infinite if the caller keeps the time.
    :param outage_grace_period: seconds for which the API may give no usable answer; by default a share of the time that
        is left.
    :param began: Unix time at which the waiting began, if another process began it.
    :param answered: whether the API is known to have answered calls with this key before.
    """

    def __init__(
        self,
        wait: Wait,
        *,
        deadline: float = math.inf,
        outage_grace_period: float | None = None,
        began: float | None = None,
        answered: bool = False,
    ) -> None:
        now = time.time()
        self.wait = wait
        self.deadline = deadline
        self.outage_grace_period = tolerated_outage(outage_grace_period, deadline - now)
        self.began = now if began is None else min(began, now)
        self.answered = answered
        # Monotonic times at which each kind of trouble began.
        self._failing_since: float | None = None
        self._silent_since: float | None = None
        self._refused_since: float | None = None
        self._silent_polls = 0
        self._errors = 0
        self._asked_pause = 0.0
        self._told: list[str] = []
        self._told_at = -math.inf
        self._last: tuple[Any, Verdict] | None = None

    @property
    def unsettled(self) -> bool:
        """Whether the last poll showed a failure of which it is not known yet if it will pass."""
        return self._failing_since is not None or self._refused_since is not None

    @property
    def waited(self) -> float:
        """Seconds since the waiting began."""
        return max(0.0, time.time() - self.began)

    @property
    def left(self) -> float:
        """Maximum seconds of a poll that starts now: the remaining time of the wait, but at least a second."""
        return max(1.0, self.deadline - time.time())

    def see(self, outcome: Any | DbaasError) -> Verdict:
        """The verdict after a poll.

        :param outcome: the answer to the wait's call, or the error it ended in.
        """
        self._asked_pause = (outcome.retry_after or 0.0) if isinstance(outcome, DbaasApiError) else 0.0
        if isinstance(outcome, DbaasError) and not isinstance(outcome, DbaasNotFoundError):
            self._errors += 1
            verdict = self._unanswered(outcome)
        else:
            self.answered = True
            self._errors = self._silent_polls = 0
            self._silent_since = self._refused_since = None
            absent = isinstance(outcome, DbaasNotFoundError)
            verdict = self._answered(self.wait.absent(outcome) if absent else self._verdict(outcome))
        if isinstance(verdict, Done):
            log.info("Over after %s: %s", duration(self.waited), one_line(f"{self.wait.subject}: {verdict.note}"))
        if isinstance(verdict, Pending):
            self._tell(verdict)
            if time.time() >= self.deadline:
                progress = f" ({verdict.progress})" if verdict.progress else ""
                return Failed(DbaasWaitTimeoutError(f"Timed out while waiting: {verdict.note}{progress}"))
        return verdict

    def _verdict(self, answer: Any) -> Verdict:
        # Waits that share see the very same answer again as long as nothing has changed.
        if self._last is None or self._last[0] is not answer or self.wait.timed:
            try:
                verdict = self.wait.verdict(answer)
            except DbaasError as error:  # the service is in another zone
                verdict = Failed(error)
            self._last = answer, verdict
        return self._last[1]

    def _unanswered(self, error: DbaasError) -> Verdict:
        now, subject = time.monotonic(), self.wait.subject
        if not error.retryable:
            return self._refused(error, now)
        if isinstance(error, DbaasRateLimitError):
            return Pending(f"{subject}: {error}")
        self._silent_since = now if self._silent_since is None else self._silent_since
        self._silent_polls += 1
        lasted, tolerated = now - self._silent_since, self.outage_grace_period
        if lasted < tolerated or (tolerated and self._silent_polls < FEWEST_FAILED_POLLS):
            return Pending(f"{subject}: {error} (the task fails after {duration(tolerated)} without a usable answer)")
        text = (
            f"{subject}: no usable answer from the API for {duration(lasted)}, which is longer than "
            f"outage_grace_period ({duration(tolerated)}); the last error: {error}"
        )
        return Failed(DbaasTransportError(text))

    def _refused(self, error: DbaasError, now: float) -> Verdict:
        """The verdict on what would be final, were it not that the same has been answered before."""
        # Errors of the client itself, such as a service in another zone, are permanent.
        from_outside = isinstance(error, DbaasApiError | DbaasResponseError | DbaasTransportError)
        if not self.answered or not from_outside:
            return Failed(error)
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now - self._refused_since >= REFUSAL_GRACE_PERIOD:
            return Failed(error)
        note = (
            f"{self.wait.subject}: {error} (the API answered before; the task fails if this lasts "
            f"{duration(REFUSAL_GRACE_PERIOD)})"
        )
        return Pending(note)

    def _answered(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, Failed):
            self._failing_since = None
            return verdict
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        if now - self._failing_since >= verdict.grace_period:
            return verdict
        return Pending(
            f"{verdict.error} (may be transient; the task fails if it lasts {duration(verdict.grace_period)})"
        )

    def _tell(self, pending: Pending) -> None:
        """Log each change, and from time to time that nothing has changed: a wait of hours is a few lines."""
        lines = [pending.note, *pending.details]
        new = [line for line in lines if line not in self._told]
        since = time.monotonic() - self._told_at
        # Errors may differ at each poll.
        if new and (not self._errors or since >= _SHORTEST_HEARTBEAT or self._errors == 1):
            head, *details = new if new[0] == pending.note else [pending.note, *new]
            log.info("Waiting: %s", one_line(_with(head, pending.progress)))
            for line in details:
                log.info("    %s", one_line(line))
        elif since >= min(max(_SHORTEST_HEARTBEAT, self.waited * _HEARTBEAT_SHARE), _LONGEST_HEARTBEAT):
            text = f"Still waiting after {duration(self.waited)}: {_with(pending.note, pending.progress)}"
            log.info("%s", one_line(text))
        else:
            return
        self._told, self._told_at = lines, time.monotonic()

    def interval(self, waits: int = 1) -> float:
        """Seconds between polls, were there no other waits and no errors.

        :param waits: how many waits share the client.
        """
        shortest = max(_SHORTEST_PAUSE, _spread(waits))
        return min(max(self.waited * _SHARE_OF_TIME_WAITED, shortest), _LONGEST_PAUSE)

    def pause(self, *, waits: int = 1, stretch: float = 1.0, most: float = math.inf) -> float:
        """Seconds until the next poll.

        :param waits: how many waits share the client.
        :param stretch: how many times longer pauses must be for the client to serve all its waits.
        :param most: seconds that it may be at most, if nothing is wrong.
        """
        pause = min(self.interval(waits) * stretch, most) * random.uniform(0.8, 1.0)  # noqa: S311 - no secret
        if self._errors:
            # With a short tolerance, it must be tried a few times within that.
            longest = min(_LONGEST_BACKOFF, max(_FIRST_BACKOFF, self.outage_grace_period / (2 * FEWEST_FAILED_POLLS)))
            backoff = min(_FIRST_BACKOFF * 2.0 ** min(self._errors - 1, 20), longest)
            pause = max(pause, backoff * random.uniform(0.5, 1.0))  # noqa: S311
        # So that not all waits with the same ``Retry-After`` resume at the same moment.
        pause = max(pause, self._asked_pause * random.uniform(1.0, 1.2))  # noqa: S311
        return min(pause, max(0.0, self.deadline - time.time()))

    def doubts(self) -> dict[str, Any]:
        """The state that another process needs to continue this watch, as plain JSON: since when each failure lasts."""
        ago = time.time() - time.monotonic()
        return {
            "answered": self.answered,
            "failing_since": _moved(self._failing_since, ago),
            "silent_since": _moved(self._silent_since, ago),
            "refused_since": _moved(self._refused_since, ago),
            "silent_polls": self._silent_polls,
        }

    def take_over(self, doubts: dict[str, Any]) -> None:
        """Go on with the watch of another process, which left these ``doubts``."""
        ago = time.monotonic() - time.time()
        self.answered = doubts["answered"]
        self._failing_since = _moved(doubts["failing_since"], ago)
        self._silent_since = _moved(doubts["silent_since"], ago)
        self._refused_since = _moved(doubts["refused_since"], ago)
        self._silent_polls = doubts["silent_polls"]


def _moved(moment: float | None, by: float) -> float | None:
    return None if moment is None else moment + by


def _with(note: str, progress: str) -> str:
    return f"{note} ({progress})" if progress else note


def duration(seconds: float) -> str:
    """A duration as a person says it: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _spread(waits: int) -> float:
    """Seconds over which this number of waits spread their first requests."""
    return min((waits - 1) / _CROWD, _SHORTEST_CROWD_PAUSE)


def poll(client: Client, watch: Watch) -> Verdict:
    """Look once."""
    try:
        outcome: Any = client.send(watch.wait.call(), retry=NO_RETRY, within=watch.left)
    except DbaasError as error:
        outcome = error
    return _placed(watch.see(outcome), client)


def _placed(verdict: V, client: Client | AsyncClient) -> V:
    """A verdict whose result says in which zone the service is."""
    if isinstance(verdict, Done):
        return dataclasses.replace(verdict, result=with_zone(verdict.result, client.zone_of))
    return verdict


def run(client: Client, watch: Watch) -> Done | Failed:
    """Wait, blocking, until the verdict is final."""
    while isinstance(verdict := poll(client, watch), Pending):
        time.sleep(watch.pause())
    return verdict


def run_briefly(client: Client, watch: Watch, *, until: float) -> Verdict:
    """Wait, blocking, for at least one poll; only one if the wait usually takes minutes.

    :param client: whom to ask.
    :param watch: what to wait for.
    :param until: until when, by the monotonic clock.
    """
    while isinstance(verdict := poll(client, watch), Pending):
        # Wait for what is almost over, to save a deferral.
        pause = watch.pause(most=_BRIEF_PAUSE)
        if watch.wait.slow or time.monotonic() + pause > until:
            break
        time.sleep(pause)
    return verdict


async def _answer(question: Question, pause: float, watch: Watch) -> Any:
    """The answer to the next request, or the error it ends in; other waits may share it, and have more time.

    The time is limited from when the request is sent: until then it may queue behind those of others.
    """
    try:
        async with asyncio.timeout(None) as limit:

            def sent() -> None:
                if watch.deadline < math.inf:
                    limit.reschedule(asyncio.get_running_loop().time() + watch.left)

            return await question.answer(pause, sent=sent)
    except TimeoutError:
        return DbaasTransportError("no answer by the end of the wait")


async def run_async(client: SharedClient, watch: Watch) -> Done | Failed:
    """Wait in an event loop until the verdict is final.

    :param client: whom to ask, shared with the other waits of the loop: what one of them sees, all see that ask the
        same.
    """
    try:
        with client.question(watch.wait.call()) as question:
            # Of those that ask the same and start together, say with the triggerer, not each sends a request.
            spread = random.uniform(0, _spread(client.waits))  # noqa: S311 - no secret
            pause = min(spread, watch.pause(waits=client.waits))
            while isinstance(verdict := watch.see(await _answer(question, pause, watch)), Pending):
                question.every(watch.interval(client.waits))
                pause = watch.pause(waits=client.waits, stretch=client.stretch)
    except DbaasError as error:
        # The call could not be built from the arguments of the wait.
        return Failed(error)
    return _placed(verdict, client.client)
