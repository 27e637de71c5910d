"""Services as the API shows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from airflow_dbaas.emulator.accounts import DEFAULT_DATABASE, DatabaseService
from airflow_dbaas.emulator.integrations import Integration
from airflow_dbaas.emulator.mysql_service import MysqlService
from airflow_dbaas.emulator.pg_service import PgService
from airflow_dbaas.emulator.services import Service

# The document allows database names of up to 40 characters in a service's answer; PostgreSQL allows 63.
# A migration may bring longer ones, and those cannot be listed without breaking the document.
_LONGEST_LISTED_NAME = 40


def common(service: Service, zone: str, integrations: list[Integration]) -> dict[str, Any]:
    """The short form, as in the list of services."""
    return {
        "name": service.name,
        "type": service.type.name,
        "plan": service.plan.name,
        "zone": zone,
        "state": service.state,
        "created-at": service.created_at.isoformat(),
        "updated-at": service.updated_at.isoformat(),
        "node-count": service.plan.nodes,
        "node-cpu-count": service.plan.cpus,
        "node-memory": service.plan.memory,
        "disk-size": service.plan.disk,
        "termination-protection": service.termination_protection,
        "integrations": [integration.view() for integration in integrations],
        "notifications": [],
    }


def full(service: Service, zone: str, integrations: list[Integration]) -> dict[str, Any]:
    """The common part of the long form. Without passwords, which only the reveal calls return."""
    settings = service.type.defaults | service.settings
    shown = common(service, zone, integrations) | settings
    shown["maintenance"] = settings["maintenance"] | {"updates": []}
    shown |= {
        "node-states": [_node(service, number) for number in range(1, service.plan.nodes + 1)],
        "backups": [],
        # Required by the document; there is no host, because the service has no metrics.
        "prometheus-uri": {},
    }
    if service.version is not None:
        shown["version"] = service.version
    return shown


def pg(service: PgService, databases: list[str], users: list[dict[str, Any]]) -> dict[str, Any]:
    """The additional fields of a PostgreSQL service."""
    shown: dict[str, Any] = {
        "databases": [name for name in databases if len(name) <= _LONGEST_LISTED_NAME],
        "users": users,
        "connection-pools": [],
    }
    if service.ready:
        shown |= _connection(service, "pg", "postgres", sslmode=service.server.sslmode)
        shown["connection-info"]["syncing"] = []
        shown["max-connections"] = 100
    return shown


def mysql(service: MysqlService, databases: list[str], users: list[dict[str, Any]]) -> dict[str, Any]:
    """The additional fields of a MySQL service."""
    shown: dict[str, Any] = {"databases": databases, "users": users}
    return shown | (_connection(service, "mysql", "mysql", **{"ssl-mode": "REQUIRED"}) if service.ready else {})


def _node(service: Service, number: int) -> dict[str, Any]:
    node = {
        "name": f"{service.name}-{number}",
        "state": "running" if service.state == "running" else "setting_up_vm",
    }
    if service.type.replicated:
        node["role"] = "master" if number == 1 else "standby"
    return node


def _connection(service: DatabaseService[Any], component: str, scheme: str, **tls: str) -> dict[str, Any]:
    """How to reach a server; ``tls`` is the option that says whether by TLS, in the words of its clients."""
    host, port = service.server.host, service.server.port
    user = quote(service.admin, safe="")
    uri = f"{scheme}://{user}@{host}:{port}/{DEFAULT_DATABASE}?{urlencode(tls)}"
    params = {"dbname": DEFAULT_DATABASE, "host": host, "port": str(port), "user": service.admin} | tls
    return {
        "uri": uri,
        "uri-params": params,
        "connection-info": {"uri": [uri], "params": [params], "standby": []},
        "components": [{"component": component, "host": host, "port": port, "route": "dynamic", "usage": "primary"}],
    }
