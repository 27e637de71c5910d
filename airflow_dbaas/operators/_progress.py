"""How far a task has come: what Airflow stores while it is deferred, and from where it goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from airflow_dbaas.api.errors import DbaasResumeError

#: Version of what is stored. Raise it when a step or a field changes its meaning: tasks that were stored under another
#: version fail with a sentence, and their retries find what they had started. A new field with a default needs no new
#: version.
VERSION = 1


class Step(StrEnum):
    """What a task waits for, or has waited for, in the order in which it does; docs/explanation/waits.md has them, too.

    An operator waits for some of them only.
    """

    #: Nothing yet.
    START = "start"
    #: Whether a migration that is shown as failed recovers.
    RECOVERY = "recovery"
    #: What must be over before the operator's own request can be sent.
    PREPARATION = "preparation"
    #: The operation that the request has started.
    OPERATION = "operation"
    #: What the operation brings about: a service that runs, data that is copied.
    OUTCOME = "outcome"


@dataclass
class Progress:
    """How far a task has come. Operators that need more than this to go on have a subclass; all fields are plain JSON
    without secrets.

    :param step: what it waits for, or has waited for last.
    :param result: the result of that wait; not stored, the trigger's event has it.
    :param seen: what the task is about, as its result shows it: as it was found, or as it was asked for.
    :param operation_id: the operation that its request has started.
    :param deadline: Unix time at which its waits are over; None before the first one.
    :param limit: which limit that is, ``timeout`` or ``execution_timeout``.
    :param listed_zone: the zone that its service was listed in.
    """

    step: Step = Step.START
    result: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    operation_id: str | None = None
    deadline: float | None = None
    limit: str = "timeout"
    listed_zone: str | None = None

    def before(self, step: Step) -> bool:
        """Whether the task has yet to wait for ``step``."""
        order = list(Step)
        return order.index(self.step) < order.index(step)

    def dump(self) -> dict[str, Any]:
        """What is stored, as plain JSON."""
        stored = asdict(self)
        del stored["result"]
        return {"version": VERSION, **stored, "step": self.step.value}

    @classmethod
    def load(cls, stored: Any, result: dict[str, Any]) -> Self:
        """What was stored, with the result of the wait that is over.

        :raises DbaasResumeError: if another version of this package has stored it.
        """
        found = stored if isinstance(stored, dict) else {}
        version, step = found.get("version"), found.get("step")
        if version != VERSION or step not in list(Step):
            raise DbaasResumeError(
                "this task was deferred by another version of airflow-dbaas, which stored its state in another form "
                f"(version {version or 'unknown'}, step {step or 'unknown'}; this one reads version {VERSION}). A "
                "retry begins again and finds what the task has started; without retries left, clear the task"
            )
        known = {each.name for each in fields(cls)} - {"result", "step"}
        return cls(step=Step(step), result=result, **{name: found[name] for name in known & found.keys()})
