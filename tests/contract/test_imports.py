"""Imports go one way: dags → operators, sensors → triggers → waits → hooks → api; the emulator stands alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: For each room, what it may import of the project and of Airflow.
ALLOWED = {
    "api": {"api"},
    "emulator": {"emulator"},
    "verification": {"verification", "api", "logins"},
    "provider_info": set(),
    "_compat": {"_compat", "airflow"},
    "validation": {"api"},
    "waits": {"api", "waits"},
    "polling": {"results", "_compat", "api", "sharing", "waits"},
    "sharing": {"api", "hooks"},
    "credentials": {"_compat", "api"},
    "migration_registry": {"_compat"},
    "engines": {"api"},
    "logins": {"api", "engines"},
    "sources": {"_compat", "api", "credentials", "engines", "logins"},
    "desired": {"api"},
    "desired_services": {"api", "desired", "documents", "validation"},
    "documents": {"api"},
    "endpoint_settings": {"_compat", "api", "credentials", "validation"},
    "targets": {"api", "credentials", "engines", "logins"},
    "assets": {"_compat", "api", "validation"},
    "lineage": {"_compat"},
    "retry_policy": {"_compat", "api"},
    "fleet": {"_compat", "api", "documents", "validation"},
    "advice": {"api"},
    "events": {"_compat", "advice", "api", "waits"},
    "links": {"_compat", "api"},
    "results": {"_compat"},
    "base": {"_compat", "hooks", "links", "results", "validation"},
    "hooks": {
        "_compat",
        "api",
        "credentials",
        "engines",
        "events",
        "polling",
        "provider_info",
        "targets",
        "validation",
        "waits",
    },
    "triggers": {
        "_compat",
        "api",
        "events",
        "hooks",
        "polling",
        "results",
        "sharing",
        "triggers",
        "validation",
        "waits",
    },
    "cli": {"__version__", "_compat", "api", "cli", "emulator", "hooks"},
    "testing": {"api", "cli", "testing"},
}
_TASKS = {"_compat", "advice", "api", "base", "events", "links", "polling", "triggers", "validation", "waits"}
ALLOWED["operators"] = {
    "operators",
    "assets",
    "desired",
    "endpoint_settings",
    "migration_registry",
    "lineage",
    "logins",
    "sources",
    "targets",
    "verification",
    *_TASKS,
}
ALLOWED["sensors"] = {"sensors", *_TASKS}
ALLOWED["plugin"] = {"_compat", "api", "credentials", "engines", "hooks", "migration_registry", "plugin", "waits"}
ALLOWED["task_groups"] = {"fleet", "hooks", "operators", "sensors", "task_groups", *_TASKS}
ALLOWED["dags"] = {"desired_services", "fleet", "hooks", "operators", "sensors", "task_groups", "airflow"}


def imports(file: Path) -> Iterator[str]:
    """Modules of the project and of Airflow that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in {"airflow", "airflow_dbaas"}:
                yield name


def files() -> Iterator[tuple[str, Path]]:
    for file in sorted((ROOT / "airflow_dbaas").rglob("*.py")):
        room = file.relative_to(ROOT / "airflow_dbaas").parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, file
    for file in sorted((ROOT / "dags").rglob("*.py")):
        yield "dags", file


@pytest.mark.parametrize(("room", "file"), list(files()), ids=lambda value: str(getattr(value, "name", value)))
def test_imports_go_one_way(room: str, file: Path) -> None:
    """A room imports only what lies further in; only ``_compat`` and the DAGs import Airflow."""
    for name in imports(file):
        top, *rest = name.split(".")
        imported = "airflow" if top == "airflow" else rest[0] if rest else "airflow_dbaas"
        assert imported in ALLOWED[room], f"{file.relative_to(ROOT)} imports {name}"


def test_few_modules_know_the_http_library() -> None:
    """httpx can be replaced by changing the clients, what signs and bounds requests, and whom they trust."""
    users = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "airflow_dbaas").rglob("*.py")
        if any(line.startswith(("import httpx", "from httpx")) for line in file.read_text().splitlines())
    }
    knowing = ("aiohttp_reads", "auth", "client", "exchange", "transports", "trust")
    assert users == {f"airflow_dbaas/api/{name}.py" for name in knowing}
