"""What all answers have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from airflow_dbaas.api.redaction import MASK, is_secret, redact, without_secrets

if TYPE_CHECKING:
    from airflow_dbaas.api.places import Place

_T = TypeVar("_T")

#: A list that the API may also leave out or send as null.
Items = Annotated[list[_T], BeforeValidator(lambda value: [] if value is None else value)]


class _Needed:
    """Marks a field of an answer; see ``Needed``."""


#: A field that must have its type if present: without it, a failure could look like success, or an existing resource
#: like a missing one. Every other field may have any type; see ``Answer``.
Needed = Annotated[_T, _Needed]


class Answer(BaseModel):
    """Base of all answers: snake case here, the API's kebab case on the wire.

    A wait must not fail because of an unrelated field. A value that does not have the expected type therefore counts as
    missing, and is available unchanged in ``model_extra`` under the API's name. The exceptions are marked as
    ``Needed``. A number where a string is expected is read as its text.
    """

    model_config = ConfigDict(
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        extra="allow",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        # Most processes read a few answers only: each model is built when it is first used.
        defer_build=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _tolerate(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return read(data)
        except ValidationError as error:
            odd = {what["loc"][0] for what in error.errors() if what["loc"]}
            needed = {
                spelling
                for name, field in cls.model_fields.items()
                if field.is_required() or _Needed in field.metadata
                for spelling in (name, field.alias)
            }
            if not isinstance(data, Mapping) or not odd or odd & needed:
                raise
        answer = read({name: value for name, value in data.items() if name not in odd})
        if answer.model_extra is not None:
            answer.model_extra.update({name: value for name, value in data.items() if name in odd})
        return answer

    @property
    def named_services(self) -> tuple[str | None, ...]:
        """The services that the answer is about, if only the answer names them."""
        return ()

    def belong_to(self, place: Place) -> None:
        """Remember where the client works that received this answer; for answers that need it."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, MASK if is_secret(name) and value is not None else without_secrets(value)

    def __repr__(self) -> str:
        # A free text may still hold a password.
        return redact(super().__repr__())

    __str__ = __repr__
