"""One task to be executed, and how to see whether it did its work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from airflow.sdk import BaseOperator

from tests.soak.world import World


@dataclass
class Case:
    """One task.

    :param make: makes it; takes what all have in common.
    :param done: whether its work is done, by the emulator's truth, and its result says so.
    """

    make: Callable[..., BaseOperator]
    done: Callable[[dict[str, Any]], bool]


Prepare = Callable[[World], AbstractContextManager[Case]]
