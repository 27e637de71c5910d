"""The package from outside: what importing it costs, what a type checker sees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

LOADED = """
import json, sys
{work}
print(json.dumps([name for name in sys.modules if name.startswith("airflow_dbaas.api.")]))
"""


def loaded_after(work: str) -> set[str]:
    """Modules of the package that a fresh interpreter has loaded after some work."""
    run = subprocess.run(
        [sys.executable, "-c", LOADED.format(work=work)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {name.removeprefix("airflow_dbaas.api.") for name in json.loads(run.stdout)}


#: The subjects of the API: each has its bodies, answers and calls in one module.
SUBJECTS = {
    "accounts",
    "external_endpoints",
    "integrations",
    "migrations",
    "observability",
    "operations",
    "services",
}


def test_importing_a_client_imports_no_subject() -> None:
    """Their models cost time, which every parse of a DAG file would pay."""
    modules = loaded_after("from airflow_dbaas.api import Client")
    assert "client" in modules
    assert not SUBJECTS & modules


def test_the_package_itself_imports_no_client() -> None:
    """An error class or the list of zones needs no HTTP."""
    assert loaded_after("import airflow_dbaas.api.errors") == {"errors", "redaction"}


def test_a_call_imports_only_its_subject() -> None:
    """Bodies and answers of other subjects are not imported; operations are what most calls answer with."""
    modules = loaded_after("from airflow_dbaas.api.migrations import Migrations\nMigrations.status.call('db')")
    assert modules & SUBJECTS == {"migrations", "operations"}


def test_a_first_call_imports_only_what_it_needs() -> None:
    """Not the other subjects, not aiohttp; nor, without TLS, any certificate."""
    work = (
        "import ssl\n"
        "from airflow_dbaas.api import Client\n"
        "from airflow_dbaas.api.errors import DbaasTransportError\n"
        "from airflow_dbaas.api.retries import NO_RETRY\n"
        "ssl.SSLContext.load_verify_locations = None\n"
        "try:\n"
        "    Client('k', 's', url='http://127.0.0.1:1/v2', retry=NO_RETRY).operations.get('{id}')\n"
        "except DbaasTransportError:\n"
        "    pass\n"
    )
    modules = loaded_after(work.format(id="a02baf5a-a3e4-49a0-857b-8a08d276c1c0"))
    assert modules & SUBJECTS == {"operations"}
    assert "transports" in modules
    assert "aiohttp_reads" not in modules


def test_what_airflow_parses_is_small() -> None:
    """Importing every operator and sensor loads no model, no body, no client, and nothing that Airflow has not."""
    work = (
        "import importlib, pkgutil, airflow.sdk, airflow_dbaas\n"
        "before = set(sys.modules)\n"
        "for room in ('operators', 'sensors'):\n"
        "    package = importlib.import_module(f'airflow_dbaas.{room}')\n"
        "    for module in pkgutil.iter_modules(package.__path__):\n"
        "        importlib.import_module(f'{package.__name__}.{module.name}')\n"
        "new = set(sys.modules) - before\n"
        "others = {name for name in new if not name.startswith(('airflow.', 'airflow_dbaas.'))}\n"
        "assert not others, others\n"
        "assert len(new) <= 85, len(new)\n"
    )
    modules = loaded_after(work)
    assert "errors" in modules
    assert not {"client", "operation", *SUBJECTS} & modules


def test_methods_keep_their_signatures(tmp_path: Path) -> None:
    """mypy knows arguments and answers of the clients' methods, and finds what is wrong."""
    file = Path(__file__).with_name("typing_api.py")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stdout + run.stderr
