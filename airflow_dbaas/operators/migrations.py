"""Operators for migrations: check, start, stop, verify."""

from __future__ import annotations

from airflow_dbaas.operators._migrations.check import DbaasMigrationCheckOperator
from airflow_dbaas.operators._migrations.start import DbaasStartMigrationOperator
from airflow_dbaas.operators._migrations.stop import DbaasStopMigrationOperator
from airflow_dbaas.operators._migrations.verify import DbaasVerifyMigrationOperator

__all__ = [
    "DbaasMigrationCheckOperator",
    "DbaasStartMigrationOperator",
    "DbaasStopMigrationOperator",
    "DbaasVerifyMigrationOperator",
]
