"""Bad files and bad options: one sentence each, in the words of the tables in ``bad_input``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas import cli
from airflow_dbaas.api.errors import DbaasConfigurationError
from airflow_dbaas.config import desired_services
from airflow_dbaas.config.desired_services import read_desired
from airflow_dbaas.config.fleet import SERVICES_SCHEMA, read_services
from airflow_dbaas.emulator import command
from tests.unit.bad_input import commands, files
from tests.unit.bad_input.tasks import CANARY

DEFAULTS = {"plan": "startup-4", "method": "auto", "zone": None}


def assert_says(error: object, text: str) -> None:
    """The whole text, and no part of the secret in it."""
    assert str(error) == text
    assert CANARY[:9] not in str(error)


def assert_refused(path: Path, text: str) -> None:
    """By both readers."""
    with pytest.raises(DbaasConfigurationError) as caught:
        read_desired(path)
    assert_says(caught.value, text)
    with pytest.raises(DbaasConfigurationError) as caught:
        read_services([], str(path), DEFAULTS)
    assert_says(caught.value, text)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        *(("a.yaml", content, text) for content, text in files.CONTENT),
        *(("a.json", content, text) for content, text in files.JSON),
    ],
    ids=range(len(files.CONTENT + files.JSON)),
)
def test_content(tmp_path: Path, name: str, content: str | bytes, text: str) -> None:
    """What is no YAML or JSON, is not UTF-8, says something twice, or is too much. It is not quoted."""
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_refused(file, f"{file}{text}")


@pytest.mark.parametrize(("path", "text"), files.PATHS)
def test_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, text: str) -> None:
    """What is not there, or is no file; a device is not read."""
    monkeypatch.chdir(tmp_path)
    assert_refused(Path(path), text)


@pytest.mark.parametrize(("document", "text"), files.FLEET + files.EMPTY_FLEET)
def test_the_list_of_a_fleet(tmp_path: Path, document: Any, text: str) -> None:
    """In a file, and the same in the form."""
    file = tmp_path / "services.yaml"
    file.write_text(files.written(document))
    with pytest.raises(DbaasConfigurationError) as caught:
        read_services([], str(file), DEFAULTS)
    assert_says(caught.value, f"{file}{text}")
    if document:
        with pytest.raises(DbaasConfigurationError) as caught:
            read_services(document, None, DEFAULTS)
        assert_says(caught.value, f"services{text}")


@pytest.mark.parametrize(
    ("services", "path", "text"),
    [
        ([], None, "got neither, or an empty list"),
        (None, "", "got neither, or an empty list"),
        ([{"service": "a", "source_conn_id": "b"}], "/x.yaml", "got both"),
    ],
)
def test_one_of_list_and_file(services: Any, path: str | None, text: str) -> None:
    """Exactly one of the two is to be given."""
    with pytest.raises(DbaasConfigurationError) as caught:
        read_services(services, path, DEFAULTS)
    assert_says(caught.value, f"give the services to migrate either as a list or as a file, {text}")


@pytest.mark.parametrize(("document", "text"), files.DESIRED)
def test_desired_links(tmp_path: Path, document: Any, text: str) -> None:
    """The file, the service, the entry, and what would be right; all problems at once."""
    file = tmp_path / "desired.yaml"
    file.write_text(files.written(document))
    with pytest.raises(DbaasConfigurationError) as caught:
        read_desired(file)
    assert_says(caught.value, f"{file}{text}")


def test_every_key_is_in_the_table() -> None:
    """Of both files: of each there is a bad value."""
    fleet = " ".join(text for _, text in files.FLEET)
    assert [key for key in SERVICES_SCHEMA["items"]["properties"] if f".{key} must" not in fleet] == []
    desired = " ".join(text for _, text in files.DESIRED)
    keys = {*desired_services._TOP, *desired_services._KEYS}
    assert [key for key in keys if f"{key} must" not in desired and f"{key}[" not in desired] == ["services"]
    assert "have services: a mapping" in desired


@pytest.mark.parametrize(("arguments", "line"), commands.COMMANDS)
def test_options(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit code 2, and nothing is started."""
    # The command takes out of it what would mislead its servers.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    try:
        code: Any = cli.main(arguments)
    except SystemExit as ended:
        code = ended.code
    shown = capsys.readouterr()
    # Python's releases differ in whether they put the choices into quotes.
    assert (
        shown.err.replace(
            "'check-connection', 'copy-dags', 'emulator', 'verify'", "check-connection, copy-dags, emulator, verify"
        )
        == f"{line}\n"
    )
    assert (code, shown.out) == (2, "")


def test_every_option_is_in_the_table() -> None:
    """Of each there is a bad value."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}
    tried = {part.partition("=")[0] for arguments, _ in commands.COMMANDS for part in arguments}
    assert options <= tried
