"""Operations: work that the API has taken on."""

from __future__ import annotations

from airflow_dbaas.api.models.base import Answer, Needed


class Reference(Answer):
    """The resource that an operation is about."""

    id: str | None = None
    link: str | None = None
    command: str | None = None


class Operation(Answer):
    """Work that the API has taken on.

    ``state`` is ``pending``, ``success``, ``failure`` or ``timeout``; ``reason`` says why it failed.
    """

    id: Needed[str | None] = None
    state: Needed[str | None] = None
    reason: str | None = None
    message: str | None = None
    reference: Reference | None = None
