"""The limits of one request in both clients: total time, and size of the answer."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx

#: Bytes that an answer may have, as it comes and decompressed. A list of 1,000 services has about 1 MB, 500 lines of
#: a log seldom as much.
LARGEST_ANSWER = 32 * 1024 * 1024

#: Bytes that are decompressed at a time: a few milliseconds.
_PIECE = 1024 * 1024

_PHASES: dict[str, type[httpx.TimeoutException]] = {
    "connect": httpx.ConnectTimeout,
    "write": httpx.WriteTimeout,
    "read": httpx.ReadTimeout,
}


class AnswerTooLargeError(Exception):
    """An answer has more bytes than ``LARGEST_ANSWER``."""


@dataclass(slots=True)
class Exchange:
    """One request on its way.

    :param seconds: how long it may take in all, from connecting to the last byte of the answer.
    """

    seconds: float
    deadline: float = 0.0
    #: The present phase: ``connect``, ``write`` or ``read``. The default is the last, which claims least.
    phase: str = "read"

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.seconds

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Within the block, it is the exchange of this thread or task."""
        token = current.set(self)
        try:
            yield
        finally:
            current.reset(token)

    def left(self) -> float:
        """Seconds that are left.

        :raises httpx.TimeoutException: if there are none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.late()
        return left

    def late(self) -> httpx.TimeoutException:
        """The error if it takes too long."""
        return _PHASES[self.phase](f"no complete answer within {self.seconds:g} seconds")


#: The exchange of this thread or task, for the connections below httpx.
current: ContextVar[Exchange | None] = ContextVar("current", default=None)


class Body:
    """The body of an answer, decompressed as it comes.

    :param headers: the answer's headers.
    :raises AnswerTooLargeError: if they announce too much.
    """

    def __init__(self, headers: httpx.Headers) -> None:
        # Otherwise, httpx searches all of them for their encoding.
        headers.encoding = "iso-8859-1"
        announced = headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > LARGEST_ANSWER:
            raise AnswerTooLargeError
        packed = headers.get("content-encoding", "").lower() in {"gzip", "x-gzip"}
        self._unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if packed else None
        self._pieces: list[bytes] = []
        self._size = 0
        self._received = 0

    def feed(self, received: bytes) -> Iterator[None]:
        """Process the received data in steps of a few milliseconds.

        :param received: a part of the body.
        :raises AnswerTooLargeError: if it makes the body too large.
        :raises httpx.DecodingError: if it is not compressed as the headers say.
        """
        self._received += len(received)
        if self._received > LARGEST_ANSWER:
            raise AnswerTooLargeError
        if self._unpack is None:
            self._pieces.append(received)
            return
        while received and not self._unpack.eof:
            try:
                piece = self._unpack.decompress(received, _PIECE)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
            received = self._unpack.unconsumed_tail
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > LARGEST_ANSWER:
                raise AnswerTooLargeError
            yield

    def content(self) -> bytes:
        """The whole body, once all of it has been fed.

        :raises httpx.DecodingError: if the end of the compressed body is missing.
        """
        if self._received and self._unpack is not None and not self._unpack.eof:
            raise httpx.DecodingError("the compressed answer is incomplete")
        return b"".join(self._pieces)
