"""Threads that read tables at one end, each with a session of its own."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from airflow_dbaas.api.errors import DbaasDatabaseError
from airflow_dbaas.verification.connections import Session

SessionT = TypeVar("SessionT", bound=Session)


class View(Generic[SessionT]):
    """One database, as further sessions see it.

    :param opening: opens such a session.
    """

    def __init__(self, opening: Callable[[], AbstractContextManager[SessionT]]) -> None:
        self.opening = opening
        #: Work on it that waits, the largest first.
        self.waiting: list[tuple[int, int, Callable[[SessionT], Any], Future[Any]]] = []


class Readers(Generic[SessionT]):
    """A fixed number of threads that read at one end.

    A thread goes on with the database it has a session for; when there is nothing left to do there, it helps where the
    largest work waits.

    :param name: of the end, for the threads' names.
    :param count: how many threads, and so sessions, there are.
    """

    def __init__(self, name: str, count: int) -> None:
        self._changed = threading.Condition()
        self._views: list[View[SessionT]] = []
        self._turns = itertools.count()
        self._over = False
        self._sessions: set[SessionT] = set()
        self._threads = [
            threading.Thread(target=self._read, name=f"verify-{name}-{number}", daemon=True) for number in range(count)
        ]

    def __enter__(self) -> Readers[SessionT]:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(interrupting=error is not None)
        for thread in self._threads:
            thread.join()

    def interrupt(self) -> None:
        """Have all that is read end with an error, and nothing more be read."""
        self._end(interrupting=True)

    def _end(self, *, interrupting: bool) -> None:
        with self._changed:
            self._over = True
            left = [job[-1] for view in self._views for job in view.waiting]
            self._views.clear()
            self._changed.notify_all()
            if interrupting:
                for session in self._sessions:
                    session.interrupt()
        for future in left:
            future.set_exception(DbaasDatabaseError("the comparison was broken off"))

    def submit(self, view: View[SessionT], size: int, work: Callable[[SessionT], Any]) -> Future[Any]:
        """Have something read.

        :param view: the database.
        :param size: how much there is to read; the largest is read first.
        :param work: reads it.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._over:
                future.set_exception(DbaasDatabaseError("the comparison was broken off"))
                return future
            heapq.heappush(view.waiting, (-size, next(self._turns), work, future))
            if view not in self._views:
                self._views.append(view)
            self._changed.notify()
        return future

    def leave(self, view: View[SessionT]) -> None:
        """Let go of the sessions of a database with which nothing is left to do."""
        with self._changed:
            view.waiting.clear()
            if view in self._views:
                self._views.remove(view)

    def _next(self, own: View[SessionT] | None) -> _Job[SessionT] | None:
        """The next work; with a session at hand only what is there now, for a session keeps a snapshot from going."""
        with self._changed:
            while not self._over:
                busy = [view for view in self._views if view.waiting]
                if busy:
                    view = own if own in busy else min(busy, key=lambda one: one.waiting[0][:2])
                    assert view is not None  # noqa: S101 - it is one of the busy ones
                    _, _, work, future = heapq.heappop(view.waiting)
                    return _Job(view, work, future)
                if own is not None:
                    break
                self._changed.wait()
        return None

    def _read(self) -> None:
        while not self._over:
            with ExitStack() as stack:
                self._read_with_one_session_after_the_other(stack)

    def _read_with_one_session_after_the_other(self, stack: ExitStack) -> None:
        own: View[SessionT] | None = None
        session: Any = None
        while (job := self._next(own)) is not None:
            try:
                if job.view is not own:
                    stack.close()
                    session = self._opened(stack, job.view)
                    own = job.view
                result = job.work(session)
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                # The session may be of no more use.
                stack.close()
                own = None
                job.future.set_exception(error)
            else:
                job.future.set_result(result)

    def _opened(self, stack: ExitStack, view: View[SessionT]) -> SessionT:
        session = stack.enter_context(view.opening())
        with self._changed:
            if self._over:
                raise DbaasDatabaseError("the comparison was broken off")
            self._sessions.add(session)
        stack.callback(self._forget, session)
        return session

    def _forget(self, session: SessionT) -> None:
        with self._changed:
            self._sessions.discard(session)


@dataclass(frozen=True)
class _Job(Generic[SessionT]):
    view: View[SessionT]
    work: Callable[[SessionT], Any]
    future: Future[Any]
