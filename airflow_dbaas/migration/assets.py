"""Migrated databases as Airflow assets (datasets in Airflow 2.11), so that other DAGs can be scheduled on them.

``DbaasVerifyMigrationOperator`` emits an event for each database that is equal at both ends::

    with DAG("reports", schedule=[database_asset("ch-gva-2", "shop-db", "shop")]):

A URI is ``x-exoscale-dbaas://<zone>/<service>/<database>``, each part percent-encoded. Every version of Airflow accepts
a scheme that starts with ``x-`` unchanged and without a warning. The host name of a service is not used, because it may
change while the service stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from airflow_dbaas import validation
from airflow_dbaas._compat import Context
from airflow_dbaas._compat.assets import Asset, AssetAlias, emit
from airflow_dbaas.api.errors import DbaasConfigurationError

#: The alias of all migrated databases. A DAG with ``schedule=[MIGRATED_DATABASES]`` runs after each migration.
MIGRATED_DATABASES = AssetAlias(name="exoscale-dbaas-migrated")


def database_asset(zone: str, service: str, database: str) -> Asset:
    """The asset of one database of a service, to put into ``schedule``.

    :param zone: the service's zone.
    :param service: name of the service, 1 to 63 characters.
    :param database: name of the database.
    :raises DbaasConfigurationError: if a part is not valid.
    """
    if isinstance(zone, str) and zone:
        validation.zone("zone", zone)
    return _asset(zone, service, database)


def _asset(zone: str, service: str, database: str) -> Asset:
    for part, value in (("zone", zone), ("database", database)):
        if not isinstance(value, str) or not value:
            raise DbaasConfigurationError(f"{part} must be a name, got {value!r}")
    validation.name("service", service)
    path = "/".join(quote(part, safe="") for part in (zone, service, database))
    return Asset(uri=f"x-exoscale-dbaas://{path}")


def with_migrated(outlets: Iterable[Any]) -> list[Any]:
    """A task's outlets, ``MIGRATED_DATABASES`` among them."""
    others = [outlet for outlet in outlets if outlet != MIGRATED_DATABASES]
    return [*others, MIGRATED_DATABASES]


def emit_migrated(
    context: Context, *, zone: str, service: str, databases: Iterable[dict[str, Any]], **facts: str | bool
) -> None:
    """Leave an event for each migrated database when the task has succeeded.

    :param context: Airflow's context.
    :param zone: the service's zone.
    :param service: name of the target service.
    :param databases: result of a comparison: ``name`` of each and facts about it.
    :param facts: facts about all of them.
    """
    for database in databases:
        described = {key: value for key, value in database.items() if key != "name"}
        # The zone is that of the host or the API, and may be unknown to this version.
        emit(context, MIGRATED_DATABASES, _asset(zone, service, database["name"]), {**facts, **described})
