"""What of the package needs a later Airflow than the oldest, and what happens before that, as the docs say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.matrix.cells import Cell

LINKS = ["DbaasMigrationLink", "DbaasServiceLink"]


@dataclass(frozen=True)
class Feature:
    """Something that not every Airflow has.

    :param key: what the trial calls it.
    :param title: what the docs call it.
    :param lacking: the versions (two numbers) that lack it.
    :param instead: what is there instead, for the docs.
    :param refusal: the whole message that whoever asks for it there gets, with ``{airflow}`` for the version; nothing
        if it is merely absent.
    """

    key: str
    title: str
    lacking: tuple[tuple[int, int], ...]
    instead: str
    refusal: str = ""

    def there(self, cell: Cell) -> bool:
        """Whether this cell's Airflow has it."""
        return cell.version[:2] not in self.lacking

    def expected(self, cell: Cell) -> object:
        """What the trial has to find."""
        if self.there(cell):
            return True
        return self.refusal.format(airflow=cell.airflow) if self.refusal else False


BEFORE_3_1 = ((2, 11), (3, 0))
BEFORE_3_2 = (*BEFORE_3_1, (3, 1))
BEFORE_3_3 = (*BEFORE_3_2, (3, 2))

FEATURES = (
    Feature("form", "Connection form with named fields", ((3, 0),), "extra as JSON, unless FAB is installed"),
    Feature("assets", "Asset events of migrated databases", (), ""),
    Feature(
        "approval",
        "Approval before the cut-over",
        BEFORE_3_1,
        "refused when the DAG is parsed",
        "approve_cut_over needs Airflow 3.1 or later, which can ask for approval; this is {airflow}",
    ),
    Feature("page", "Page in Airflow", BEFORE_3_1, "absent"),
    Feature("commands", "`airflow dbaas …`", BEFORE_3_2, "absent; use `airflow-dbaas …`"),
    Feature(
        "retry_policy",
        "`dbaas_retry_policy`",
        BEFORE_3_3,
        "refused when the DAG is parsed",
        "dbaas_retry_policy needs Airflow 3.3 or later; before that, set the tasks' retries and retry_delay",
    ),
    Feature("no_worker", "Sensors without a worker", BEFORE_3_3, "start on a worker, then are deferred"),
    Feature("task_state", "A retry knows what earlier tries did", BEFORE_3_3, "it checks what exists"),
    Feature("on_kill", "A deferred task that is killed can cancel", BEFORE_3_3, "the remote work continues"),
)


def wrong(found: Mapping[str, Any], cell: Cell) -> str:
    """What a cell found that is not as documented; empty if all is."""
    return "\n".join(
        f"{feature.title}: {found.get(feature.key)!r}, should be {feature.expected(cell)!r}"
        for feature in FEATURES
        if found.get(feature.key, False) != feature.expected(cell)
    )
