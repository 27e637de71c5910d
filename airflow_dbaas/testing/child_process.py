"""``python -m airflow_dbaas.testing.child_process`` is ``airflow-dbaas`` that ends with its parent process.

Its standard input is a pipe from its parent. When the pipe closes, the parent has ended or was killed.
"""

import os
import signal
import sys
import threading

from airflow_dbaas.cli import main


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.exit(main())
