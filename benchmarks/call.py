"""A blocking call: signed, sent, its answer read; against Exoscale's SDK and bare httpx."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from benchmarks.frame import Case, Quantity, Role, Subject, Values
from benchmarks.server import OPERATION

_CALLS = 400
_SERVICE = "service"

#: One call each, by the key of its quantity.
_Calls = dict[str, Callable[[], object]]

SUBJECT = Subject(
    title="A call",
    quantities=(
        Quantity("operation", "get-operation, µs of CPU", share=0.9),
        Quantity("pg", "get-dbaas-service-pg, µs of CPU", share=0.9),
        Quantity("rate", "get-operation, calls a second"),
    ),
    cases=(
        Case("ours", "airflow-dbaas", Role.OURS),
        Case("sdk", "Exoscale's SDK", Role.PEER),
        Case("httpx", "httpx, not signed, JSON only", Role.PLAIN),
    ),
)


def prepare(case: str, url: str) -> Callable[[], Values]:
    """Get a case ready."""
    calls = CASES[case](url)

    def measure() -> Values:
        values: dict[str, float | None] = {}
        for name, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(_CALLS):
                call()
            values[name] = (time.process_time() - cpu) / _CALLS * 1e6
            values.setdefault("rate", _CALLS / (time.perf_counter() - wall))
        return values

    return measure


def _ours(url: str) -> _Calls:
    from airflow_dbaas.api import Client

    client = Client("EXOkey", "secret", url=f"{url}/v2")
    return {
        "operation": partial(client.operations.get, OPERATION),
        "pg": partial(client.services.pg.get, _SERVICE),
    }


def _sdk(url: str) -> _Calls:
    from exoscale.api.v2 import Client

    client = Client("EXOkey", "secret", url=f"{url}/v2")
    return {
        "operation": partial(client.get_operation, id=OPERATION),
        "pg": partial(client.get_dbaas_service_pg, name=_SERVICE),
    }


def _httpx(url: str) -> _Calls:
    import httpx

    client = httpx.Client()

    def get(path: str) -> object:
        return client.get(f"{url}/v2{path}").json()

    return {
        "operation": partial(get, f"/operation/{OPERATION}"),
        "pg": partial(get, f"/dbaas-postgres/{_SERVICE}"),
    }


CASES: dict[str, Callable[[str], _Calls]] = {"ours": _ours, "sdk": _sdk, "httpx": _httpx}
