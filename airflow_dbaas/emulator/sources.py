"""Common parts of the sources of migrations of all engines."""

from __future__ import annotations

from urllib.parse import quote, quote_plus


class UnusableUri(ValueError):
    """An unusable source; the text names the error, without the password."""


def names(listed: str) -> frozenset[str]:
    """Names of a list separated by commas, as ``ignore-dbs`` is one."""
    return frozenset(name.strip() for name in listed.split(",") if name.strip())


def without_password(text: str, password: str) -> str:
    """``text`` on one line and without the password, whatever form it was written in."""
    # Before lines are joined: blanks of a password would be joined as well.
    for form in (password, quote(password, safe=""), quote_plus(password)):
        if form:
            text = text.replace(form, "***")
    return " ".join(text.split())
