"""Files of YAML or JSON that users write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from airflow_dbaas.api.calls import shown
from airflow_dbaas.api.errors import DbaasConfigurationError

#: Longest file, in bytes: many thousands of services.
LARGEST = 1 << 20
#: Maximum number of values in a file: nested aliases can turn a few lines into millions.
MOST_VALUES = 100_000

_YAML_INT = "tag:yaml.org,2002:int"
_DECIMAL = re.compile(r"[+-]?(0|[1-9][0-9]*)")


def read_document(path: Path) -> Any:
    """The content of a file.

    :param path: the file: JSON if its name ends so, otherwise YAML; UTF-8, at most ``LARGEST`` bytes.
    :raises DbaasConfigurationError: if it cannot be read, or says something twice; with line and column if its content
        is the reason. Its content is not quoted.
    """
    text = _text(path)
    kind, load = ("JSON", _json) if path.suffix == ".json" else ("YAML", _yaml)
    try:
        return load(text)
    except _Problem as problem:
        raise DbaasConfigurationError(f"{path}{problem.place}: {problem}") from None
    except RecursionError:
        raise DbaasConfigurationError(f"{path} is nested too deep") from None
    except _Syntax as error:
        raise DbaasConfigurationError(f"{path} is not {kind}: see {error}") from None


class _Problem(Exception):
    """Something that is right by the rules of the format, but not for us."""

    def __init__(self, text: str, place: str = "") -> None:
        super().__init__(text)
        self.place = f", {place}" if place else ""


class _Syntax(Exception):
    """The place at which the rules of the format are broken."""


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            # Not a pipe either, which would keep its reader waiting.
            raise DbaasConfigurationError(
                f"{path} cannot be read: " + ("it is not a file" if path.exists() else "there is no such file")
            )
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise DbaasConfigurationError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise DbaasConfigurationError(f"{path} cannot be read: it has more than {LARGEST} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DbaasConfigurationError(f"{path} cannot be read: line {line} is not UTF-8") from None


def _place(line: int, column: int) -> str:
    return f"line {line}, column {column}"


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise _Problem(f"{shown(name)} is given twice in one mapping")
            found[name] = value
        return found

    def refuse(word: str) -> Any:
        raise _Problem(f"{word} is not a JSON value")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise _Syntax(_place(error.lineno, error.colno)) from None
    except ValueError:  # Python reads no integers of thousands of digits.
        raise _Problem("a number has too many digits") from None


def _yaml(text: str) -> Any:
    import yaml

    def place(mark: Any) -> str:
        return _place(mark.line + 1, mark.column + 1)

    def check(root: Any) -> None:
        """Refuse too many values, and duplicate keys, of which YAML would keep the last."""
        values, nodes = 0, [root]
        while nodes:
            node = nodes.pop()
            within = node.value if not isinstance(node, yaml.ScalarNode) else []
            values += len(within)
            if values > MOST_VALUES:
                raise _Problem(f"it comes to more than {MOST_VALUES} values, aliases being counted each time")
            if isinstance(node, yaml.MappingNode):
                seen = set()
                for key, _ in within:
                    if isinstance(key, yaml.ScalarNode) and key.value in seen:
                        raise _Problem(f"{shown(key.value)} is given twice in one mapping", place(key.start_mark))
                    seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
                within = [each for pair in within for each in pair]
            elif isinstance(node, yaml.ScalarNode) and node.tag == _YAML_INT and not _DECIMAL.fullmatch(node.value):
                # 007 would be 7, 010 would be 8, 1_000 would be 1000 and 1:30 would be 90.
                raise _Problem(
                    f"{shown(node.value)} would be read as another number; put it in quotes if it is a text",
                    place(node.start_mark),
                )
            nodes.extend(within)

    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        check(root)
        try:
            return loader.construct_document(root)
        except ValueError:
            raise _Problem("a date or a number in it does not exist; put it in quotes if it is a text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Syntax(place(mark) if mark else "its end") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        raise _Syntax(f"{_place(line, len(before) - before.rfind(chr(10)))} (a control character)") from None
    finally:
        loader.dispose()
