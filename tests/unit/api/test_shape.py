"""The package from outside: what importing it costs, what a type checker sees."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def built(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(("models.", "bodies."))}


def test_importing_builds_no_model_and_no_body() -> None:
    """They cost time, which every parse of a DAG file would pay."""
    modules = loaded_after("from airflow_dbaas.api import Client, logs")
    assert {"client", "endpoints", "methods", "bodies"} <= modules
    assert built(modules) == set()


def test_the_package_itself_imports_no_client() -> None:
    """Who needs an error class or a list of zones pays for no HTTP."""
    assert loaded_after("import airflow_dbaas.api.errors") == {"_lazy", "errors", "redaction"}


def test_a_call_builds_only_what_it_needs() -> None:
    """The models and bodies of other subjects stay unbuilt."""
    modules = built(loaded_after("from airflow_dbaas.api import endpoints\nendpoints.migrations.status('db')"))
    assert modules == {"models.base", "models.migrations"}


def test_a_first_call_imports_only_what_it_needs() -> None:
    """Not the other endpoints, not aiohttp; nor, without TLS, any certificate."""
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
    assert built(modules) == {"models.base", "models.operations"}
    assert {name for name in modules if name.startswith("endpoints.")} == {"endpoints.operations"}
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
    assert built(modules) == set()
    assert not {name for name in modules if name.startswith(("client", "methods", "endpoints."))}


def names_for_type_checkers(package: Path) -> Iterator[tuple[str, str]]:
    """Module and name of each import under ``if TYPE_CHECKING``."""
    for node in ast.walk(ast.parse((package / "__init__.py").read_text())):
        if isinstance(node, ast.If):
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                assert statement.module
                for name in statement.names:
                    assert name.asname == name.name
                    yield statement.module, name.name


@pytest.mark.parametrize("name", ["models", "bodies", "endpoints"])
def test_type_checkers_see_what_there_is(name: str) -> None:
    """What is looked up on use and what is shown to type checkers are the same names from the same modules."""
    package = importlib.import_module(f"airflow_dbaas.api.{name}")
    seen = list(names_for_type_checkers(ROOT / "airflow_dbaas" / "api" / name))
    assert sorted(each for _, each in seen) == package.__all__
    for module, each in seen:
        assert getattr(package, each) is getattr(importlib.import_module(module), each)


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
