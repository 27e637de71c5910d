"""Operators for migrations: check, start, stop, verify, clean up."""

from __future__ import annotations

from airflow_dbaas.operators._migrations.check import DbaasMigrationCheckOperator
from airflow_dbaas.operators._migrations.clean_up import DbaasCleanUpMigrationOperator
from airflow_dbaas.operators._migrations.start import DbaasStartMigrationOperator
from airflow_dbaas.operators._migrations.stop import DbaasStopMigrationOperator
from airflow_dbaas.operators._migrations.verify import DbaasVerifyMigrationOperator

__all__ = [
    "DbaasCleanUpMigrationOperator",
    "DbaasMigrationCheckOperator",
    "DbaasStartMigrationOperator",
    "DbaasStopMigrationOperator",
    "DbaasVerifyMigrationOperator",
]
