"""Where the API is, and whether the way there may do without encryption. Sends nothing."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from airflow_dbaas.api.calls import choice
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.api.parameters import ZONES
from airflow_dbaas.api.redaction import redact

#: Exoscale's own hosts. The zone may be one that ``ZONES`` does not list yet.
_OWN_HOST = re.compile(r"api-([a-z]+-[a-z]+-[0-9]+)\.exoscale\.com\.?", re.IGNORECASE)


def bracketed(host: str) -> str:
    """A host in the form required before a port: an IPv6 address in brackets, anything else unchanged."""
    try:
        ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return f"[{host}]"


def of_zone(zone: str | None) -> str:
    """Base URL of a zone's API.

    :param zone: one of ``ZONES``.
    :raises DbaasConfigurationError: if it is not one of them.
    """
    choice("zone", zone, ZONES)
    return f"https://api-{zone}.exoscale.com/v2"


def zone_of(url: str) -> str | None:
    """The zone that a base URL leads to, if its host is Exoscale's own; None for any other host.

    :param url: base URL of an API, as ``check_form`` accepts it.
    """
    try:
        found = _OWN_HOST.fullmatch(urlsplit(url).hostname or "")
    except ValueError:  # no URL at all, such as one with half an IPv6 address
        return None
    return found[1].lower() if found else None


def check_zone(url: str, zones: dict[str, str | None]) -> None:
    """Refuse a zone other than the one that the host of a base URL belongs to.

    :param url: base URL of an API.
    :param zones: the requested zones, by where each was requested, e.g. ``zone=`` or ``extra zone``.
    :raises DbaasConfigurationError: naming the host and all of them.
    """
    own = zone_of(url)
    if own is None or all(zone in {None, "", own} for zone in zones.values()):
        return
    given = ", ".join(f"{name} is {zone}" for name, zone in zones.items() if zone)
    raise DbaasConfigurationError(
        f"zones contradict each other: the host {urlsplit(url).hostname} belongs to zone {own}, but {given}; remove "
        "the host, or request its zone"
    )


def check_form(url: str) -> None:
    """Refuse a URL that cannot be the base URL of an API: without a host, with another scheme, or with credentials.

    :raises DbaasConfigurationError: with the expected form.
    """
    if not re.fullmatch(r"https?://[^\s/?#@:][^\s?#@]*", url, re.IGNORECASE):
        raise DbaasConfigurationError(
            f"the API URL must look like https://host[:port]/v2, without credentials, got {redact(url)!r}"
        )


def stays_here(url: str, scheme: str, host: str, *, allow_http: bool) -> bool:
    """Whether requests go, without encryption, to this very machine.

    :param url: the whole URL, for the error text.
    :param scheme: its scheme, ``http`` or ``https``.
    :param host: its host, an address without brackets.
    :param allow_http: whether they may go to another machine without encryption.
    :raises DbaasConfigurationError: if they would, but may not.
    """
    if scheme == "https":
        return False
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not allow_http:
        raise DbaasConfigurationError(
            f"the API URL {url!r} leads to another machine without encryption, so passwords could be intercepted: "
            "use https://, or set allow_http to true "
            '(in the extra of an Airflow connection: {"allow_http": true})'
        )
    return local
