"""The command: runs the demo and leaves nothing behind, however it ends."""

import argparse
import os
import signal
import sys
import threading
import traceback

from airflow_dbaas.api.errors import DbaasError
from airflow_dbaas.emulator.postgres import ServerError
from demo.processes import DemoError, House
from demo.report import Report
from demo.run import Options, run
from demo.watchdog import tie_to_parent

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
THREAD_PATIENCE_S = 30.0
POLL_S = 0.1


def main() -> int:
    """Run the demo; 0 if everything arrived, 130 if it was interrupted, else 1."""
    options = _options()
    report = Report()
    # A handler may do next to nothing: it runs wherever the main thread happens to be, the clean-up included.
    received: list[int] = []
    outcome: list[bool] = []

    def work(house: House) -> None:
        # In a thread, so that no signal arrives between the start of a process and its registration.
        problem = ""
        try:
            outcome.append(run(house, report, options))
        except (DemoError, DbaasError, ServerError) as error:
            problem = str(error)
        except Exception:  # noqa: BLE001 - shown, and the clean-up goes on
            problem = traceback.format_exc()
        if problem and not received:
            report.block("the demo failed", problem)

    for number in SIGNALS:
        signal.signal(number, lambda number, _: received.append(number))
    # It ends with make, or with the test, that started it.
    tie_to_parent(signal.SIGTERM)
    house = House()
    worker = threading.Thread(target=work, args=(house,), name="demo")
    try:
        # This process needs the same clean environment as its children.
        os.environ.clear()
        os.environ.update(house.environment)
        worker.start()
        while worker.is_alive() and not received:
            worker.join(POLL_S)
    finally:
        interrupted = bool(received)
        if interrupted:
            report.line("stopping", "ending all processes")
        house.end_processes()
        worker.join(THREAD_PATIENCE_S)
        # Again, for processes that the thread was about to start.
        house.end_processes()
        house.sweep()
        # Python gives signals back their default while it ends; one more Ctrl-C would take the exit code away.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
    if house.folder.exists():
        report.line("stopping", f"{house.folder} could not be removed")
        return 1
    if interrupted and not (options.keep and outcome):
        return INTERRUPTED
    return 0 if outcome == [True] else 1


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="demo", description="Migrate two databases with a real Airflow.")
    parser.add_argument("--method", choices=("auto", "dump", "replication"), default="dump")
    parser.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    arguments = parser.parse_args()
    return Options(arguments.method, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
