"""What an object of the package shows of itself, while real tasks work with it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest

from airflow_dbaas.api import Client
from airflow_dbaas.emulator.postgres import PostgresServer
from tests.conftest import RunningEmulator
from tests.integration.airflow.conftest import Run, password_of
from tests.integration.hunt import AWKWARD, search


@contextmanager
def shown() -> Iterator[dict[str, set[str]]]:
    """``repr`` and ``str`` of every object of this package's classes that one of its functions holds when it ends."""
    seen: dict[str, set[str]] = {}

    def look(frame: FrameType, event: str, returned: Any) -> None:
        if event != "return" or not str(frame.f_globals.get("__name__")).startswith("airflow_dbaas."):
            return
        for each in (*frame.f_locals.values(), returned):
            kind = type(each)
            if kind.__module__.startswith("airflow_dbaas."):
                # What is just being made may not have everything yet.
                with suppress(AttributeError):
                    seen.setdefault(kind.__name__, set()).update((repr(each), str(each)))

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_no_object_shows_a_secret(
    run: Run,
    client: Client,
    emulator: RunningEmulator,
    service: str,
    shop: PostgresServer,
    define_source: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Operators, sensors, triggers, hooks, clients, requests, answers and errors, in runs that succeed and fail."""
    define_source("legacy", shop)
    define_source("wrong", shop, password=AWKWARD)
    scraper = {"conn_type": "generic", "login": "scraper", "password": "C@n/ary pro"}
    monkeypatch.setenv("AIRFLOW_CONN_SCRAPER", json.dumps(scraper))
    endpoint = {"name": f"of-{service}", "type": "prometheus", "settings": {}, "secrets": "scraper"}
    with shown() as seen:
        states = [
            run("dbaas_migrate_service", service=service, source_conn_id="wrong").state,
            run("dbaas_migrate_service", service=service, source_conn_id="legacy", method="dump").state,
            run("verify_poking", service=service, source="wrong").state,
            run("create_endpoint_deferred", **endpoint).state,
            run("delete_endpoint_poking", name=endpoint["name"]).state,
        ]
    assert states == ["failed", "success", "failed", "success", "success"]
    hold = {"DbaasHook", "Client", "AsyncClient", "Call", "MigrationSource", "MigrationTarget", "UserSecrets"}
    assert hold | {"PgService", "DbaasWaitTrigger", "DbaasMigrationCheckOperator"} <= set(seen)
    assert any(kind.endswith("Error") for kind in seen)
    user = (client.services.pg.get(service).uri_params or {})["user"]
    admin = client.accounts.pg.reveal_password(service_name=service, username=user).password
    wanted = {"source": password_of(shop), "wrong": AWKWARD, "admin": str(admin), "API secret": emulator.secret}
    wanted["endpoint"] = scraper["password"]
    assert search({kind: "\n".join(texts) for kind, texts in seen.items()}, wanted) == []
    print(f"\n{len(seen)} classes, {sum(map(len, seen.values()))} texts")
