"""Commands of the documentation that are not run where they stand, and what runs them instead.

They take minutes, or the network, or a machine of their own. Those of ``make`` are asked by ``make -n`` all the same
what they would do, so that there is such a target.
"""

from __future__ import annotations

#: What a command begins with, and the test or script that does what it does.
ELSEWHERE = {
    "make api-diff": "tests/contract/test_api_diff.py",
    "make bench": "tests/unit/test_benchmarks.py",
    "make bench-fleet": "",  # takes an hour
    "make chaos": "tests/chaos/test_chaos.py",
    "make clean": "",  # removes the environment that the tests run in
    "make demo": "tests/e2e/test_demo.py",
    "make demo KEEP=1": "tests/e2e/test_interrupts.py",
    "make dist/wheel.stamp": "tests/matrix/test_wheel.py",
    "make docs": "tests/docs/test_site.py",
    "make fuzz": "tests/fuzz/test_schemathesis.py",
    "make lint": ".ci/run",
    "make matrix": "tests/matrix/test_matrix.py",
    "make screenshots": "tests/browser",
    "make secrets": "tests/unit/test_hunt.py",
    "make setup": ".ci/run",  # each target of make needs it
    "make soak": "tests/soak/test_soak.py",
    "make test": ".ci/run",
    # Tests within a test; all of them are run there.
    ".venv/bin/python -m pytest": ".ci/run",
    # They ask the network.
    "make audit": "",
    "make lock": "",
    # Airflow as a whole, with its pages.
    "airflow standalone": "tests/e2e/test_demo.py",
}


def elsewhere(command: str) -> str | None:
    """What runs a command instead; None if it is run here."""
    fitting = [begin for begin in ELSEWHERE if command == begin or command.startswith(f"{begin} ")]
    return ELSEWHERE[max(fitting, key=len)] if fitting else None
