"""Runs in a cell's environment: imports this package and the DAGs, and says what that came to, as JSON.

Arguments: the folder of the DAGs, the file to write.
"""

import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

# They speak when they are first imported, whoever does it.
import airflow.models
import airflow.settings
import airflow.triggers.base
import alembic.runtime.environment  # noqa: F401

try:
    from airflow.sdk import DAG, Param, task
except ImportError:  # 2.11
    from airflow.decorators import task
    from airflow.models.dag import DAG
    from airflow.models.param import Param

#: What only runs with something else installed.
EXTRAS = ("airflow_dbaas.emulator", "airflow_dbaas.testing", "airflow_dbaas._compat.lineage")
#: What is there to be copied.
DATA = "airflow_dbaas.example_dags"
#: What is imported by a later Airflow only: the first that does.
LATER = {
    "airflow_dbaas._compat.approval": (3, 1),
    "airflow_dbaas._compat.server": (3, 1),
    "airflow_dbaas.plugin.": (3, 1),
    "airflow_dbaas._compat.commands": (3, 2),
    "airflow_dbaas.cli.definition": (3, 2),
}
#: Frames between the one who warns and the one who is meant.
PASSED_ON = ("<frozen importlib", "importlib", "warnings.py", "deprecation_tools.py", "typing_extensions.py")


class Watch:
    """Collects the warnings that are about this package's code."""

    def __init__(self, ours):
        self.ours = tuple(str(folder) for folder in ours)
        self.found = []

    def __enter__(self):
        self._kept = warnings.showwarning, warnings.filters[:]
        warnings.showwarning = self._show
        warnings.simplefilter("always")
        return self

    def __exit__(self, *_):
        warnings.showwarning, warnings.filters[:] = self._kept

    def _show(self, message, category, filename, lineno, file=None, line=None):
        frames = [frame.filename for frame in reversed(traceback.extract_stack()[:-1]) if self._counts(frame)]
        # The one who warns does not count, but who made it warn.
        cause = next((frame for frame in frames if frame != filename), "")
        if filename.startswith(self.ours) or cause.startswith(self.ours):
            self.found.append(f"{category.__name__}: {message} ({filename}:{lineno})")

    @staticmethod
    def _counts(frame):
        return frame.name != "__getattr__" and not any(part in frame.filename for part in PASSED_ON)


def modules():
    """Every module of the package that has to be importable here."""
    import airflow_dbaas

    root = Path(airflow_dbaas.__file__).parents[1]
    files = sorted(file for file in Path(airflow_dbaas.__file__).parent.rglob("*.py") if file.stem != "__main__")
    names = [".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in files]
    version = tuple(int(part) for part in airflow.__version__.split("."))
    without = (*EXTRAS, DATA, *(name for name, first in LATER.items() if version < first))
    return [name for name in names if not name.startswith(without)]


def printed_while(work):
    """What a function printed, or what it started did."""
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            work()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            file.seek(0)
            printed = file.read().decode(errors="replace")
            print(printed, end="", file=sys.stderr)
        return printed


def dag_bag(folder):
    """Airflow's own loading of a folder of DAGs."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before 3.2
        from airflow.models.dagbag import DagBag
    return DagBag(folder)


def any_dag():
    """A DAG without this package: what Airflow says for itself with the first of them is said then."""
    with DAG("any", params={"one": Param(1, type="integer")}):
        task(task_id="nothing")(any_dag)()


def main(dags, out):
    """Import it all."""
    any_dag()
    import airflow_dbaas

    home = Path(airflow_dbaas.__file__).parent

    def work():
        for name in modules():
            importlib.import_module(name)
        for file in sorted(dags.glob("*.py")):
            runpy.run_path(str(file))

    with Watch([home, dags]) as watch:
        printed = printed_while(work)
    bag = dag_bag(dags)
    out.write_text(
        json.dumps(
            {
                "from": str(home),
                "modules": len(modules()),
                "dags": sorted(bag.dags),
                "errors": {Path(file).name: text for file, text in bag.import_errors.items()},
                "warnings": sorted(set(watch.found)),
                "printed": printed,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
