"""What of a task's result is pushed to XCom under a key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def own_xcoms(result: Any, *, all_keys: bool = False) -> dict[str, Any]:
    """The values of a result that are pushed under their own keys: each text and number, true, false and None.

    For None an empty text is pushed. Airflow 3 takes an XCom that is None for one that is not there: a task that is
    given it (``task.output["operation_id"]``) fails with "XCom with key='operation_id' not found"; and Airflow 3.0
    refuses to store it.

    :param result: what a task returns, plain JSON; anything but a mapping has no such values.
    :param all_keys: lists and mappings, too, as with ``multiple_outputs``.
    """
    if not isinstance(result, Mapping):
        return {}
    return {
        key: "" if value is None else value
        for key, value in result.items()
        if all_keys or value is None or isinstance(value, str | int | float)
    }
