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

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
THREAD_PATIENCE_S = 30.0


def main() -> int:
    """Run the demo; 0 if everything arrived, 130 if it was interrupted, else 1."""
    options = _options()
    report = Report()
    over = threading.Event()
    interrupted = threading.Event()
    outcome: list[bool] = []

    def on_signal(*_: object) -> None:
        _ignore_signals()
        interrupted.set()
        over.set()

    def work(house: House) -> None:
        # In a thread, so that no signal gets between the start of a process and its entry in the house.
        try:
            outcome.append(run(house, report, options))
        except (DemoError, DbaasError, ServerError) as error:
            if not house.closing:
                report.block("the demo failed", str(error))
        except Exception:  # noqa: BLE001 - shown, and the clean-up goes on
            if not house.closing:
                report.block("the demo failed", traceback.format_exc())
        finally:
            over.set()

    for number in SIGNALS:
        signal.signal(number, on_signal)
    house = House()
    worker = threading.Thread(target=work, args=(house,), name="demo")
    try:
        # What this process itself does is as little to be led astray as its children.
        os.environ.clear()
        os.environ.update(house.environment)
        if not over.is_set():
            worker.start()
            over.wait()
    finally:
        _ignore_signals()
        if interrupted.is_set():
            report.line("stopping", "ending all processes")
        house.end_processes()
        if worker.ident is not None:
            worker.join(THREAD_PATIENCE_S)
        house.end_processes()
        house.sweep()
    if house.folder.exists():
        report.line("stopping", f"{house.folder} could not be removed", "error")
        return 1
    if options.keep and outcome:
        return 0 if outcome[0] else 1
    if interrupted.is_set():
        return INTERRUPTED
    return 0 if outcome == [True] else 1


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="demo", description="Migrate two databases with a real Airflow.")
    parser.add_argument("--method", choices=("auto", "dump", "replication"), default="dump")
    parser.add_argument("--keep", action="store_true", help="leave everything up until Ctrl-C")
    arguments = parser.parse_args()
    return Options(arguments.method, arguments.keep)


def _ignore_signals() -> None:
    """From here on only the clean-up counts; a second Ctrl-C must not leave it half done."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
