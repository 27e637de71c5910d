"""Answers that show services, integrations and migrations as gone, powered off or failed.

The resource itself is not changed: the next answer without a fault shows its real state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.faults.kinds import INTEGRATION, MIGRATION, SERVICE
from airflow_dbaas.emulator.faults.rules import Faults, Request

_ENDS = (
    "id",
    "source",
    "dest",
    "integration-id",
    "source-service-name",
    "dest-endpoint-name",
)
"""The names of an integration that a rule can use."""


def distort(faults: Faults, request: Request, answer: dict[str, Any]) -> None:
    """Change an answer by the rules.

    :param faults: the rules.
    :param request: the request; its names are those of the path.
    :param answer: the answer, which is changed.
    :raises ApiError: 404 for a resource that is shown as deleted.
    """
    _services(faults, request, answer)
    _integrations(faults, request, answer)
    if request.operation is not None and request.operation.id == "get-dbaas-migration-status":
        _migration(faults, request, answer)


def _listed(answer: dict[str, Any]) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] | None = answer.get("dbaas-services")
    return found


def _services(faults: Faults, request: Request, answer: dict[str, Any]) -> None:
    listed = _listed(answer)
    shown = [answer] if listed is None else listed
    names = [service["name"] for service in shown if "name" in service]
    rule = faults.draw(SERVICE, replace(request, names=names)) if names else None
    if rule is None:
        return
    struck = [service for service in shown if rule.name in {None, service["name"]}]
    if rule.kind == "service-poweroff":
        for service in struck:
            service["state"] = "poweroff"
    elif listed is None:
        raise ApiError(404, f"Service {answer['name']} does not exist")
    else:
        listed[:] = [service for service in listed if service not in struck]


def _integrations(faults: Faults, request: Request, answer: dict[str, Any]) -> None:
    shown = [integration for integration in _all_integrations(answer) if _named(integration)]
    rule = (
        faults.draw(INTEGRATION, replace(request, names={name for each in shown for name in _named(each)}))
        if shown
        else None
    )
    if rule is None:
        return
    for integration in shown:
        if rule.name is None or rule.name in _named(integration):
            integration["status"] = rule.options["status"]
            if "is-active" in integration:
                integration["is-active"] = False


def _all_integrations(answer: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The answer itself may be one."""
    yield answer
    for holder in (answer, *(_listed(answer) or ())):
        yield from holder.get("integrations", ())
    yield from answer.get("external-integrations", ())


def _named(integration: dict[str, Any]) -> list[str]:
    return [integration[end] for end in _ENDS if end in integration]


def _migration(faults: Faults, request: Request, answer: dict[str, Any]) -> None:
    rule = faults.draw(MIGRATION, request)
    if rule is None:
        return
    if rule.kind == "migration-gone":
        raise ApiError(404, f"Service {', '.join(request.names)} has no migration")
    answer |= {"status": "failed", "method": "", "error": "Migration process failed"}
    for database in answer["details"]:
        if rule.options.get("database") in {None, database["dbname"]}:
            database |= {"status": "failed", "error": rule.options["error"]}
