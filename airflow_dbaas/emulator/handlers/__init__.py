"""What each operation does. To serve another one, write a function in a module here and name its operation id."""

from __future__ import annotations

import importlib
import pkgutil

from airflow_dbaas.emulator.handlers.registry import HANDLERS, Call, State

__all__ = ["HANDLERS", "Call", "State"]

# Importing a module registers what it serves, so a new subject is a new file and nothing else.
for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
