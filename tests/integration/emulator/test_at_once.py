"""Requests about one service that are under way at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx

from tests.integration.emulator.conftest import Api


def at_once(emulator, count: int, *requests: tuple[object, ...]) -> list[httpx.Response]:
    """Answers to ``count`` of these requests, sent by eight clients in turn."""

    def send(number: int) -> httpx.Response:
        with closing(Api(emulator)) as client:
            return client.request(*requests[number % len(requests)])

    with ThreadPoolExecutor(8) as clients:
        return list(clients.map(send, range(count)))


def test_of_passwords_set_at_once_the_last_one_holds(api, emulator):
    """None is refused, and the one that is revealed is the one that the server knows."""
    service = api.service()
    reset = ("PUT", f"/dbaas-postgres/{service}/user/avnadmin/password/reset", {})
    assert {each.status_code for each in at_once(emulator, 60, reset)} == {200}
    with closing(api.connect(service, "defaultdb")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_service_may_be_deleted_while_it_is_looked_at(api, emulator):
    """Its log, metrics and itself are shown, or it is not there: nothing between."""
    name = api.service()
    looks = [
        ("POST", f"/dbaas-service-logs/{name}", {"limit": 500}),
        ("POST", f"/dbaas-service-metrics/{name}", {}),
        ("GET", f"/dbaas-postgres/{name}"),
        ("POST", f"/dbaas-service-logs/{name}", {"sort-order": "asc"}),
    ]
    with ThreadPoolExecutor(1) as deleting:
        looked = deleting.submit(at_once, emulator, 160, *looks)
        time.sleep(0.2)
        api.finish(api.ok("DELETE", f"/dbaas-service/{name}"))
        answers = looked.result()
    assert {each.status_code for each in answers} <= {200, 404}
    assert answers[-1].status_code == 404
