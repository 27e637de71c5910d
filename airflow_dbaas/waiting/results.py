"""A task's result: the zone in it, and what of it is pushed to XCom under a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def with_zone(result: Any, zone_of: Callable[[str | None], str | None]) -> Any:
    """A result with the zone of the service that it is about, under ``zone``, unless it has it already.

    :param result: what a task returns; one that names no ``service`` is returned as it is.
    :param zone_of: gives the zone of a service by its name.
    """
    if not isinstance(result, Mapping) or "service" not in result or result.get("zone"):
        return result
    return {**result, "zone": zone_of(result["service"])}


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
