"""``make bench``: it measures, and says what it has measured. What it finds is not judged here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import demo, report
from benchmarks.frame import SUBJECTS, Case, Quantity, Role, Subject, load

ROOT = Path(__file__).parents[2]


def test_a_run_prints_one_table() -> None:
    """Each case has a row for each thing that is measured, with the ratio of ours to it."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "call", "--rounds", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    rows = [re.split(r"  +", line.strip()) for line in run.stdout.splitlines() if "airflow-dbaas" in line]
    assert [row[0] for row in rows] == [f"A call: {each.title}" for each in load("call").SUBJECT.quantities]
    assert all(float(row[2].replace(",", "")) > 0 for row in rows)
    peers = [line for line in run.stdout.splitlines() if "Exoscale's SDK" in line]
    assert [bool(re.search(r" \d+\.\d\d\b", line)) for line in peers] == [True] * len(rows)


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_states_itself(name: str) -> None:
    """Without what it is measured beside: ours is among its cases, each case has one name."""
    subject = load(name).SUBJECT
    names = [case.name for case in subject.cases]
    assert len(set(names)) == len(names)
    assert Role.OURS in {case.role for case in subject.cases}
    assert subject.rounds >= 5


def test_a_goal_is_met_or_missed() -> None:
    """By the median of our rounds, in the quantity's unit and as a share of the best peer's."""
    subject = Subject(
        title="Work",
        quantities=(Quantity("ms", "ms", most=10, share=0.5),),
        cases=(Case("us", "us", Role.OURS), Case("slow", "slow", Role.PEER), Case("fast", "fast", Role.PEER)),
    )
    rounds = {"us": [{"ms": 9.0}, {"ms": 8.0}, {"ms": 99.0}], "slow": [{"ms": 100.0}], "fast": [{"ms": 12.0}]}
    rows = report.rows(subject, rounds)
    assert rows[0][2:] == ("9", "8 to 99", "", "at most 10: met; at most 0.5 of the best peer (0.75): missed")
    assert [(row[1], row[4]) for row in rows[1:]] == [("slow", "0.09"), ("fast", "0.75")]


def test_the_time_of_the_demo_is_given_to_one_phase_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's comes first, then PostgreSQL's: what a task does meanwhile delays nothing. Airflow's is what passes
    from a deferral until the wait starts.
    """
    states = [
        ("create", "queued", 0.0),
        ("create", "running", 1.0),
        ("create", "deferred", 3.0),
        ("create", "waiting", 4.0),
        ("create", "success", 7.5),
        ("stop", "running", 10.0),
        ("stop", "success", 12.0),
        ("link", "running", 12.0),
        ("link", "skipped", 12.25),
        ("wait", "running", 12.25),
        ("wait", "deferred", 13.0),
        ("wait", "waiting", 14.0),
        ("wait", "ended", 14.5),
        ("end", "success", 15.0),
    ]
    facts = {
        "changes": states,
        "empty": 0.5,
        "requests": [2.0, 10.75],
        "queries": [(10.8, 11.0), (11.8, 12.0)],
        "busy": [(1.0, False), (2.5, True), (7.0, False)],
    }
    for name, value in facts.items():
        monkeypatch.setattr(demo._Story, name, value, raising=False)
    # Created from 2 to 7, stopped within a second; 1 + 2.5 + 1 + 0.5 without a task; four begin.
    assert demo._parts() == pytest.approx((6.0, 0.2, 5.0, 1.75, 2.05), abs=0.1)
