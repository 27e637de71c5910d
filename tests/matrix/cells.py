"""Which Airflows are tried, and with which Python each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CONSTRAINTS = Path(__file__).parent / "constraints"


@dataclass(frozen=True)
class Cell:
    """One Airflow with one Python.

    :param airflow: version of Airflow.
    :param python: version of Python, two numbers.
    :param where: who runs that, for the table.
    """

    airflow: str
    python: str
    where: str

    def __str__(self) -> str:
        return f"Airflow {self.airflow}, Python {self.python}"

    @property
    def version(self) -> tuple[int, ...]:
        """Airflow's version, to compare it with others."""
        return tuple(int(part) for part in self.airflow.split("."))

    @property
    def constraints(self) -> Path | None:
        """The pins of the managed Airflow, or None where the newest of everything is installed."""
        file = CONSTRAINTS / f"airflow-{self.airflow}.txt"
        return file if file.exists() else None


# Each managed Airflow with its own Python. Airflow supports Python 3.13 from 3.1 on.
CELLS = (
    Cell("2.11.0", "3.12", "MWAA"),
    Cell("2.11.2", "3.12", "MWAA"),
    Cell("3.0.6", "3.12", "MWAA"),
    Cell("3.1.8", "3.11", "Composer 3"),
    Cell("3.2.1", "3.12", "MWAA"),
    Cell("3.3.1", "3.12", "MWAA"),
    Cell("3.3.2", "3.11", "newest"),
    Cell("3.3.2", "3.12", "newest"),
    Cell("3.3.2", "3.13", "newest"),
)


def choose(only: str | None) -> list[Cell]:
    """The cells of one version, or all.

    :param only: a version of Airflow such as ``3.0.6``, or with the Python's behind a slash: ``3.3.2/3.13``.
    :raises LookupError: if there is none.
    """
    airflow, _, python = (only or "").partition("/")
    found = [cell for cell in CELLS if airflow in {"", cell.airflow} and python in {"", cell.python}]
    if not found:
        known = ", ".join(dict.fromkeys(cell.airflow for cell in CELLS))
        raise LookupError(f"no Airflow {only} in the matrix; there are {known}")
    return found
