"""What Airflow calls assets, and 2.11 datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias, Context
else:
    try:
        from airflow.sdk import Asset, AssetAlias
    except ImportError:  # 2.11
        from airflow.datasets import Dataset as Asset
        from airflow.datasets import DatasetAlias as AssetAlias

__all__ = ["Asset", "AssetAlias", "emit"]


def emit(context: Context, alias: AssetAlias, asset: Asset, extra: dict[str, Any]) -> None:
    """Add an event of an asset to those that the task leaves behind when it has succeeded.

    :param context: Airflow's context.
    :param alias: an alias among the task's outlets.
    :param asset: the asset; it comes into being with its first event.
    :param extra: facts about the event: text, numbers, true and false only (2.11 takes nothing nested).
    """
    context["outlet_events"][alias].add(asset, extra=extra)
