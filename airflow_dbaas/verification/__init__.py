"""Comparing the two ends of a migration, and completing what replication leaves out."""

from __future__ import annotations

from types import ModuleType


def module_for(service_type: str) -> ModuleType:
    """The module that compares servers of one kind (``compare``), and completes a replication
    (``complete_replication``).

    :param service_type: ``pg`` or ``mysql``.
    """
    from airflow_dbaas.verification import mysql, postgres

    return {"pg": postgres, "mysql": mysql}[service_type]
