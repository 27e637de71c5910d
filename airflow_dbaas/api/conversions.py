"""Converts values of another type to the expected type where the meaning is clear.

A Jinja template turns numbers and booleans into texts; with ``render_template_as_native_obj`` it turns texts that look
like a number into numbers, and lists into tuples. YAML files have similar effects. These functions undo that. They
return unchanged what they cannot convert, so that a check refuses it. This module imports nothing slow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}


def as_text(value: object) -> object:
    """A whole number as a text. A fraction stays: ``16.1`` may have been ``16.10``."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**100:
        return str(value)
    return value


def as_integer(value: object) -> object:
    """A text of digits, or a number without fraction, as a whole number."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def as_number(value: object) -> object:
    """A text of digits as a number."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value) if "." in value else int(value)
    return value


def as_boolean(value: object) -> object:
    """``True``, ``true`` and so on, as texts, as a boolean."""
    return _BOOLEANS.get(value.strip().lower(), value) if isinstance(value, str) else value


def as_list(value: object) -> object:
    """A tuple, set or other sequence as a list; a text is not one."""
    if isinstance(value, Set):
        return sorted(value, key=str)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray) else value


def is_nothing(value: object) -> bool:
    """Whether a value is None, or the text that a template renders for None: ``"None"``, ``"null"``, an empty text."""
    return value is None or (isinstance(value, str) and value.strip().lower() in {"", "none", "null"})
