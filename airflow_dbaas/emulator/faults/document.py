"""Rules from the command line: a file, or the rules themselves."""

from __future__ import annotations

from pathlib import Path

from airflow_dbaas.emulator.faults.rules import BadRules


def read(given: str) -> object:
    """The argument of ``--faults``, parsed but not checked.

    :param given: a file of YAML or JSON, or JSON itself, which begins with a brace.
    :raises BadRules: if it cannot be read.
    """
    import yaml

    inline = given.lstrip().startswith("{")
    try:
        return yaml.safe_load(given if inline else Path(given).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRules(f"{given} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "it" if inline else given
        raise BadRules(f"{place} is not YAML or JSON{f': see line {mark.line + 1}' if mark else ''}") from error
