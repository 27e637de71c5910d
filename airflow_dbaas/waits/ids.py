"""Ids that a task before may have left out, because it had nothing to do or could not tell them."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api import calls
from airflow_dbaas.api.conversions import as_text, is_nothing

__all__ = ["id_or_nothing", "is_nothing"]


def id_or_nothing(parameter: str, value: Any) -> str | None:
    """A UUID, or nothing; whether that will do, ``Wait.nothing`` says."""
    if is_nothing(value):
        return None
    calls.identifier(parameter, as_text(value))  # type: ignore[arg-type]  # what is no text is refused there
    return str(value)
