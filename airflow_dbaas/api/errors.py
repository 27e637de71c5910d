"""All exceptions of this package::

    DbaasError
    ├── DbaasConfigurationError      input or a connection cannot be used; nothing was sent
    ├── DbaasTransportError          no answer: refused, reset, timed out, TLS
    ├── DbaasResponseError           an answer that is not the API's: a redirect, HTML, broken JSON
    ├── DbaasApiError                the API answered with an error status
    │   ├── DbaasBadRequestError     400 and any other 4xx: the request is wrong
    │   ├── DbaasAuthError           401, 403: the key, its signature or its IAM role
    │   ├── DbaasNotFoundError       404
    │   ├── DbaasConflictError       409
    │   ├── DbaasRateLimitError      429
    │   └── DbaasServerError         5xx; all but 501 are transient
    ├── DbaasOperationError          an operation ended in failure or timeout
    ├── DbaasServiceError            a service is absent, powered off or not what was expected
    ├── DbaasIntegrationError        an integration or attachment is absent, failed or not what was expected
    ├── DbaasMigrationCheckError     a migration check was refused
    ├── DbaasMigrationError          a migration failed, or cannot be started or stopped now
    ├── DbaasDatabaseError           source or target database cannot be reached, or refuses a statement
    ├── DbaasVerificationError       source and target differ
    ├── DbaasWaitTimeoutError        a wait timed out; the remote work continues
    └── DbaasResumeError             another version of this package deferred the task

Every error knows whether trying again later can help (``retryable``). Texts name the call, the status or
reason, the API's own words, and the connection, zone, host and proxy; never a secret. Each is one paragraph of at most
1500 characters.
"""

from __future__ import annotations

from typing import ClassVar

from airflow_dbaas.api.redaction import one_line, without_userinfo

LONGEST_TEXT = 1500


class DbaasError(Exception):
    """Base of all errors of this package.

    :param message: what happened and what to do; folded into one line, and cut if it is very long.
    :param retryable: whether the same thing may succeed later without anybody changing anything;
        the class's own default if not given.
    """

    retryable_by_default: ClassVar[bool] = False

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(_one_paragraph(message))
        self.retryable = self.retryable_by_default if retryable is None else retryable

    def add_place(self, place: str) -> None:
        """Append where it happened.

        :param place: the connection, zone, host and proxy.
        """
        self.args = (f"{_cut(str(self), LONGEST_TEXT - len(place) - 2)}; {place}",)


class DbaasConfigurationError(DbaasError, ValueError):
    """A parameter or connection cannot be used. Raised before anything is sent."""


class DbaasTransportError(DbaasError):
    """No answer arrived.

    :param unprocessed: True if the API certainly never acted on the request (it could not be reached).
    """

    retryable_by_default = True

    def __init__(self, message: str, *, retryable: bool | None = None, unprocessed: bool = False) -> None:
        super().__init__(message, retryable=retryable)
        self.unprocessed = unprocessed


class DbaasResponseError(DbaasError):
    """The answer is not one of the API's (a proxy's page, a redirect, broken JSON)."""

    retryable_by_default = True


class DbaasApiError(DbaasError):
    """The API answered with an error status.

    :param status: the HTTP status.
    :param retry_after: seconds the API asks to wait, if it does.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.retry_after = retry_after


class DbaasBadRequestError(DbaasApiError):
    """400 and other 4xx: the API does not accept the request."""


class DbaasAuthError(DbaasApiError):
    """401 or 403: wrong key or secret, a clock far off, or an IAM role that does not allow the call."""


class DbaasNotFoundError(DbaasApiError):
    """404: no such resource."""


class DbaasConflictError(DbaasApiError):
    """409: the resource already exists or is in another state."""


class DbaasRateLimitError(DbaasApiError):
    """429: too many requests."""

    retryable_by_default = True


class DbaasServerError(DbaasApiError):
    """5xx: the API failed."""

    retryable_by_default = True


class DbaasOperationError(DbaasError):
    """An operation ended in ``failure`` or ``timeout``.

    Reasons that call for a change (``incorrect``, ``forbidden``, ``not-found``, ``unsupported``,
    ``conflict``) are not retryable; all others are.
    """

    retryable_by_default = True


class DbaasServiceError(DbaasError):
    """A service is missing, powered off, or not the requested one."""


class DbaasIntegrationError(DbaasError):
    """An integration or attachment is missing, has failed, or is not the requested one."""


class DbaasMigrationCheckError(DbaasError):
    """A migration check found that the migration would not work; the text is the API's."""


class DbaasMigrationError(DbaasError):
    """A migration failed, or cannot be started or stopped now."""


class DbaasDatabaseError(DbaasError):
    """A database server, at either end of a migration, cannot be reached or refuses a statement."""

    retryable_by_default = True


class DbaasVerificationError(DbaasError):
    """Source and target differ; the text lists the differences."""


class DbaasWaitTimeoutError(DbaasError):
    """A wait timed out. The remote work continues."""

    retryable_by_default = True


class DbaasResumeError(DbaasError):
    """A deferred task was stored by another version of this package, and this one cannot go on from there."""

    retryable_by_default = True


def _one_paragraph(text: str) -> str:
    # The caller has removed secrets; a URI that slipped through is masked here, before the text is cut.
    return _cut(one_line(without_userinfo(" ".join(text.split()))), LONGEST_TEXT)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def status_error(status: int, message: str, *, retry_after: float | None = None, context: str) -> DbaasApiError:
    """The error for an HTTP error status.

    :param status: HTTP status, 400 to 599.
    :param message: the API's own words.
    :param retry_after: seconds the API asks to wait.
    :param context: the call, for the text.
    """
    kinds: dict[int, type[DbaasApiError]] = {
        401: DbaasAuthError,
        403: DbaasAuthError,
        404: DbaasNotFoundError,
        409: DbaasConflictError,
        429: DbaasRateLimitError,
    }
    kind = kinds.get(status, DbaasServerError if status >= 500 else DbaasBadRequestError)
    hint = " (check API key, secret, IAM role and this machine's clock)" if kind is DbaasAuthError else ""
    # 408: the server gave up waiting for the request; the same request may pass next time. 501 stays 501.
    return kind(
        f"{context}: {status} {message}{hint}",
        status=status,
        retry_after=retry_after,
        retryable={408: True, 501: False}.get(status),
    )
