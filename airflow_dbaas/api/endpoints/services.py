"""Services of every type: the list, types and plans, settings, the certificate to trust."""

from __future__ import annotations

from airflow_dbaas.api import models
from airflow_dbaas.api.calls import Call, segment


def list_dbaas_services() -> Call[models.ServiceList]:
    """All services of the zone, of every type."""
    return Call("list-dbaas-services", "GET", "/dbaas-service", models.ServiceList)


def delete_dbaas_service(name: str) -> Call[models.Operation]:
    """Delete a service of any type, with all its data.

    :param name: service name, 1 to 63 characters.
    """
    path = f"/dbaas-service/{segment('name', name)}"
    return Call("delete-dbaas-service", "DELETE", path, models.Operation, services=(name,))


def list_dbaas_service_types() -> Call[models.ServiceTypeList]:
    """The types of service that can be ordered, with their versions and plans."""
    return Call("list-dbaas-service-types", "GET", "/dbaas-service-type", models.ServiceTypeList)


def get_dbaas_service_type(service_type_name: str) -> Call[models.ServiceType]:
    """One type of service, with its versions and plans.

    :param service_type_name: e.g. ``pg``; at least 1 character.
    """
    path = f"/dbaas-service-type/{segment('service_type_name', service_type_name, longest=None)}"
    return Call("get-dbaas-service-type", "GET", path, models.ServiceType)


def get_dbaas_settings_pg() -> Call[models.PgSettings]:
    """The schemas of ``pg_settings``, ``pgbouncer_settings``, ``pglookout_settings`` and ``timescaledb_settings``."""
    return Call("get-dbaas-settings-pg", "GET", "/dbaas-settings-pg", models.PgSettings)


def get_dbaas_settings_mysql() -> Call[models.MysqlSettings]:
    """The schema of ``mysql_settings``."""
    return Call("get-dbaas-settings-mysql", "GET", "/dbaas-settings-mysql", models.MysqlSettings)


def get_dbaas_ca_certificate() -> Call[models.CaCertificate]:
    """The certificate of the authority that signs the services' certificates: what a TLS connection is checked by."""
    return Call("get-dbaas-ca-certificate", "GET", "/dbaas-ca-certificate", models.CaCertificate)
