"""Bad values in the forms of the example DAGs: no run is made of them, or its first task fails in a sentence."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airflow_dbaas.task_groups.migrations import has_approval
from tests.unit.bad_input.forms import FIRST_TASKS, FORMS
from tests.unit.bad_input.tasks import CANARY
from tests.unit.conftest import DAGS

# What Airflow itself has to say of its own code.
pytestmark = pytest.mark.filterwarnings("default", "error:::airflow_dbaas")


@pytest.mark.parametrize(("dag_id", "parameter", "value", "text"), FORMS)
def test_a_value(dags: dict[str, Any], dag_id: str, parameter: str, value: Any, text: str) -> None:
    """Airflow's check of the DAG's parameters refuses it; below the sentence it shows schema and value."""
    params = copy.deepcopy(dags[dag_id].params)
    with pytest.raises(ValueError, match="Invalid input for param") as caught:
        params[parameter] = value
    first, _, rest = str(caught.value).partition("\n\n")
    assert first == f"Invalid input for param {parameter}: {text}"
    assert rest.startswith("Failed validating ")
    assert CANARY[:9] not in first


def test_every_parameter_is_in_the_table(dags: dict[str, Any]) -> None:
    """Of all five DAGs."""
    wanted = {(dag_id, parameter) for dag_id, dag in dags.items() for parameter in dag.params}
    tried = {(dag_id, parameter) for dag_id, parameter, _, _ in FORMS}
    assert len(dags) == len(list(DAGS.glob("*.py")))
    assert wanted == tried
    assert has_approval()


@pytest.mark.parametrize(("dag_id", "task_id", "form", "text"), FIRST_TASKS)
def test_a_first_task(dags: dict[str, Any], dag_id: str, task_id: str, form: dict[str, Any], text: str) -> None:
    """Values that are right one by one, but not together; or the file that one of them names."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared as a whole
        dags[dag_id].get_task(task_id).python_callable(params=form)
    assert str(caught.value) == text
