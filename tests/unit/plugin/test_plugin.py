"""The plugin as Airflow's processes meet it: cheap everywhere, and nothing before Airflow 3.1."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from airflow.plugins_manager import AirflowPlugin

import airflow_dbaas.plugin
from airflow_dbaas._compat import plugins
from airflow_dbaas.provider_info import get_provider_info

LOADED = """
import json, sys
import airflow.plugins_manager, airflow_dbaas._compat
before = set(sys.modules)
from airflow_dbaas.plugin import DbaasPlugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_loading_it_imports_next_to_nothing() -> None:
    """Schedulers and workers load plugins, too: the server side is built in the API server only."""
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == ["airflow_dbaas._compat.plugins", "airflow_dbaas.plugin"]
    assert not done.stderr


@pytest.mark.parametrize(("version", "pages"), [("2.11.2", 0), ("3.0.6", 0), ("3.1.0", 1), ("4.0.0", 1)])
def test_before_airflow_3_1_it_adds_nothing(version: str, pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older releases have no place for such a page."""
    monkeypatch.setattr(plugins, "AIRFLOW_VERSION", version)
    plugin = runpy.run_path(airflow_dbaas.plugin.__file__)["DbaasPlugin"]
    assert (len(plugin.fastapi_apps), len(plugin.external_views)) == (pages, pages)


def test_airflow_finds_it() -> None:
    """By its entry point, and by the provider's information where providers are discovered eagerly."""
    (entry,) = entry_points(group="airflow.plugins", name="exoscale_dbaas")
    plugin = entry.load()
    assert issubclass(plugin, AirflowPlugin)
    (told,) = get_provider_info()["plugins"]
    assert told == {"name": plugin.name, "plugin-class": entry.value.replace(":", ".")}
