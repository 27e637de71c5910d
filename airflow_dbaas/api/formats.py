"""The form of texts that the API's document does not describe, each stated once.

Bodies, operators and the schemas of DAG parameters use the same rule. Nothing is imported that costs time.
"""

from __future__ import annotations

import ipaddress
import re

#: A plan, such as ``startup-4``. Which plans there are, the API decides.
PLAN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$"

#: A version to ask for, such as ``17`` or ``8.4``.
VERSION = r"^[0-9]+(\.[0-9]+)*$"

#: A time of day, ``HH:MM:SS``.
TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"


def is_plan(value: str) -> bool:
    """Whether a text has the form of a plan's name."""
    # "$" also matches before a line break at the end.
    return "\n" not in value and re.match(PLAN, value) is not None


def is_network(value: str) -> bool:
    """Whether a text is an IP address or a network, such as ``192.0.2.0/24`` or ``2001:db8::/32``.

    Host bits may be set: what becomes of them is for the API to decide.
    """
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return "%" not in value
