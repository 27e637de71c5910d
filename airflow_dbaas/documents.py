"""Files of YAML or JSON that users write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_dbaas.api.errors import DbaasConfigurationError


def read_document(path: Path) -> Any:
    """What a file says.

    :param path: the file: JSON if its name ends so, otherwise YAML.
    :raises DbaasConfigurationError: if it cannot be read, naming the line if its content is the reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DbaasConfigurationError(f"{path} cannot be read: {error}") from error
    import yaml

    try:
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        # Not the error's own words: it quotes the file.
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", "?")
        raise DbaasConfigurationError(f"{path} is not {kind}: see line {line}") from error
