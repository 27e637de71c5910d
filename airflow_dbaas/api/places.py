"""Where a client works: for which connection, in which zone, at which host, through which proxy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_dbaas.api import addresses
from airflow_dbaas.api.errors import DbaasError, DbaasServiceError

if TYPE_CHECKING:
    from airflow_dbaas.api.services import ServiceList


class Place:
    """Where a client works, and the rule that it acts on no service of another zone.

    Exoscale's own hosts serve one zone each. Any other host (an emulator, a gateway) may serve a zone other than the
    requested one, or several. There, a service must be listed in the requested zone, or without a zone
    (list-dbaas-services).

    :param url: base URL of the API.
    :param zone: the requested zone, if any.
    :param label: what to call the client in errors, e.g. ``connection 'exoscale_default'``.
    :param proxy: URL of the proxy that is used, if any.
    """

    def __init__(
        self, url: str, *, zone: str | None = None, label: str | None = None, proxy: str | None = None
    ) -> None:
        own = addresses.zone_of(url)
        self.zone = own or zone or None
        self.proxy = _shown(proxy) if proxy else None
        self._look = own is None and self.zone is not None
        self._labels = [label] if label else []
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._listed: ServiceList | None = None

    def __str__(self) -> str:
        through = f"through proxy {self.proxy}" if self.proxy else ""
        details = ", ".join(part for part in (f"zone {self.zone}" if self.zone else "", self._host, through) if part)
        return f"{' or '.join(self._labels) or 'API'} ({details})"

    def add_label(self, label: str) -> None:
        """Add another connection that the client works for, with the same settings but another name."""
        if label not in self._labels:
            self._labels.append(label)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors that pass through say where they come from."""
        try:
            yield
        except DbaasError as error:
            place = str(self)
            if place not in str(error):
                error.add_place(place)
            raise

    def learn(self, listed: ServiceList) -> None:
        """Take note of the latest answer of list-dbaas-services."""
        self._listed = listed

    def must_look(self, names: Iterable[str | None]) -> bool:
        """Whether the services have to be listed before anything is done with some of them."""
        return self._look and any(name and not (self._listed and self._listed.has(name)) for name in names)

    def check(self, names: Iterable[str | None]) -> None:
        """Refuse services that were last listed in another zone.

        :raises DbaasServiceError: naming the service and both zones.
        """
        if self._listed is not None:
            self.check_listed(self._listed, names)

    def check_listed(self, services: ServiceList, names: Iterable[str | None]) -> None:
        """Refuse services that are listed in another zone; see ``check``."""
        for name in names:
            zone = services.zone_of(name) if name else None
            if self.zone and zone and zone != self.zone:
                raise DbaasServiceError(f"service {name} is in zone {zone}, but zone {self.zone} was requested; {self}")

    def zone_of(self, name: str | None) -> str | None:
        """The zone in which a service was last listed, or the requested one if it was not listed or shows none."""
        listed = self._listed.zone_of(name) if self._listed and name else None
        return listed or self.zone


def _shown(proxy: str) -> str:
    """A proxy's URL for texts: scheme, host and port only."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
