"""The command line, run as people run it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_dbaas import __version__
from airflow_dbaas.cli.commands import COMMANDS
from tests.conftest import RunningEmulator
from tests.unit.conftest import Reply, ScriptedServer

PROGRAM = [sys.executable, "-m", "airflow_dbaas.cli"]
AIRFLOW = [sys.executable, "-m", "airflow", "dbaas"]
CHECK = "check-connection"


def connection(**fields: Any) -> str:
    """An Airflow connection of type ``exoscale``, as a variable of the environment holds it."""
    return json.dumps({"conn_type": "exoscale", "login": "EXOkey", "password": "s3cr3t/+%", **fields})


def run(*arguments: str, program: list[str] = PROGRAM, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, come to its end; none ever ends with a traceback."""
    ended = subprocess.run(
        [*program, *arguments], capture_output=True, text=True, timeout=120, check=False, env=os.environ | variables
    )
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended


def test_help_has_examples_and_exit_codes() -> None:
    """Of each command, and it names each command."""
    whole = run("--help")
    assert whole.returncode == 0
    for command in COMMANDS:
        assert f"\n    {command.name} " in whole.stdout
        shown = run(command.name, "--help").stdout
        for part in ("examples:", f"  airflow-dbaas {command.name}", "exit codes:", "  2  wrong use"):
            assert part in shown
    assert run("--version").stdout == f"airflow-dbaas {__version__}\n"


def test_a_connection_that_works(emulator: RunningEmulator) -> None:
    """What was checked, for people and as JSON, in Airflow's command line as well; the secret is in none."""
    given = connection(login=emulator.key, password=emulator.secret, host=emulator.url, extra={"zone": emulator.zone})
    variables = {"AIRFLOW_CONN_MINE": given}
    shown = run(CHECK, "mine", **variables)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[:5] == [
        "connection  mine",
        f"address     {emulator.url}",
        f"zone        {emulator.zone}",
        f"key         {emulator.key}",
        "signature   taken",
    ]
    assert "key         may list-dbaas-services (services, integrations)" in lines
    assert lines[-1] == "It works."
    assert "may not" not in shown.stdout
    within = run(CHECK, "mine", program=AIRFLOW, **variables)
    assert (within.returncode, within.stdout) == (0, shown.stdout)
    printed = run(CHECK, "mine", "--json", "--zone", "de-fra-1", **variables)
    report = json.loads(printed.stdout)
    assert (report["works"], report["signature"], report["zone"]) == (True, "taken", "de-fra-1")
    assert {each["allowed"] for each in report["permissions"]} == {True}
    assert emulator.secret not in shown.stdout + within.stdout + printed.stdout


def test_a_signature_that_is_refused(emulator: RunningEmulator) -> None:
    """Exit code 1, and what to look at."""
    wrong = connection(login=emulator.key, host=emulator.url)
    shown = run(CHECK, AIRFLOW_CONN_EXOSCALE_DEFAULT=wrong)
    assert shown.returncode == 1
    assert "signature   refused\n" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith(
        "It does not work: list-dbaas-services (GET /dbaas-service): 403 Invalid request signature "
        "(check API key, secret, IAM role and this machine's clock); connection 'exoscale_default' ("
    )


def test_a_role_that_forbids(server: ScriptedServer) -> None:
    """What the role forbids is told from a wrong signature, and the rest is asked for all the same."""
    server.replies = [Reply(404, {"message": "nothing of that name"})]
    server.always["/v2/dbaas-ca-certificate"] = Reply(403, {"message": "Forbidden by role policy for dbaas"})
    server.always["/v2/dbaas-service"] = Reply(200, {"dbaas-services": []})
    variables = {"AIRFLOW_CONN_MINE": connection(host=server.url)}
    shown = run(CHECK, "mine", **variables)
    assert shown.returncode == 0
    assert "may not get-dbaas-ca-certificate" in shown.stdout
    assert "may get-operation" in shown.stdout
    server.always["/v2/dbaas-service"] = Reply(403, {"message": "Forbidden by role policy for dbaas"})
    report = json.loads(run(CHECK, "mine", "--json", program=AIRFLOW, **variables).stdout)
    assert (report["works"], report["signature"]) == (False, "taken")
    assert report["problem"].endswith("The role of the key has to allow list-dbaas-services.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "there is no Airflow connection 'mine'"),
        (connection(host="http://127.0.0.1:1"), "See whether http://127.0.0.1:1/v2 is right, and "),
        (connection(), "connection 'mine' lacks a zone (extra: zone), one of "),
    ],
)
def test_a_connection_that_cannot_be_used(given: str | None, said: str) -> None:
    """One sentence, no traceback, exit code 1."""
    shown = run(CHECK, "mine", **({} if given is None else {"AIRFLOW_CONN_MINE": given}))
    assert (shown.returncode, shown.stderr) == (1, "")
    last = shown.stdout.splitlines()[-1]
    assert last.startswith("It does not work: ")
    assert said in last
    assert "s3cr3t" not in shown.stdout


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(no_color: str, coloured: bool) -> None:
    """On a terminal, unless NO_COLOR says otherwise."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"NO_COLOR": no_color, "AIRFLOW_CONN_MINE": connection()}
    process = subprocess.Popen([*PROGRAM, CHECK, "mine"], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    assert process.wait(120) == 1
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "It does not work" in shown
    assert ("\x1b[31m" in shown) == coloured


def test_a_reader_that_has_gone() -> None:
    """No word about it."""
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as pipe:
        ended = subprocess.run([*PROGRAM, CHECK, "mine"], stdout=pipe, stderr=subprocess.PIPE, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_ctrl_c() -> None:
    """Ends a command without a word, with the code that shells give for it."""
    program = "import os, signal, sys; from airflow_dbaas.cli import commands\n"
    # What a shell starts in the background ignores it.
    program += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "sys.exit(commands.quietly(lambda: os.kill(os.getpid(), signal.SIGINT)))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, b"")


def test_completion(tmp_path: Path) -> None:
    """A shell is told the commands and their options."""
    answer = tmp_path / "answer"
    for line, word in (("airflow-dbaas em", "emulator"), ("airflow-dbaas check-connection --j", "--json")):
        variables = {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        subprocess.run([*PROGRAM], env=os.environ | variables, check=True, timeout=60)
        assert answer.read_text() == word
