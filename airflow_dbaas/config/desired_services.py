"""A file with the desired integrations and endpoints of each service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_dbaas import validation
from airflow_dbaas.api.calls import shown
from airflow_dbaas.api.conversions import as_text
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.config import desired_state
from airflow_dbaas.config.desired_state import Item
from airflow_dbaas.config.files import read_document

_TOP = ("services", "dry_run")
_KEYS = ("integrations", "endpoints", "prune", "zone")


def read_desired(path: Path, *, dry_run: bool = False, prune: bool = False) -> list[dict[str, Any]]:
    """The desired state of each service in a file, as arguments of ``DbaasReconcileIntegrationsOperator``.

    The file has ``services``, a mapping of names to ``integrations`` and ``endpoints`` (lists as the operator takes
    them), ``prune`` and ``zone``; and ``dry_run``, to change nothing yet. An integration may be listed at either of its
    services, or at both.

    :param path: the file, YAML or JSON.
    :param dry_run: only show the plans, also if the file does not say so.
    :param prune: of all services, also of those that do not say so.
    :returns: for each ``service_name``, ``integrations``, ``endpoints``, ``zone``, ``dry_run`` and ``prune``.
    :raises DbaasConfigurationError: naming every service and entry that is wrong, or that another one contradicts.
    """
    document = read_document(path)
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        got = type(document).__name__ if services is None else f"services: {type(services).__name__}"
        raise DbaasConfigurationError(
            f"{path} must have services: a mapping of service names to their integrations and endpoints; got {got}"
        )
    problems = list(_top(document))
    # Without quotes, a name of digits is a number in YAML.
    services = {as_text(name): entry for name, entry in services.items()}
    links: dict[str, list[Item]] = {}
    for name, entry in services.items():
        try:
            links[name] = _check(name, entry)
        except DbaasConfigurationError as error:
            problems.append(f"services.{name}: {error}")
    if not problems:
        problems = list(_contradictions(services, links, prune=prune))
    if problems:
        raise DbaasConfigurationError(f"{path}: {'; '.join(problems)}")
    return [
        {
            "service_name": name,
            "integrations": entry.get("integrations"),
            "endpoints": entry.get("endpoints"),
            "zone": entry.get("zone"),
            "dry_run": dry_run or document.get("dry_run", False),
            "prune": prune or entry.get("prune", False),
        }
        for name, entry in services.items()
    ]


def _top(document: dict[Any, Any]) -> Iterator[str]:
    unknown = sorted(str(key) for key in document if key not in _TOP)
    if unknown:
        yield f"must not have {', '.join(unknown)}; known: {', '.join(_TOP)}"
    if not isinstance(document.get("dry_run", False), bool):
        yield f"dry_run must be true or false, got {shown(document['dry_run'])}"


def _check(name: Any, entry: Any) -> list[Item]:
    """The integrations of an entry in which nothing is wrong."""
    validation.name("the name", name)
    if not isinstance(entry, dict):
        raise DbaasConfigurationError(f"must be a mapping, got {type(entry).__name__}")
    unknown = sorted(str(key) for key in entry if key not in _KEYS)
    if unknown:
        raise DbaasConfigurationError(f"must not have {', '.join(unknown)}; known: {', '.join(_KEYS)}")
    if entry.get("integrations") is None and entry.get("endpoints") is None:
        raise DbaasConfigurationError("give integrations, endpoints, or both; got neither")
    if not isinstance(entry.get("prune", False), bool):
        raise DbaasConfigurationError(f"prune must be true or false, got {shown(entry['prune'])}")
    validation.zone("zone", entry.get("zone"))
    if entry.get("endpoints") is not None:
        desired_state.wanted_endpoints(name, entry["endpoints"])
    return desired_state.wanted_integrations(name, entry.get("integrations") or [])


def _contradictions(services: dict[str, Any], links: dict[str, list[Item]], *, prune: bool) -> Iterator[str]:
    """What one service of the file wants and the one at the other end does not: each run would undo the other's."""
    for name, items in links.items():
        for item in items:
            (other,) = {item["source_service"], item["dest_service"]} - {name}
            entry = services.get(other)
            if entry is None or entry.get("zone") != services[name].get("zone"):
                continue
            theirs = [each for each in links[other] if desired_state.identity(each) == desired_state.identity(item)]
            if not theirs and entry.get("integrations") is not None and (prune or entry.get("prune")):
                yield (
                    f"services.{name} wants the {desired_state.describe(item)}, which services.{other} would delete "
                    "(prune); add it there as well"
                )
            if theirs and theirs[0]["settings"] != item["settings"] and name < other:
                what = desired_state.describe(item)
                yield f"services.{name} and services.{other} give different settings of the {what}"
