"""The data of the page as plain JSON. Each field is named, so that nothing else of an answer is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from airflow_dbaas.api.external_endpoints import ExternalEndpoint, ExternalIntegration
from airflow_dbaas.api.migrations import MigrationStatus
from airflow_dbaas.api.redaction import one_line, redact
from airflow_dbaas.api.services import Service
from airflow_dbaas.migration.registry import MigrationRecord
from airflow_dbaas.waiting.conditions import Done, Failed, MigrationWait

_LONGEST_TEXT = 500


def text(value: object) -> str | None:
    """A text from elsewhere, fit to be shown: one line, of bounded length, passwords in URIs and the like masked."""
    if value is None:
        return None
    shown = one_line(redact(" ".join(str(value).split())))
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"


def service(found: Service) -> dict[str, Any]:
    """A service: its properties, state and notices."""
    return {
        "name": text(found.name),
        "type": text(found.type),
        "plan": text(found.plan),
        "state": text(found.state),
        "zone": text(found.zone),
        "notifications": [{"level": text(it.level), "message": text(it.message)} for it in found.notifications],
    }


def endpoint(found: ExternalEndpoint) -> dict[str, Any]:
    """An external endpoint."""
    return {"id": text(found.id), "name": text(found.name), "type": text(found.type)}


def integrations(services: Iterable[Service]) -> list[dict[str, Any]]:
    """The integrations between services, each once although both ends show it."""
    links: dict[object, dict[str, Any]] = {}
    for found in services:
        for it in found.integrations:
            links[it.id or (it.type, it.source, it.dest)] = {
                "kind": "integration",
                "type": text(it.type),
                "source": text(it.source),
                "target": text(it.dest),
                "state": text(it.status) or ("active" if it.is_active else "inactive"),
            }
    return list(links.values())


def attachment(source: str, found: ExternalIntegration) -> dict[str, Any]:
    """A service's attachment to an external endpoint.

    :param source: name of the service.
    :param found: the attachment; its target is the endpoint's id.
    """
    return {
        "kind": "attachment",
        "type": text(found.type),
        "source": text(source),
        "target": text(found.dest_endpoint_id),
        "target_name": text(found.dest_endpoint_name),
        "state": text(found.status),
    }


def migration(name: str, found: MigrationStatus) -> dict[str, Any]:
    """A migration and its databases.

    ``outcome`` is the verdict of the waits, because the status alone is not reliable: ``running``, ``replicating``
    (everything is copied and kept up to date), ``done``, ``troubled`` (a failure that may be transient) or ``failed``.

    :param name: the service that is migrated into.
    :param found: the API's answer.
    """
    return {
        "service": text(name),
        "outcome": _outcome(name, found),
        "method": text(found.method) or None,
        "error": text(found.error) or None,
        "databases": [
            {
                "name": text(it.dbname),
                "method": text(it.method) or None,
                "status": text(it.status),
                "error": text(it.error) or None,
            }
            for it in found.details
        ],
    }


def _outcome(name: str, found: MigrationStatus) -> str:
    verdict = MigrationWait(name).verdict(found)
    if isinstance(verdict, Failed):
        return "troubled" if verdict.grace_period else "failed"
    if isinstance(verdict, Done):
        return "done" if isinstance(MigrationWait(name, until="done").verdict(found), Done) else "replicating"
    return "running"


def task(record: MigrationRecord) -> dict[str, Any] | None:
    """The task that started a migration, and its page in Airflow, relative to Airflow's own address.

    :param record: the record of the migration; an older one does not say which task it was, and one of a migration that
        was stopped is not about the one that is there.
    """
    if record.stopped_at or not (record.dag_id and record.run_id and record.task_id):
        return None
    parts = ["dags", record.dag_id, "runs", record.run_id, "tasks", record.task_id]
    if record.map_index >= 0:
        parts += ["mapped", str(record.map_index)]
    return {
        "dag_id": record.dag_id,
        "run_id": record.run_id,
        "task_id": record.task_id,
        "page": "/".join(quote(part, safe="") for part in parts),
    }
