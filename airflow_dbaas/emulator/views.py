"""Services as the API shows them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow_dbaas.emulator.services import DEFAULT_DATABASE, Service

# The document allows database names of up to 40 characters in a service's answer; PostgreSQL allows 63.
# A migration may bring longer ones, and those cannot be listed without breaking the document.
_LONGEST_LISTED_NAME = 40

_DEFAULTS: dict[str, Any] = {
    "termination-protection": False,
    "ip-filter": ["0.0.0.0/0"],
    "maintenance": {"dow": "sunday", "time": "03:00:00"},
    "backup-schedule": {"backup-hour": 2, "backup-minute": 0},
    "synchronous-replication": "off",
}


def common(service: Service, zone: str) -> dict[str, Any]:
    """The short form, as in the list of services."""
    return {
        "name": service.name,
        "type": "pg",
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
        "integrations": [],
        "notifications": [],
    }


def pg(service: Service, zone: str, databases: list[str], users: list[dict[str, Any]]) -> dict[str, Any]:
    """The long form. Without any password: those are only revealed."""
    settings = _DEFAULTS | service.settings
    shown = common(service, zone) | settings
    shown["maintenance"] = settings["maintenance"] | {"updates": []}
    shown |= {
        "version": service.server.binaries.version,
        "node-states": [
            {
                "name": f"{service.name}-{number}",
                "role": "master" if number == 1 else "standby",
                "state": "running" if service.state == "running" else "setting_up_vm",
            }
            for number in range(1, service.plan.nodes + 1)
        ],
        "databases": [name for name in databases if len(name) <= _LONGEST_LISTED_NAME],
        "users": users,
        "connection-pools": [],
        "backups": [],
        # Required by the document; nothing measures the service, so there is no host to name.
        "prometheus-uri": {},
    }
    if service.ready:
        shown |= _connection(service)
    return shown


def _connection(service: Service) -> dict[str, Any]:
    host, port, sslmode = service.server.host, service.server.port, service.server.sslmode
    uri = f"postgres://{quote(service.admin, safe='')}@{host}:{port}/{DEFAULT_DATABASE}?sslmode={sslmode}"
    params = {
        "dbname": DEFAULT_DATABASE,
        "host": host,
        "port": str(port),
        "sslmode": sslmode,
        "user": service.admin,
    }
    return {
        "uri": uri,
        "uri-params": params,
        "connection-info": {"uri": [uri], "params": [params], "standby": [], "syncing": []},
        "components": [{"component": "pg", "host": host, "port": port, "route": "dynamic", "usage": "primary"}],
        "max-connections": 100,
    }
