"""The tree of errors."""

import re

import pytest

from airflow_dbaas.api import errors


def test_the_docstring_draws_the_tree() -> None:
    """Every error is drawn in the module's docstring, below its parent, and nothing else is."""
    drawn = re.findall(r"^\s*([│├└─\s]*)(Dbaas\w+)", errors.__doc__ or "", flags=re.MULTILINE)
    parents: dict[str, str] = {}
    path: list[str] = []
    for indent, name in drawn:
        depth = len(indent) // 4
        path[depth:] = [name]
        if depth:
            parents[name] = path[depth - 1]
    actual = {
        name: kind.__base__.__name__ if kind.__base__ else ""
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.DbaasError) and kind is not errors.DbaasError
    }
    actual["DbaasConfigurationError"] = "DbaasError"
    assert parents == actual


@pytest.mark.fact("error-403", "error-404", "error-unseen", "error-passing")
@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, errors.DbaasBadRequestError, False),
        (401, errors.DbaasAuthError, False),
        (403, errors.DbaasAuthError, False),
        (404, errors.DbaasNotFoundError, False),
        (408, errors.DbaasBadRequestError, True),
        (409, errors.DbaasConflictError, False),
        (412, errors.DbaasBadRequestError, False),
        (422, errors.DbaasBadRequestError, False),
        (429, errors.DbaasRateLimitError, True),
        (500, errors.DbaasServerError, True),
        (501, errors.DbaasServerError, False),
        (503, errors.DbaasServerError, True),
    ],
)
def test_statuses(status: int, kind: type[errors.DbaasError], retryable: bool) -> None:
    """Each status is one class of error; those that may pass are retryable, those that need a change are not."""
    error = errors.status_error(status, "said so", context="get-operation (GET /operation/x)")
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.status == status
    assert str(error).startswith(f"get-operation (GET /operation/x): {status} said so")


def test_no_error_is_an_airflow_exception() -> None:
    """A deferred sensor with soft_fail skips on any AirflowException: ours must stay failures."""
    assert errors.DbaasError.__mro__[1:] == (Exception, BaseException, object)
