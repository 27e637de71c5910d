"""The process of a case: gets ready, then measures; a case for each line on its standard input that names one."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from benchmarks import frame


def main() -> None:
    """Run cases of the subject that the arguments name, until the input ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    subject, url = sys.argv[1:]
    # What libraries print goes where the errors go; the values have the output for themselves.
    values = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    ready: dict[str, Callable[[], frame.Values]] = {}
    for line in sys.stdin:
        case = line.strip()
        if case not in ready:
            ready[case] = frame.load(subject).prepare(case, url)
        print(json.dumps(dict(ready[case]())), file=values)


if __name__ == "__main__":
    main()
