"""Services of every type, and the list of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from airflow_dbaas.api.models.base import Answer, Items, Needed
from airflow_dbaas.api.models.integrations import Integration

if TYPE_CHECKING:
    from airflow_dbaas.api.places import Place


class Notification(Answer):
    """Something the provider wants the owner of a service to know."""

    level: str | None = None
    type: str | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None


class Service(Answer):
    """What services of every type have in common. ``state`` is ``running``, ``rebuilding``, ``rebalancing`` or
    ``poweroff``; sizes are in bytes."""

    name: Needed[str]
    type: str | None = None
    plan: str | None = None
    state: str | None = None
    zone: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    disk_size: int | None = None
    node_count: int | None = None
    node_cpu_count: int | None = None
    node_memory: int | None = None
    termination_protection: bool | None = None
    integrations: Needed[Items[Integration]] = []
    notifications: Items[Notification] = []


class ServiceList(Answer):
    """Answer of list-dbaas-services."""

    dbaas_services: Needed[Items[Service]] = []

    #: Whose answer it is.
    _place: Place | None = PrivateAttr(None)

    def belong_to(self, place: Place) -> None:
        """Refuse, from now on, services that are not where the client works."""
        self._place = place
        place.learn(self)

    def has(self, name: str) -> bool:
        """Whether a service of that name is listed, in whatever zone."""
        return name in self._by_name

    def zone_of(self, name: str) -> str | None:
        """The zone that a service is listed in."""
        service = self._by_name.get(name)
        return service.zone if service else None

    @property
    def in_zone(self) -> list[Service]:
        """The services without those of other zones than the one asked for, which a gateway may list as well."""
        asked = self._place.zone if self._place else None
        return [it for it in self.dbaas_services if not asked or it.zone in {None, "", asked}]

    def named(self, name: str) -> Service | None:
        """The service of that name, if it is there.

        :raises DbaasServiceError: if it is in another zone than the one asked for.
        """
        if self._place:
            self._place.check_listed(self, [name])
        return self._by_name.get(name)

    def integration_with(self, id: str) -> Integration | None:
        """The integration of that id, if it is there.

        :raises DbaasServiceError: if one of its services is in another zone than the one asked for.
        """
        return self._both_ends(self._integrations.get(id))

    def _both_ends(self, found: Integration | None) -> Integration | None:
        if found is not None and self._place:
            self._place.check_listed(self, found.named_services)
        return found

    # A thousand waits may look into one answer.
    @cached_property
    def _by_name(self) -> dict[str, Service]:
        return {service.name: service for service in reversed(self.dbaas_services)}

    @cached_property
    def _integrations(self) -> dict[str | None, Integration]:
        shown = (found for service in reversed(self.dbaas_services) for found in reversed(service.integrations))
        return {found.id: found for found in shown}

    def integration(self, *, type: str, source: str, dest: str) -> Integration | None:
        """The integration of that type between two services, if there is one.

        :param type: e.g. ``logs``.
        :param source: name of the service that it comes from.
        :param dest: name of the service that it goes to.
        :raises DbaasServiceError: if one of them is in another zone than the one asked for.
        """
        # Both services show it; either may be missing from the list.
        shown = (found for service in self.dbaas_services for found in service.integrations)
        wanted = (type, source, dest)
        return self._both_ends(next((it for it in shown if (it.type, it.source, it.dest) == wanted), None))


class ServiceUser(Answer):
    """An account inside a service. The password is hardly ever shown; the reveal calls give it."""

    username: str | None = None
    type: str | None = None
    password: str | None = None
    #: PostgreSQL only.
    allow_replication: bool | None = None
    #: MySQL only.
    authentication: str | None = None
    #: Valkey only.
    access_control: dict[str, Any] | None = None


class ServiceDetails(Service):
    """What the answers about one service have in common, whatever its type."""

    uri: str | None = None
    uri_params: dict[str, Any] | None = None
    users: Items[ServiceUser] = []
    backups: Items[dict[str, Any]] = []
    components: Items[dict[str, Any]] = []
    node_states: Items[dict[str, Any]] = []
    ip_filter: Items[str] = []
    maintenance: dict[str, Any] | None = None
    prometheus_uri: dict[str, Any] | None = None
