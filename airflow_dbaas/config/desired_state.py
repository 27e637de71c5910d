"""The desired links of a service, and the plan that leads to them from the present state. All plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_dbaas.api import calls
from airflow_dbaas.api.conversions import as_list, as_text, is_nothing
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.parameters import ENDPOINT_TYPES, INTEGRATION_TYPES
from airflow_dbaas.api.redaction import is_secret, without_secrets

#: An integration or the attachment to an endpoint, as plain JSON. Only an attachment has an ``endpoint_id``.
Item = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """What identifies an integration between two services."""

    integration_type: str
    source_service: str
    dest_service: str

    def __str__(self) -> str:
        return f"{self.integration_type} integration {self.source_service} → {self.dest_service}"


def check_settings(where: str, value: Any) -> None:
    """Refuse settings that are not a mapping, or that contain a secret."""
    if not isinstance(value, dict):
        raise DbaasConfigurationError(f"{where} must be a mapping of properties, got {type(value).__name__}")
    secrets = [name for name in value if is_secret(name)]
    if secrets:
        raise DbaasConfigurationError(f"{where}: {', '.join(secrets)} must not be given here: it holds a secret")


def differ(wanted: dict[str, Any] | None, shown: dict[str, Any] | None) -> bool:
    """Whether a desired setting differs from what the API shows. Other settings are ignored."""
    return any((shown or {}).get(name) != value for name, value in (wanted or {}).items())


def combined(wanted: dict[str, Any], shown: dict[str, Any] | None) -> dict[str, Any]:
    """Settings to be sent: those that are not named stay, even if the API replaces them all."""
    return {name: value for name, value in (shown or {}).items() if value is not None} | wanted


def wanted_integrations(service_name: str, entries: Any) -> list[Item]:
    """The desired integrations of a service.

    :param service_name: one end of all of them.
    :param entries: list of mappings with ``integration_type``, the other end as ``source_service`` or
        ``dest_service``, and ``settings`` if there are any.
    :raises DbaasConfigurationError: naming the entry, e.g. ``integrations[2]``, and its error.
    """
    items = []
    for where, entry in _entries("integrations", entries, {"integration_type", "settings", *_ENDS}):
        calls.choice(f"{where}.integration_type", entry.get("integration_type"), INTEGRATION_TYPES)
        given = [end for end in _ENDS if not is_nothing(entry.get(end))]
        if len(given) != 1:
            raise DbaasConfigurationError(
                f"{where} must have either source_service or dest_service; the other end is {service_name}; "
                f"got {' and '.join(given) or 'neither'}"
            )
        other = as_text(entry[given[0]])
        calls.segment(f"{where}.{given[0]}", other)  # type: ignore[arg-type]  # what is not a text is refused there
        if other == service_name:
            raise DbaasConfigurationError(f"{where}: {given[0]} must be another service than {service_name}")
        settings = {} if is_nothing(entry.get("settings")) else entry["settings"]
        check_settings(f"{where}.settings", settings)
        ends = {end: other if end in given else service_name for end in _ENDS}
        items.append({"integration_type": entry["integration_type"], **ends, "settings": settings})
    _refuse_duplicates("integrations", items)
    return items


def wanted_endpoints(service_name: str, entries: Any) -> list[Item]:
    """The external endpoints to attach a service to.

    :param service_name: the service.
    :param entries: list of mappings with ``endpoint_id``, or with ``endpoint_name`` and ``endpoint_type``.
    :raises DbaasConfigurationError: naming the entry, e.g. ``endpoints[2]``, and its error.
    """
    items = []
    for where, entry in _entries("endpoints", entries, {"endpoint_id", "endpoint_name", "endpoint_type"}):
        given = {name for name, value in entry.items() if not is_nothing(value)}
        if given not in ({"endpoint_id"}, {"endpoint_name", "endpoint_type"}):
            raise DbaasConfigurationError(
                f"{where} must have either endpoint_id, or endpoint_name and endpoint_type; "
                f"got {', '.join(sorted(given)) or 'nothing'}"
            )
        if "endpoint_type" in given:
            calls.choice(f"{where}.endpoint_type", entry.get("endpoint_type"), ENDPOINT_TYPES)
        if "endpoint_id" in given:
            calls.identifier(f"{where}.endpoint_id", entry["endpoint_id"])
        else:
            name = as_text(entry["endpoint_name"])
            calls.segment(f"{where}.endpoint_name", name, longest=None)  # type: ignore[arg-type]  # as above
        names = {name: as_text(entry[name]) if name in given else None for name in _ENDPOINT}
        items.append({"service": service_name, **names})
    _refuse_duplicates("endpoints", items)
    return items


@dataclass(frozen=True)
class Plan:
    """The changes, in the order of the given lists."""

    service: str
    create: list[Item] = field(default_factory=list)
    update: list[Item] = field(default_factory=list)
    delete: list[Item] = field(default_factory=list)
    #: Those with ``left`` are not desired, but nothing is deleted without ``prune``.
    keep: list[Item] = field(default_factory=list)

    def steps(self) -> Iterator[tuple[str, Item]]:
        """The steps, in order.

        Deletions come first: a service may be allowed only one integration of a type.
        """
        for action in ("delete", "update", "create"):
            for item in getattr(self, action):
                yield action, item

    def plain(self) -> dict[str, list[Item]]:
        """The plan as plain JSON, for showing: should the API show a secret among the settings, it is masked."""
        lists = {"create": self.create, "update": self.update, "delete": self.delete, "keep": self.keep}
        return {action: [_shown(item) for item in items] for action, items in lists.items()}

    def lines(self) -> Iterator[str]:
        """The plan for people: a heading, then a line an item."""
        counts = ", ".join(f"{len(items)} to {action}" for action, items in self.plain().items())
        yield f"Plan for service {self.service}: {counts}"
        for action, sign in (("create", "+"), ("update", "~"), ("delete", "-"), ("keep", "=")):
            for item in getattr(self, action):
                left = "; not in the list, kept because prune is off" if item.get("left") else ""
                yield f"  {sign} {action} {describe(item)}{left}"


def make_plan(
    service: str,
    *,
    integrations: list[Item] | None,
    endpoints: list[Item] | None,
    actual_integrations: Iterable[Item],
    actual_endpoints: Iterable[Item],
    prune: bool,
) -> Plan:
    """Compare the desired state with the present one.

    :param service: name of the service.
    :param integrations: desired integrations; None leaves all integrations out of the plan.
    :param endpoints: desired attachments, with their ``endpoint_id``; None as above.
    :param actual_integrations: present integrations; types that cannot be created are left out of the plan.
    :param actual_endpoints: present attachments.
    :param prune: delete what is not in the lists.
    :raises DbaasConfigurationError: if two wanted attachments are to the same endpoint.
    """
    plan = Plan(service)
    if integrations is not None:
        managed = [item for item in actual_integrations if item["integration_type"] in INTEGRATION_TYPES]
        _compare(plan, integrations, managed, prune=prune)
    if endpoints is not None:
        _refuse_duplicates("endpoints", endpoints)
        _compare(plan, endpoints, list(actual_endpoints), prune=prune)
    return plan


def identity(item: Item) -> tuple[str | None, ...]:
    """What identifies an item among its kind."""
    if "endpoint_id" not in item:
        return item["integration_type"], item["source_service"], item["dest_service"]
    if item["endpoint_id"]:
        return (item["endpoint_id"],)
    return item["endpoint_type"], item["endpoint_name"]


def describe(item: Item) -> str:
    """An item in words."""
    if "endpoint_id" in item:
        name = item["endpoint_name"] or item["endpoint_id"]
        return f"attachment {item['service']} → {item['endpoint_type'] or ''} endpoint {name}".replace("  ", " ")
    link = Link(item["integration_type"], item["source_service"], item["dest_service"])
    settings = without_secrets(item["settings"])
    return f"{link} {settings}" if settings else str(link)


_ENDS = ("source_service", "dest_service")
_ENDPOINT = ("endpoint_id", "endpoint_type", "endpoint_name")


def _shown(item: Item) -> Item:
    return {name: without_secrets(value) for name, value in item.items()}


def _compare(plan: Plan, wanted: list[Item], actual: list[Item], *, prune: bool) -> None:
    there = {identity(item): item for item in actual}
    for item in wanted:
        found = there.get(identity(item))
        if found is None:
            plan.create.append({**item, "integration_id": None})
        elif differ(item.get("settings"), found.get("settings")):
            plan.update.append({**found, "settings": combined(item["settings"], found["settings"])})
        else:
            plan.keep.append(found)
    asked = {identity(item) for item in wanted}
    for item in actual:
        if identity(item) not in asked:
            if prune:
                plan.delete.append(item)
            else:
                plan.keep.append({**item, "left": True})


def _entries(parameter: str, entries: Any, known: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = as_list(entries)
    if not isinstance(entries, list):
        raise DbaasConfigurationError(f"{parameter} must be a list of mappings, got {type(entries).__name__}")
    for index, entry in enumerate(entries):
        where = f"{parameter}[{index}]"
        if not isinstance(entry, dict):
            raise DbaasConfigurationError(f"{where} must be a mapping, got {type(entry).__name__}")
        unknown = sorted(str(name) for name in entry if name not in known)
        if unknown:
            raise DbaasConfigurationError(
                f"{where} must not have {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
        yield where, entry


def _refuse_duplicates(parameter: str, items: list[Item]) -> None:
    first: dict[tuple[str | None, ...], int] = {}
    for index, item in enumerate(items):
        same = first.setdefault(identity(item), index)
        if same != index:
            raise DbaasConfigurationError(f"{parameter}[{index}] is the same as {parameter}[{same}]: {describe(item)}")
