"""The processes of a run: one for the local server, one for each case."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from benchmarks.frame import Values

ROOT = Path(__file__).parent.parent

#: Seconds that one round of one case may take.
LONGEST_ROUND = 480.0

_CORES = sorted(os.sched_getaffinity(0))


class BenchmarkError(Exception):
    """A case cannot be measured."""


class Process:
    """A Python module in a process group of its own, with its output as a pipe; ended on leaving.

    :param arguments: the module and its arguments.
    :param core: the one it runs on; any, if None or if there is only one.
    :param home: folder for what Airflow keeps.
    """

    def __init__(self, *arguments: str, core: int | None, home: Path) -> None:
        self._name = " ".join(arguments)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=_environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        if core is not None and len(_CORES) > 1:
            os.sched_setaffinity(self._process.pid, {_CORES[core]})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        # Closes the pipes.
        self._process.communicate()
        self._errors.close()

    def line(self) -> str:
        """The next line of its output.

        :raises BenchmarkError: if it ends instead, or takes too long; with what it wrote last.
        """
        timer = threading.Timer(LONGEST_ROUND, self._process.terminate)
        timer.start()
        line = cast("IO[str]", self._process.stdout).readline()
        timer.cancel()
        if not line:
            self._errors.seek(0)
            raise BenchmarkError(f"{self._name} has failed:\n{self._errors.read()[-3000:].decode(errors='replace')}")
        return line

    def measure(self, case: str) -> Values:
        """One round of a case.

        :param case: name of the case.
        """
        with contextlib.suppress(BrokenPipeError):
            print(case, file=cast("IO[str]", self._process.stdin), flush=True)
        values: Values = json.loads(self.line())
        return values


@contextlib.contextmanager
def server(home: Path) -> Iterator[str]:
    """The local server on the last core; gives its URL."""
    with Process("benchmarks.server", core=-1, home=home) as process:
        yield f"http://127.0.0.1:{int(process.line())}"


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONHASHSEED": "0",
    }
