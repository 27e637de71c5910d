"""Packages whose names are looked up when they are used, so that importing one costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attributes(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A ``__getattr__`` for a package (PEP 562): the first use of a name imports the module that defines it.

    The package's ``__all__`` is set to the names, and ``dir`` shows them before they are used.

    :param package: ``__name__`` of the package.
    :param modules: for each module of the package, the names that the package offers from it.
    """
    home = {name: module for module, names in modules.items() for name in names}
    this = sys.modules[package]
    this.__dict__["__all__"] = sorted(home)
    this.__dict__["__dir__"] = lambda: sorted({*this.__dict__, *home})

    def look_up(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{home[name]}"), name)
        setattr(this, name, value)
        return value

    return look_up
