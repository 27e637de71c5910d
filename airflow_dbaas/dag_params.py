"""Fields for the forms of DAGs: an Airflow ``Param`` for each common parameter, with the limits of the operators::

with DAG("move", params=dbaas_params("service", "source_conn_id", "zone", "plan")): ...
"""

from __future__ import annotations

from typing import Any

from airflow_dbaas._compat import has_approval
from airflow_dbaas._compat.params import Param
from airflow_dbaas.api.parameters import (
    EndpointType,
    FailureGracePeriod,
    IgnoreDatabases,
    IntegrationTypeName,
    Method,
    OutageGracePeriod,
    Plan,
    ServiceName,
    Zone,
    schema_of,
)
from airflow_dbaas.waiting.conditions import FAILURE_GRACE_PERIOD

_TEXT = {"type": "string", "minLength": 1}
_INTEGRATION = {
    "type": "object",
    "required": ["integration_type"],
    "properties": {
        "integration_type": schema_of(IntegrationTypeName),
        "source_service": _TEXT,
        "dest_service": _TEXT,
        "settings": {"type": "object"},
    },
    "oneOf": [{"required": ["source_service"]}, {"required": ["dest_service"]}],
    "additionalProperties": False,
}
_ENDPOINT = {
    "type": "object",
    "properties": {"endpoint_id": _TEXT, "endpoint_name": _TEXT, "endpoint_type": schema_of(EndpointType)},
    "oneOf": [{"required": ["endpoint_id"]}, {"required": ["endpoint_name", "endpoint_type"]}],
    "additionalProperties": False,
}

#: The schema (with ``default`` unless the field is required), the title and the description of each field.
_FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "service": (schema_of(ServiceName, minLength=1), "Service", "Name of the service"),
    "source_conn_id": (
        _TEXT,
        "Source connection",
        "Id of the Airflow connection to the source server, of type postgres or mysql",
    ),
    "zone": (
        schema_of(Zone, or_none=True, default=None, values_display={"null": "the connection's"}),
        "Zone",
        "Zone of the service",
    ),
    "plan": (schema_of(Plan, default="startup-4"), "Plan", "For a new service, e.g. startup-4, business-8"),
    "method": (schema_of(Method, default="auto"), "Method", "auto: replication if the source allows it, else dump"),
    "if_migrated": (
        {"type": "string", "enum": ["skip", "again"], "default": "skip"},
        "If it was migrated before",
        "skip: do nothing; again: migrate again; the service must be empty",
    ),
    "ignore_dbs": (
        schema_of(IgnoreDatabases, or_none=True, default=None, minLength=0),
        "Databases to leave out",
        "Names in the source, separated by commas",
    ),
    "stop_replication": (
        {"type": "boolean", "default": True},
        "Stop replication at the end",
        "Off: the target continues to follow the source until the migration is stopped",
    ),
    "failure_grace_period": (
        schema_of(FailureGracePeriod, default=int(FAILURE_GRACE_PERIOD)),
        "Grace period of a failed replication",
        "Seconds that a failed replication has to recover",
    ),
    "outage_grace_period": (
        schema_of(OutageGracePeriod, or_none=True, default=None),
        "Grace period of an API outage",
        "Seconds; by default a quarter of the maximum wait, between 5 minutes and 6 hours",
    ),
    "integrations": (
        {"type": "array", "items": _INTEGRATION, "default": []},
        "Integrations afterwards",
        'Links to other services, e.g. [{"integration_type": "metrics", "dest_service": "my-thanos"}]',
    ),
    "endpoints": (
        {"type": "array", "items": _ENDPOINT, "default": []},
        "External endpoints afterwards",
        'Endpoints to attach, e.g. [{"endpoint_type": "rsyslog", "endpoint_name": "central-logs"}]',
    ),
    "approve_cut_over": (
        {"type": "boolean", "default": False},
        "Ask before the cut-over",
        "Require approval before replication is stopped; see Required Actions of the run",
    ),
}


def dbaas_params(*names: str, **descriptions: str) -> dict[str, Param]:
    """Fields of a DAG's form, in the order in which they are named.

    ``approve_cut_over`` is left out before Airflow 3.1, which cannot ask.

    :param names: ``service``, ``source_conn_id``, ``zone``, ``plan``, ``method``, ``if_migrated``, ``ignore_dbs``,
        ``stop_replication``, ``failure_grace_period``, ``outage_grace_period``, ``integrations``, ``endpoints``,
        ``approve_cut_over``.
    :param descriptions: descriptions that replace the usual ones, by field.
    """
    found = {}
    for name in names:
        if name == "approve_cut_over" and not has_approval():
            continue
        schema, title, description = _FIELDS[name]
        found[name] = Param(**schema, title=title, description=descriptions.get(name, description))
    return found
