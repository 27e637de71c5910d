"""Metrics as series."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_dbaas.api.observability import MetricPoint, MetricSeries, ServiceMetrics

CPU = {
    "data": {
        "cols": [
            {"label": "time", "type": "date"},
            {"label": "db-1 (master)", "type": "number"},
            {"label": "db-2 (standby)", "type": "number"},
        ],
        "rows": [["2021-09-14T13:44:00Z", 46.5, None], ["2021-09-14T13:44:30Z", 47, 1.5]],
    },
    "hints": {"title": "CPU usage %"},
}
FIRST = datetime(2021, 9, 14, 13, 44, tzinfo=UTC)
SECOND = datetime(2021, 9, 14, 13, 44, 30, tzinfo=UTC)


@pytest.mark.fact("metrics-shape", "metrics-gaps")
def test_series() -> None:
    """A metric is a series with a title, a unit if it is known, and points node by node; null is a gap."""
    answer = ServiceMetrics(metrics={"cpu_usage": CPU})
    assert answer.series == [
        MetricSeries(
            "cpu_usage",
            "CPU usage %",
            "%",
            {
                "db-1 (master)": [MetricPoint(FIRST, 46.5), MetricPoint(SECOND, 47.0)],
                "db-2 (standby)": [MetricPoint(FIRST, None), MetricPoint(SECOND, 1.5)],
            },
        )
    ]


@pytest.mark.fact("metrics-shape")
def test_units_are_not_made_up() -> None:
    """The API gives no unit; only a title that ends with one tells it."""
    load = {"data": CPU["data"], "hints": {"title": "Load average (5 min)"}}
    assert ServiceMetrics(metrics={"load_average": load}).series[0].unit is None


@pytest.mark.fact("metrics-young")
@pytest.mark.parametrize("metrics", [None, {}])
def test_young_services_have_none(metrics: dict[str, Any] | None) -> None:
    """No metrics yet is an empty list."""
    assert ServiceMetrics(metrics=metrics).series == []


@pytest.mark.parametrize(
    "metric",
    [
        {},
        None,
        {"data": None, "hints": None},
        {"data": {"cols": None, "rows": None}},
        {"data": {"cols": [{"label": "time"}], "rows": [["2021-09-14T13:44:00Z"]]}, "hints": {}},
        {"data": {"cols": [], "rows": [[], None, ["2021-09-14T13:44:00Z", 1]]}},
    ],
)
def test_what_is_missing_is_left_out(metric: Any) -> None:
    """A metric without hints, data, nodes or rows is a series without points, called by its name."""
    assert ServiceMetrics(metrics={"new_one": metric}).series == [MetricSeries("new_one", "new_one", None, {})]


def test_unreadable_rows_and_values() -> None:
    """A row without a readable time is left out; a value that is no number is a gap; a short row is a short row."""
    data = {
        "cols": CPU["data"]["cols"],
        "rows": [["soon", 1, 2], [None, 1, 2], ["2021-09-14T13:44:00Z", "many", True], ["2021-09-14T13:44:30Z", 3]],
    }
    (series,) = ServiceMetrics(metrics={"x": {"data": data}}).series
    assert series.nodes == {
        "db-1 (master)": [MetricPoint(FIRST, None), MetricPoint(SECOND, 3.0)],
        "db-2 (standby)": [MetricPoint(FIRST, None)],
    }


@pytest.mark.parametrize(
    ("time", "micros"),
    [
        ("2021-09-14T13:44:00Z", 0),
        ("2021-09-14T13:44:00.5Z", 500_000),
        ("2021-09-14T13:44:00.123456789Z", 123_456),
        ("2021-09-14T15:44:00+02:00", 0),
        ("2021-09-14T13:44:00", 0),
    ],
)
def test_times_of_any_precision(time: str, micros: int) -> None:
    """A time may have up to nine digits of a second, and an offset; what is finer than a microsecond is cut off."""
    data = {"cols": CPU["data"]["cols"][:2], "rows": [[time, 2**53]]}
    (series,) = ServiceMetrics(metrics={"x": {"data": data}}).series
    assert series.nodes["db-1 (master)"] == [MetricPoint(FIRST.replace(microsecond=micros), float(2**53))]


@pytest.mark.parametrize("number", [10**400, float("inf"), float("nan")])
def test_numbers_beyond_a_float(number: float) -> None:
    """A number that no float can hold is a gap, not an error."""
    data = {"cols": CPU["data"]["cols"][:2], "rows": [["2021-09-14T13:44:00Z", number]]}
    (series,) = ServiceMetrics(metrics={"x": {"data": data}}).series
    assert series.nodes["db-1 (master)"] == [MetricPoint(FIRST, None)]


def test_metrics_of_another_form() -> None:
    """Metrics that are no mapping are none."""
    assert ServiceMetrics.model_validate({"metrics": [CPU]}).series == []
