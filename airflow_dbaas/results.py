"""What of a task's result is pushed to XCom under a key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dbaas._compat import NONE_IN_XCOM


def single_values(result: Any) -> dict[str, Any]:
    """The values of a result that are a text, a number, true, false or None, by key.

    Lists and mappings are left in the result. In Airflow 3.0, whose API refuses an XCom that is None, an empty text
    stands for it.

    :param result: what a task returns, plain JSON; anything but a mapping has no such values.
    """
    if not isinstance(result, Mapping):
        return {}
    return {
        key: NONE_IN_XCOM if value is None else value
        for key, value in result.items()
        if value is None or isinstance(value, str | int | float)
    }
