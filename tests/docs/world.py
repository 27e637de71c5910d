"""Where the commands of one page are run: a folder, an environment, an Airflow, and what was started and must end."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import AIRFLOW_HOME
from tests.docs.blocks import ROOT, Command
from tests.docs.elsewhere import elsewhere

STOP_SECONDS = 60
RUN_SECONDS = 120


class World:
    """The world of one page.

    :param folder: the current folder; has a copy of ``dags``.
    :param patch: undoes at the end what is done to the environment.
    :param stack: ends at the end what was started.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.folder = folder
        self.output = ""
        self._patch = patch
        self._stack = stack
        for place in (folder, AIRFLOW_HOME):
            shutil.copytree(ROOT / "dags", place / "dags", dirs_exist_ok=True)

    def run(self, command: Command) -> None:
        """Run a command as a reader would; an unexpected exit code is an error."""
        words = [os.path.expandvars(word) for word in command.words]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in command.variables.items():
                patch.setenv(name, os.path.expandvars(value))
            code, output = self._runner(words)(words, command.background)
        self.output += output
        assert (code != 0) == command.fails, f"exit code {code}: {command}\n{output}"

    def _runner(self, words: list[str]) -> Callable[[list[str], bool], tuple[int, str]]:
        if words[0] != "make" and elsewhere(shlex.join(words)) is not None:
            return lambda words, background: (0, "")
        return {
            "airflow": self._airflow,
            "airflow-dbaas": self._airflow_dbaas,
            "cp": self._program,
            "eval": self._eval,
            "export": self._export,
            "make": self._make,
            "mkdir": self._program,
            "pip": self._pip,
            "pytest": self._pytest,
        }[words[0]]

    def _export(self, words: list[str], background: bool) -> tuple[int, str]:
        for word in words[1:]:
            name, _, value = word.partition("=")
            self._patch.setenv(name, value)
        return 0, ""

    def _eval(self, words: list[str], background: bool) -> tuple[int, str]:
        """Lines for the shell from a command, ``eval "$(…)"``: here, of the emulator in the background."""
        command = shlex.split(words[1].removeprefix("$(").removesuffix(")"))
        assert command[:2] == ["airflow-dbaas", "emulator"]
        program = [sys.executable, "-m", "airflow_dbaas.cli", "emulator"]
        self._patch.setenv("XDG_STATE_HOME", str(self.folder / "state"))
        self._stack.callback(self._program, [*program, "--stop"], background=False)
        done = subprocess.run(
            [*program, *command[2:], "--port", "0"], cwd=self.folder, capture_output=True, text=True, check=False
        )
        for line in done.stdout.splitlines():
            self._export(shlex.split(line), background=False)
        return done.returncode, done.stdout + done.stderr

    def _program(self, words: list[str], background: bool) -> tuple[int, str]:
        done = subprocess.run(words, cwd=self.folder, stdout=-1, stderr=-2, text=True, check=False, timeout=RUN_SECONDS)
        return done.returncode, done.stdout

    def _airflow(self, words: list[str], background: bool) -> tuple[int, str]:
        """Airflow's own command line; in this process, where Airflow is imported already."""
        from airflow.cli import cli_parser

        written = io.StringIO()
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            try:
                arguments = cli_parser.get_parser().parse_args(words[1:])
                arguments.func(arguments)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
                written.write("" if isinstance(end.code, int) else f"{end.code}\n")
        return code, written.getvalue()

    def _airflow_dbaas(self, words: list[str], background: bool) -> tuple[int, str]:
        command = [sys.executable, "-c", "import sys; from airflow_dbaas.cli import main; sys.exit(main())", *words[1:]]
        if words[1:2] != ["emulator"] or {"--help", "--stop"} & set(words):
            return self._program(command, background)
        # A free port, and what it is told to export.
        process = subprocess.Popen(
            [*command, "--port", "0"], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._stack.callback(self._end, process)
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if "--json" in words and line.startswith("{"):
                return 0, output
            if line.startswith("export "):
                self._export(shlex.split(line), background=False)
            if "AIRFLOW_CONN_DEMO_SOURCE" in line or ("EXOSCALE_DEFAULT" in line and "--seed-demo" not in words):
                return 0, output
        return process.wait(STOP_SECONDS) or 1, output

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        if process.poll() is not None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        finally:
            process.kill()

    def _make(self, words: list[str], background: bool) -> tuple[int, str]:
        """Whether there is such a target, and one could begin; ``elsewhere`` says what does it."""
        if elsewhere(shlex.join(words)) is None:
            return 1, f"tests/docs/elsewhere.py does not say what runs {shlex.join(words)}"
        return self._program(["make", "-n", "-C", str(ROOT), *words[1:]], background)

    def _pip(self, words: list[str], background: bool) -> tuple[int, str]:
        """What pip is asked for is there already, with all that it needs: nothing would be installed."""
        if words[1] != "install":
            return 1, f"unknown: {shlex.join(words)}"
        done, output = self._program(
            [sys.executable, "-m", "uv", "pip", *words[1:], "--dry-run", "--offline", "--python", sys.executable],
            background,
        )
        return done or int("Would install" in output), output

    def _pytest(self, words: list[str], background: bool) -> tuple[int, str]:
        return self._program([sys.executable, "-m", *words, "-p", "no:cacheprovider"], background)

    def write(self, name: str, text: str) -> Path:
        """Write a file that a page shows; one of ``dags`` goes to Airflow's folder of DAGs as well."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.parent != self.folder / "dags":
            return path
        copied = Path(shutil.copy(path, AIRFLOW_HOME / "dags"))
        # Other pages, and other tests, have DAGs of the same name.
        self._stack.callback(copied.unlink, missing_ok=True)
        return copied
