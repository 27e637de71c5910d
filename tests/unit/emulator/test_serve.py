"""The emulator's own log."""

import logging

from airflow_dbaas.emulator.serve import OneLine


def record(**changes: object) -> logging.LogRecord:
    fields = {"name": "n", "level": logging.INFO, "pathname": "p", "lineno": 1, "exc_info": None}
    return logging.LogRecord(**fields | {"msg": "Database %s is gone", "args": ("a",)} | changes)


def test_a_message_is_one_line():
    """A name or a server's words that hold a line of a log stay within their own."""
    formatter = OneLine("%(levelname)s %(message)s")
    forged = "x\r\n2026-01-01 INFO forged\x1b[2J\u2028\x85é"
    said = formatter.format(record(args=(forged,)))
    assert said == r"INFO Database x\r\n2026-01-01 INFO forged\x1b[2J\u2028\x85é is gone"


def test_a_traceback_follows_as_it_is():
    """It is for people."""
    try:
        int("oh")
    except ValueError as error:
        failed = record(exc_info=(type(error), error, error.__traceback__))
    lines = OneLine("%(message)s").format(failed).splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        "Database a is gone",
        "Traceback (most recent call last):",
        "ValueError: invalid literal for int() with base 10: 'oh'",
    )
