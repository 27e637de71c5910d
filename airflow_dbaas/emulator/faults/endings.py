"""Operations and tasks that fail or never end, whatever becomes of their work."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, NoReturn

from airflow_dbaas.emulator.faults.kinds import OPERATION, TASK
from airflow_dbaas.emulator.faults.rules import Faults, Request
from airflow_dbaas.emulator.operations import Operations, WorkFailed
from airflow_dbaas.emulator.tasks import Tasks


def decide(faults: Faults, request: Request, answer: dict[str, Any], operations: Operations, tasks: Tasks) -> None:
    """Decide how the operation, or task, ends that was begun just now.

    :param faults: the rules.
    :param request: what was asked for; its names are those of the path.
    :param answer: what is answered: the operation, if one was begun.
    :param operations: where the operation is.
    :param tasks: where the task is that the operation refers to, if there is one.
    """
    if "reference" not in answer:
        return
    operation = operations.get(answer["id"])
    if operation is not None and (rule := faults.draw(OPERATION, request)):
        operation.then = _for_ever if rule.kind == "operation-never-ends" else partial(_fail, rule.options)
    task = next(filter(None, (tasks.get(name, answer["reference"]["id"]) for name in request.names)), None)
    if task is not None and (rule := faults.draw(TASK, request)):
        task.then = _for_ever if rule.kind == "task-never-ends" else partial(_refuse, rule.options)


async def _for_ever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


async def _fail(options: dict[str, Any]) -> NoReturn:
    raise WorkFailed(options["reason"], options["message"], state=options["state"])


async def _refuse(options: dict[str, Any]) -> tuple[bool, str]:
    return False, options["result"]
