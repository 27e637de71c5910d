"""What a verification has found equal, kept in an Airflow variable for its retries."""

from __future__ import annotations

import json
from typing import Any

from airflow_dbaas import _compat
from airflow_dbaas.migration import registry
from airflow_dbaas.verification.memory import Memory


def memory(zone: str | None, service: str, run: str, between: str) -> Memory:
    """What earlier tries of the same task have found equal.

    One variable for each service. Another run replaces its content.

    :param zone: zone of the service.
    :param service: its name.
    :param run: of which task, as ``run_of`` says it.
    :param between: addresses of source and target.
    """
    key = registry.key(zone, service, "verification")
    about = {"run": run, "between": between}
    text = _compat.get_variable(key)
    found = json.loads(text) if text else {}

    def save(equal: dict[str, Any]) -> None:
        what = f"What the verification of DBaaS service {service} has found equal, for a retry"
        _compat.set_variable(key, json.dumps({**about, "equal": equal}), what)

    same = all(found.get(name) == value for name, value in about.items())
    return Memory(found.get("equal", {}) if same else {}, save)


def run_of(context: Any) -> str:
    """The task instance, whatever its try."""
    ti = context["ti"]
    return " ".join(str(getattr(ti, name, "")) for name in ("dag_id", "run_id", "task_id", "map_index"))
