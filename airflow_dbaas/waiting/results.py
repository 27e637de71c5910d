"""The result of a task: its zone, and the values that are pushed to XCom under their own keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def with_zone(result: Any, zone_of: Callable[[str | None], str | None]) -> Any:
    """A result with the zone of its service as ``zone``, unless it already has one.

    :param result: result of a task; one without ``service`` is returned unchanged.
    :param zone_of: gives the zone of a service by its name.
    """
    if not isinstance(result, Mapping) or "service" not in result or result.get("zone"):
        return result
    return {**result, "zone": zone_of(result["service"])}


def own_xcoms(result: Any, *, all_keys: bool = False) -> dict[str, Any]:
    """The values of a result that are pushed under their own keys: each text and number, true, false and None.

    None is pushed as an empty text. Airflow 3 treats an XCom of None as missing: a task that uses it
    (``task.output["operation_id"]``) fails with "XCom with key='operation_id' not found"; and Airflow 3.0 refuses to
    store it.

    :param result: result of a task, plain JSON; only a mapping has such values.
    :param all_keys: also lists and mappings, as with ``multiple_outputs``.
    """
    if not isinstance(result, Mapping):
        return {}
    return {
        key: "" if value is None else value
        for key, value in result.items()
        if all_keys or value is None or isinstance(value, str | int | float)
    }
