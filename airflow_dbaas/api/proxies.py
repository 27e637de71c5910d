"""Which proxy the environment names for a URL. Sends nothing."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

_DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str) -> str | None:
    """The proxy that httpx uses for a URL: by ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

    :param url: an absolute URL of scheme http or https.
    :returns: the proxy's URL, which may hold a password; None if requests go to the host itself.
    """
    named = getproxies()
    parts = urlsplit(url)
    proxy = named.get(parts.scheme) or named.get("all")
    if not proxy or _is_exempt(parts, named.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def shown(proxy: str) -> str:
    """A proxy's URL for texts: scheme, host and port only."""
    try:
        parts = urlsplit(proxy)
    except ValueError:
        return "the one of the environment"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _is_exempt(url: SplitResult, no_proxy: str) -> bool:
    entries = [entry.strip() for entry in no_proxy.split(",") if entry.strip()]
    return "*" in entries or any(_covers(entry, url) for entry in entries)


def _covers(entry: str, url: SplitResult) -> bool:
    """Whether an entry of ``NO_PROXY`` means a URL: ``example.com`` means its subdomains, too, ``.example.com`` only
    these, and an address itself only (httpx knows no address ranges)."""
    exact = "://" in entry
    if _is_ipv6(entry):
        entry = f"[{entry}]"
    try:
        wanted = urlsplit(entry if exact else f"all://{entry}")
        port = wanted.port
    except ValueError:
        return False
    host, name = url.hostname or "", wanted.hostname or ""
    if exact and wanted.scheme not in {"all", url.scheme}:
        return False
    if port is not None and port != (None if url.port == _DEFAULT_PORTS[url.scheme] else url.port):
        return False
    if not name:
        return False
    if name == "localhost" or _is_address(name) or (exact and not name.startswith("*")):
        return host == name
    name = name.removeprefix("*")
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text.partition("/")[0])
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
