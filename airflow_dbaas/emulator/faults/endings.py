"""Operations and tasks that fail or never end, independent of their work."""

from __future__ import annotations

from typing import Any

from airflow_dbaas.emulator.faults.kinds import OPERATION, TASK
from airflow_dbaas.emulator.faults.rules import Faults, Request
from airflow_dbaas.emulator.operations import Ending, Operations
from airflow_dbaas.emulator.tasks import Tasks, Verdict


def decide(faults: Faults, request: Request, answer: dict[str, Any], operations: Operations, tasks: Tasks) -> None:
    """Decide how the operation, or task, ends that was begun just now.

    :param faults: the rules.
    :param request: the request; its names are those of the path.
    :param answer: the answer: the operation, if one was started.
    :param operations: where the operation is.
    :param tasks: where the task is that the operation refers to, if there is one.
    """
    if "reference" not in answer:
        return
    operation = operations.get(answer["id"])
    if operation is not None and (rule := faults.draw(OPERATION, request)):
        never = rule.kind == "operation-never-ends"
        operation.ending = Ending("pending") if never else Ending(**rule.options)
    task = next(filter(None, (tasks.get(name, answer["reference"]["id"]) for name in request.names)), None)
    if task is not None and (rule := faults.draw(TASK, request)):
        task.verdict = Verdict(never=True) if rule.kind == "task-never-ends" else Verdict(rule.options["result"])
