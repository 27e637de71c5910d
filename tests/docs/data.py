"""Data that the documentation shows: files and values, each read by the code that takes it."""

from __future__ import annotations

import configparser
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import exoscale
import yaml
from airflow.configuration import conf
from airflow.sdk import Connection
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement
from sentry_sdk.consts import DEFAULT_OPTIONS

from airflow_dbaas.config import desired_services, fleet
from airflow_dbaas.emulator.faults.rules import Faults
from airflow_dbaas.emulator.handlers import HANDLERS
from airflow_dbaas.hooks.dbaas import client_arguments
from airflow_dbaas.migration.source import MigrationSource
from tests.docs.blocks import Block, commands

EXTRAS = set(importlib.metadata.metadata("airflow-dbaas").get_all("Provides-Extra") or [])


def check(block: Block, folder: Path) -> None:
    """Hold a block of data against what takes it.

    :param folder: for files.
    """
    if block.language == "text":
        if block.title.endswith("requirements.txt"):
            _requirements(block)
        return
    if block.language == "ini":
        _settings(block)
        return
    value = json.loads(block.text) if block.language == "json" else yaml.safe_load(block.text)
    taker = _taker(value)
    assert taker is not None, f"{block.place}: nothing is known that takes this"
    path = folder / f"data.{block.language}"
    path.write_text(block.text)
    taker(value, path)


#: What takes a mapping, by a key that it has.
_TAKERS: dict[str, Callable[[Any, Path], object]] = {
    "conn_type": lambda value, path: connection(value),
    "default-service-strategy": lambda value, path: policy(value),
    "rules": lambda value, path: Faults(dict.fromkeys(HANDLERS)).replace(value),
    "services": lambda value, path: desired_services.read_desired(path),
}


def _taker(value: Any) -> Callable[[Any, Path], object] | None:
    if isinstance(value, list):
        defaults = {"plan": "startup-4", "method": "auto", "zone": None}
        return lambda value, path: fleet.read_services(None, str(path), defaults)
    return next((taker for key, taker in _TAKERS.items() if key in value), None)


def connection(value: dict[str, Any]) -> None:
    """An Airflow connection is one that the hook, or a migration, can use."""
    made = Connection.from_json(json.dumps(value), conn_id="shown")
    if made.conn_type == "exoscale":
        assert client_arguments(made)["key"]
    else:
        assert MigrationSource.from_connection(made).uri()


def policy(value: dict[str, Any]) -> None:
    """An IAM policy is one by Exoscale's own document, and names operations that the API has."""
    document = json.loads((Path(exoscale.__file__).parent / "openapi.json").read_text())
    schema = {"$ref": "#/components/schemas/iam-policy", "components": document["components"]}
    Draft202012Validator(schema).validate(value)
    known = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    named = {
        word
        for service in value["services"].values()
        for rule in service.get("rules", [])
        for word in rule["expression"].split("'")[1::2]
    }
    assert named - known == set()


def _requirements(block: Block) -> None:
    """Each line is a requirement; of this package only extras that there are."""
    for line in block.text.splitlines():
        if line.startswith(("--constraint", "-c ", "#")) or not line:
            continue
        requirement = Requirement(line)
        if requirement.name == "airflow-dbaas":
            assert requirement.extras <= EXTRAS, line
            assert requirement.specifier.contains(importlib.metadata.version("airflow-dbaas")), line


def _settings(block: Block) -> None:
    """Airflow knows the settings, and those that are JSON are."""
    parser = configparser.RawConfigParser()
    parser.read_string(block.text)
    for section in parser.sections():
        for name, value in parser.items(section):
            # Airflow hands what it does not know of this section on to the SDK.
            passed_on = DEFAULT_OPTIONS if section == "sentry" else {}
            known = {**passed_on, **conf.configuration_description[section]["options"]}
            assert name in known, f"{block.place}: {section}.{name}"
            if name.endswith("kwargs"):
                json.loads(value)


def cloud(block: Block) -> None:
    """What only a cloud's own command can run: the connections in it are ones that are taken."""
    for command in commands(block):
        for word in command.words:
            if word.startswith("{") and "conn_type" in word:
                connection(json.loads(word))
