"""An emulator of a test's own, with its servers' data in a folder that the test looks into."""

from __future__ import annotations

import os
import pwd
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas.emulator.servers.account import Account
from tests.conftest import RunningEmulator, start_emulator

ROOT = Path(__file__).resolve().parents[3]
QUICK = ("--operation-seconds", "0.1", "--startup-seconds", "0.1")


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that mention the folder, this test's own apart."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def start(folder: Path, *options: str, **process_options: Any) -> RunningEmulator:
    """An emulator with all of its files in the folder."""
    environment = process_options.pop("env", os.environ) | {"TMPDIR": str(folder)}
    return start_emulator(folder.with_suffix(".log"), *QUICK, *options, env=environment, **process_options)


def close(emulator: RunningEmulator) -> None:
    with emulator:
        emulator.process.kill()
        emulator.process.wait()
    emulator.log.unlink()


def ordinary(**variables: str) -> dict[str, Any]:
    """How root starts an emulator as an ordinary user, with these environment variables besides."""
    entry = pwd.getpwnam("nobody")
    account = Account(entry.pw_uid, entry.pw_gid)
    if not account.can_read(ROOT / "airflow_dbaas" / "cli" / "__init__.py"):
        pytest.skip("the checkout is closed to other accounts")
    command, environment = _python_for(account)
    return {
        "command": command,
        "env": environment | {"PYTHONDONTWRITEBYTECODE": "1"} | variables,
        "user": account.uid,
        "group": account.gid,
        "extra_groups": [],
        "cwd": "/",
    }


def _python_for(account: Account) -> tuple[list[str], dict[str, str]]:
    """A Python of this version that the account can run, and the environment that has the packages."""
    packages = sysconfig.get_paths()["purelib"]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        if Path(candidate).exists() and account.can_read(Path(candidate).resolve()):
            return [candidate, "-m", "airflow_dbaas.testing.child_process"], os.environ | {
                "PYTHONPATH": f"{ROOT}:{packages}"
            }
    pytest.skip("no Python that another account could run")
