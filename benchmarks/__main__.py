"""``make bench``: runs the subjects, each case in a process of its own, and prints one table."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import frame, processes, report
from benchmarks.frame import Values


def main() -> int:
    """Run it; 0 if all was measured, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, beside others.")
    parser.add_argument("--only", choices=frame.SUBJECTS, help="this subject alone")
    parser.add_argument("--rounds", type=int, help="how many rounds, instead of the subject's own number")
    parser.add_argument("--update", action="store_true", help="write the table into benchmarks/RESULTS.md")
    options = parser.parse_args()
    if options.update and (options.only or options.rounds):
        parser.error("--update takes the table of a whole run")
    # Ended from outside, it cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    table: list[tuple[str, ...]] = []
    failed = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        for name in [options.only] if options.only else frame.SUBJECTS:
            subject = frame.load(name).SUBJECT
            try:
                table += report.rows(subject, measure(name, Path(home), options.rounds or subject.rounds))
            except processes.BenchmarkError as error:
                failed.append(name)
                print(f"\n{error}")
    print(f"\n{report.text(table)}\n\n{report.machine()} {time.monotonic() - began:.0f} s.")
    if failed:
        print(f"Not measured: {', '.join(failed)}")
        return 1
    if options.update:
        report.update(table)
    return 0


def measure(name: str, home: Path, rounds: int) -> dict[str, list[Values]]:
    """All rounds of a subject.

    :param name: name of the subject.
    :param home: folder for what Airflow keeps.
    :param rounds: how many there are.
    """
    subject = frame.load(name).SUBJECT
    cases = [case.name for case in subject.cases]
    found: dict[str, list[Values]] = {case: [] for case in cases}
    print(f"{name}: {len(cases)} cases, {rounds} rounds ", end="", flush=True)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(processes.server(home))

        def start() -> processes.Process:
            return processes.Process("benchmarks.case", name, url, core=0 if subject.pinned else None, home=home)

        waiting: dict[str, processes.Process] = {}
        if not subject.fresh:
            for case in cases:
                shared = subject.together and waiting
                waiting[case] = waiting[cases[0]] if shared else stack.enter_context(start())
                waiting[case].measure(case)
                print("-", end="", flush=True)
        for number in range(rounds):
            # Whoever comes first or last in one round does not in the next.
            shift = number % len(cases)
            for case in cases[shift:] + cases[:shift]:
                with contextlib.nullcontext(waiting[case]) if waiting else start() as process:
                    found[case].append(process.measure(case))
            print(".", end="", flush=True)
    print()
    return found


if __name__ == "__main__":
    sys.exit(main())
