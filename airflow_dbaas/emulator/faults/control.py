"""The address at which a running emulator receives rules. It is not part of Exoscale's API."""

from __future__ import annotations

import json
from typing import Any

from airflow_dbaas.emulator.errors import ApiError
from airflow_dbaas.emulator.faults.rules import BadRules, Faults

PATH = "/_emulator/faults"


def answer(faults: Faults, method: str, body: bytes) -> dict[str, Any]:
    """Answer a request whose signature is valid; always the rules as they are then.

    :param faults: the rules.
    :param method: GET reads the rules, PUT replaces them by those of the body, DELETE removes them.
    :param body: as it came.
    :raises ApiError: 400 for rules that cannot be followed, 405 for another method.
    """
    if method == "PUT":
        try:
            faults.replace(json.loads(body))
        except BadRules as error:
            raise ApiError(400, str(error)) from error
        except ValueError as error:
            raise ApiError(400, "The request body is not JSON") from error
    elif method == "DELETE":
        faults.clear()
    elif method != "GET":
        raise ApiError(405, f"{PATH} takes GET, PUT and DELETE, not {method}")
    return faults.view()
