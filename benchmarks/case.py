"""The process of one case: gets ready, then measures once for each line on its standard input."""

from __future__ import annotations

import json
import os
import signal
import sys

from benchmarks import frame


def main() -> None:
    """Run the case that the arguments name, until the input ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    subject, case, url = sys.argv[1:]
    # What libraries print goes where the errors go; the values have the output for themselves.
    values = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    measure = frame.load(subject).prepare(case, url)
    for _ in sys.stdin:
        print(json.dumps(dict(measure())), file=values)


if __name__ == "__main__":
    main()
