"""Ids that a task before may have left out, because it had nothing to do or could not tell them."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.api import calls


def is_nothing(value: object) -> bool:
    """Whether a value is None, or what a template makes of None: ``"None"``, ``"null"``, an empty text."""
    return value is None or (isinstance(value, str) and value.strip().lower() in {"", "none", "null"})


def id_or_nothing(parameter: str, value: Any) -> None:
    """A UUID, or nothing; whether that will do, ``Wait.nothing`` says."""
    if not is_nothing(value):
        calls.identifier(parameter, value)
