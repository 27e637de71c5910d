"""How a log may end."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dbaas.api.logs import LogPager
from airflow_dbaas.api.observability import Observability, ServiceLogs

ENTRY = {"time": "2026-03-01T12:00:00.5Z", "node": "db-1", "unit": "postgresql", "message": "ready"}
OFFSET = "1772366400500000000"


@pytest.mark.fact("log-end")
@pytest.mark.parametrize("logs", [{"logs": None}, {"logs": []}, {}], ids=["null", "empty", "absent"])
@pytest.mark.parametrize(
    "offset",
    [{"offset": None}, {"offset": ""}, {}, {"offset": OFFSET, "first-log-offset": ""}],
    ids=["null", "empty", "absent", "unchanged"],
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_without_entries_is_the_end(order: Any, offset: dict[str, Any], logs: dict[str, Any]) -> None:
    """Whatever it says of its offset; and what is written later is found from the same place."""
    pager = LogPager("db", sort_order=order)
    first = ServiceLogs.model_validate({"offset": OFFSET, "first-log-offset": OFFSET, "logs": [ENTRY]})
    assert [entry.message for entry in pager.entries(first)] == ["ready"]
    asked = pager.call()
    assert asked is not None
    before = pager.position
    assert list(pager.entries(ServiceLogs.model_validate({**offset, **logs}))) == []
    assert pager.call() is None
    assert pager.position == before
    again = LogPager("db", sort_order=order, position=before).call()
    assert again is not None
    assert (again.path, again.body) == (asked.path, asked.body)


@pytest.mark.fact("log-end")
@pytest.mark.parametrize("offset", [{"offset": None}, {"offset": ""}, {}], ids=["null", "empty", "absent"])
def test_a_page_that_does_not_say_where_it_ends(offset: dict[str, Any]) -> None:
    """It is the last one: its entries are given out, and nothing is asked for ever."""
    pager = LogPager("db", limit=1)
    assert len(list(pager.entries(ServiceLogs.model_validate({**offset, "logs": [ENTRY]})))) == 1
    assert pager.call() is None


def test_a_log_that_is_empty_from_the_beginning() -> None:
    """The first page is the end, and the next look begins at the beginning."""
    pager = LogPager("db")
    assert pager.call() == Observability.logs.call(service_name="db", limit=500, sort_order="asc")
    assert list(pager.entries(ServiceLogs.model_validate({"logs": None, "offset": None}))) == []
    assert pager.call() is None
    assert pager.position == {"offset": None, "seen": []}
