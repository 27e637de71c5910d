"""What all answers have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from airflow_dbaas.api.redaction import MASK, is_secret, redact, without_secrets

_T = TypeVar("_T")

#: A list that the API may also leave out or send as null.
Items = Annotated[list[_T], BeforeValidator(lambda value: [] if value is None else value)]


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(value)
    except ValidationError:
        return None


#: What is shown but never acted on: None if it is not of its type. Every wait reads the list of all services, and
#: must not fail for the odd size or notification of another one.
Shown = Annotated[_T | None, WrapValidator(_or_none)]


class Answer(BaseModel):
    """Base of all answers: snake case here, the API's kebab case on the wire."""

    model_config = ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        extra="allow",
        frozen=True,
        hide_input_in_errors=True,
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, MASK if is_secret(name) and value is not None else without_secrets(value)

    def __repr__(self) -> str:
        # A free text may still hold a password.
        return redact(super().__repr__())

    __str__ = __repr__
