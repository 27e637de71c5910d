"""Parameters of operators of services that depend on each other."""

from __future__ import annotations

import pytest

from airflow_dbaas.operators.observability import DbaasServiceMetricsOperator


@pytest.mark.parametrize(("path", "format"), [("a.CSV", None), ("a.txt", "parquet"), ("{{ ds }}.txt", None)])
def test_a_format_is_known_from_the_suffix_or_given(path: str, format: str | None) -> None:  # noqa: A002
    """A templated path is looked at when it is rendered."""
    assert DbaasServiceMetricsOperator(task_id="t", service_name="db", path=path, format=format).path == path
