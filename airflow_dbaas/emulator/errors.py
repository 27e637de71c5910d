"""The one way a handler says no."""

from __future__ import annotations


class ApiError(Exception):
    """Becomes an HTTP answer ``{"message": …}`` with ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
