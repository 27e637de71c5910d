"""Airflow's plugins. Every process of Airflow may load them, so hardly anything is imported here."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from airflow_dbaas._compat import AIRFLOW_VERSION

__all__ = ["AirflowPlugin", "has_views"]


def has_views() -> bool:
    """Whether a plugin can add pages to Airflow's web pages (3.1)."""
    major, minor = AIRFLOW_VERSION.split(".")[:2]
    return (int(major), int(minor)) >= (3, 1)
