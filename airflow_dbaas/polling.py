"""How a wait is run: when it polls, how much trouble it rides out, when its time is over.

Pauses between polls grow with the time waited (a twentieth of it, half a second to five) and are jittered. Where more
than ten waits share a client, they are a second at least; where more than fifty different requests are repeated, they
grow on, up to half a minute: all of them together are ten requests a second. A poll that gets no usable answer never
ends a wait by itself; only if no poll has succeeded for ``UNANSWERED_SECONDS`` does it fail. The deadline is wall-clock
time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dbaas._compat import conf
from airflow_dbaas.api.errors import (
    DbaasApiError,
    DbaasError,
    DbaasNotFoundError,
    DbaasTransportError,
    DbaasWaitTimeoutError,
)
from airflow_dbaas.api.redaction import one_line
from airflow_dbaas.api.retries import NO_RETRY
from airflow_dbaas.results import with_zone
from airflow_dbaas.waits import Done, Failed, Pending, Verdict, Wait

if TYPE_CHECKING:
    from airflow_dbaas.api import AsyncClient, Client
    from airflow_dbaas.sharing import Question, SharedClient

#: Seconds without a single usable answer after which a wait gives up.
UNANSWERED_SECONDS = 300.0

#: Seconds that a task which is to be deferred waits by itself first: most operations are over by then, and resuming
#: a task costs more.
BRIEF_SECONDS = 2.0

#: Seconds between looks meanwhile, at most.
_BRIEF_PAUSE = 0.25

#: Seconds from a deferral until the task may be resumed on a worker. A worker may notice late, by 5 seconds if nothing
#: else is configured, that its task has deferred; if the task is resumed before that, the scheduler takes the late news
#: for the end of the resumed task and fails it (seen with Airflow 3.3.2).
RESUME_SECONDS = max(6.0, conf.getfloat("workers", "min_heartbeat_interval", fallback=5) + 1)

_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_SHARE_OF_TIME_WAITED = 0.05

#: Requests per second of all waits that share a client; the shortest pause and the longest to which that may lead.
_CROWD_RATE = 10.0
_SHORTEST_CROWD_PAUSE = 1.0
_LONGEST_CROWD_PAUSE = 30.0

log = logging.getLogger(__name__)

V = TypeVar("V", Verdict, Done | Failed)


class Watch:
    """One run of a wait: gives the final verdict on what the polls show.

    :param wait: what is waited for.
    :param deadline: Unix time at which the wait is over; infinite if somebody else keeps the time.
    """

    def __init__(self, wait: Wait, *, deadline: float = math.inf) -> None:
        self.wait = wait
        self.deadline = deadline
        self._began = time.monotonic()
        self._trouble_since: float | None = None
        self._unanswered_since: float | None = None
        self._asked_pause = 0.0
        self._last_note = ""
        self._last: tuple[Any, Verdict] | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the last poll showed a trouble that is not yet known to be passing or lasting."""
        return self._trouble_since is not None or self._unanswered_since is not None

    @property
    def left(self) -> float:
        """Seconds that a poll which begins now may take: what is left of the wait, but a second at least."""
        return max(1.0, self.deadline - time.time())

    def see(self, outcome: Any | DbaasError) -> Verdict:
        """The verdict after a poll.

        :param outcome: the answer to the wait's call, or the error it ended in.
        """
        self._asked_pause = (outcome.retry_after or 0.0) if isinstance(outcome, DbaasApiError) else 0.0
        if isinstance(outcome, DbaasError) and not isinstance(outcome, DbaasNotFoundError):
            verdict = self._unanswered(outcome)
        else:
            self._unanswered_since = None
            absent = isinstance(outcome, DbaasNotFoundError)
            verdict = self._answered(self.wait.absent(outcome) if absent else self._verdict(outcome))
        if isinstance(verdict, Done):
            subject = self.wait.subject
            log.info("Over: %s", one_line(f"{subject}: {verdict.note}" if verdict.note else subject))
        if isinstance(verdict, Pending):
            self._tell(verdict.note)
            if time.time() >= self.deadline:
                return Failed(DbaasWaitTimeoutError(f"Time is over while waiting: {verdict.note}"))
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
        if not error.retryable:
            return Failed(error)
        now = time.monotonic()
        self._unanswered_since = self._unanswered_since or now
        if now - self._unanswered_since < UNANSWERED_SECONDS:
            return Pending(f"{self.wait.subject}: {error} (fails after {UNANSWERED_SECONDS:.0f} s of this)")
        text = f"{self.wait.subject}: no usable answer for {UNANSWERED_SECONDS:.0f} s; the last: {error}"
        return Failed(DbaasTransportError(text))

    def _answered(self, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, Failed):
            self._trouble_since = None
            return verdict
        now = time.monotonic()
        self._trouble_since = self._trouble_since or now
        if now - self._trouble_since >= verdict.grace_period:
            return verdict
        return Pending(f"{verdict.error} (may pass; fails if it lasts {verdict.grace_period:.0f} s)")

    def _tell(self, note: str) -> None:
        # Only changes: a wait of hours is a few lines in the log.
        if note != self._last_note:
            log.info("Waiting: %s", one_line(note))
            self._last_note = note

    def pause(self, crowd: int = 1, waits: int = 1, *, most: float = math.inf) -> float:
        """Seconds until the next poll.

        :param crowd: how many different requests are repeated with the same client.
        :param waits: how many waits share them.
        :param most: seconds that it may be at most, if the API does not ask for more.
        """
        shortest = max(_SHORTEST_PAUSE, _spread(waits))
        longest = min(max(_LONGEST_PAUSE, crowd / _CROWD_RATE), _LONGEST_CROWD_PAUSE)
        waited = time.monotonic() - self._began
        pause = min(max(waited * _SHARE_OF_TIME_WAITED, shortest), longest)
        pause = max(min(pause, most) * random.uniform(0.8, 1.0), self._asked_pause)  # noqa: S311 - no secret
        return min(pause, max(0.0, self.deadline - time.time()))


def _spread(waits: int) -> float:
    """Seconds over which so many waits spread what they ask at the beginning."""
    return min((waits - 1) / _CROWD_RATE, _SHORTEST_CROWD_PAUSE)


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
    """Wait, blocking, but look once at least; no more than once, if it takes minutes.

    :param client: whom to ask.
    :param watch: what to wait for.
    :param until: until when, by the monotonic clock.
    """
    while isinstance(verdict := poll(client, watch), Pending):
        # What is almost there is waited for, so that nobody need be deferred.
        pause = watch.pause(most=_BRIEF_PAUSE)
        if watch.wait.slow or time.monotonic() + pause > until:
            break
        time.sleep(pause)
    return verdict


async def _answer(question: Question, pause: float, watch: Watch) -> Any:
    """The answer to the next request, or the error it ends in; other waits may share it, and have more time."""
    if watch.deadline == math.inf:
        return await question.answer(pause)
    try:
        async with asyncio.timeout(watch.left):
            return await question.answer(pause)
    except TimeoutError:
        return DbaasTransportError("no answer by the end of the wait")


async def run_async(client: SharedClient, watch: Watch) -> Done | Failed:
    """Wait in an event loop until the verdict is final.

    :param client: whom to ask, shared with the other waits of the loop: what one of them sees, all see that ask the
        same.
    """
    try:
        with client.question(watch.wait.call()) as question:
            # All that start together, say with the triggerer, do not look together.
            spread = random.uniform(0, _spread(client.waits))  # noqa: S311 - no secret
            pause = min(spread, watch.pause(client.crowd, client.waits))
            while isinstance(verdict := watch.see(await _answer(question, pause, watch)), Pending):
                pause = watch.pause(client.crowd, client.waits)
    except DbaasError as error:
        # The call could not be made of what the wait was given.
        return Failed(error)
    return _placed(verdict, client.client)
