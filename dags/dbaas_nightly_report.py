"""A nightly report about DBaaS services: their state, logs and metrics, with plots of CPU, memory and disk.

The report goes to the folder `path`, on the worker or in object storage (`s3://my_conn@bucket/dbaas`). With several
workers, use object storage. Each day has an `index.html` with its metrics and plots. The log of a service is one file,
which every run continues. The API key comes from the connection `exoscale_default`. Plots need
`pip install 'airflow-dbaas[report]'`; otherwise the report has none.

If the logs or metrics of a service cannot be read, the report contains the others, and the run fails and names the
service.
"""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_dbaas.hooks.dbaas import DbaasHook
from airflow_dbaas.operators.observability import DbaasServiceLogsOperator, DbaasServiceMetricsOperator

try:
    from airflow.sdk import DAG, Param, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models.param import Param
try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # before Airflow 3.2
    from airflow.exceptions import AirflowFailException

HOME = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
COLUMNS = [("log", "entries"), ("metrics", "rows")]
PLOTTED = {"cpu_usage": "CPU", "mem_usage": "memory", "disk_usage": "disk"}
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Databases, {{ day }}</title>
<style>body { font-family: sans-serif } td, th { padding: .3em .8em; text-align: left }</style>
<h1>Databases, {{ day }}</h1>
<p>{{ note }}
<table>
<tr><th>Service<th>Type<th>Plan<th>State<th>Integrations<th>Notifications<th>Log<th>Metrics
{% for it in services %}
<tr><td>{{ it.name }}<td>{{ it.type }}<td>{{ it.plan }}<td>{{ it.state }}<td>{{ it.integrations }}
<td>{{ it.notifications | join("; ") or "none" }}
<td>{% if it.entries is none %}not read
{% else %}<a href="../logs/{{ it.name }}.jsonl">{{ it.entries }} new</a>{% endif %}
<td>{% if it.rows is none %}not read
{% else %}<a href="{{ it.name }}.csv">{{ it.rows or "none yet" }}</a>{% endif %}
{% if it.plotted %}<tr><td colspan="8"><img src="{{ it.name }}.svg" alt="usage of {{ it.name }}">{% endif %}
{% endfor %}
</table>
</html>
"""


def storage_path(path: str) -> Any:
    """A path of Airflow's object storage."""
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2.11
        from airflow.io.path import ObjectStoragePath
    return ObjectStoragePath(path)


def plot(table: str) -> bytes | None:
    """A service's usage, from a table of metrics, as SVG; None if there is nothing to show yet."""
    from matplotlib.dates import ConciseDateFormatter
    from matplotlib.figure import Figure

    lines: dict[str, list[tuple[datetime, float]]] = {}
    for row in csv.DictReader(io.StringIO(table)):
        if row["metric"] in PLOTTED:
            points = lines.setdefault(f"{PLOTTED[row['metric']]}, {row['node']}", [])
            points.append((datetime.fromisoformat(row["time"]), float(row["value"] or "nan")))
    if not lines:
        return None
    figure = Figure(figsize=(9, 2.5), layout="constrained")
    axes = figure.subplots()
    for label, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker=".", markersize=3, label=label)
    axes.set(ylim=(0, 105), ylabel="%")
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    picture = io.BytesIO()
    figure.savefig(picture, format="svg")
    return picture.getvalue()


with DAG(
    "dbaas_nightly_report",
    schedule="30 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["dbaas", "report"],
    params={
        "path": Param(
            f"file://{HOME}/dbaas_report",
            type="string",
            pattern="^[a-z0-9]+://.+[^/]$",
            title="Folder",
            description="URL of Airflow's object storage, e.g. s3://my_conn@bucket/dbaas",
        ),
        "services": Param(
            [],
            type="array",
            items={"type": "string", "minLength": 1, "maxLength": 63},
            title="Services",
            description="All services of the zone by default",
        ),
        "period": Param(
            "day", type="string", enum=["hour", "day", "week", "month", "year"], title="Period that the metrics cover"
        ),
    },
):

    @task
    def list_services(params: dict[str, Any] | None = None, dag_run: Any = None) -> list[dict[str, Any]]:
        """The services to report on, and where their files go."""
        given = params or {}
        with DbaasHook().get_conn() as client:
            found = {service.name: service for service in client.services.list().in_zone}
        unknown = [name for name in given["services"] if name not in found]
        if unknown:
            raise AirflowFailException(
                f"there is no service {', '.join(unknown)}; there are {', '.join(sorted(found))}"
            )
        # A run by hand may have no interval; Airflow 2.11 has no run_after.
        day = f"{dag_run.data_interval_end or dag_run.run_after:%Y-%m-%d}"
        return [
            {
                "name": name,
                "type": found[name].type,
                "plan": found[name].plan,
                "state": found[name].state,
                "integrations": len(found[name].integrations),
                "notifications": [f"{each.level}: {each.message}" for each in found[name].notifications],
                "log_path": f"{given['path']}/logs/{name}.jsonl",
                "metrics_path": f"{given['path']}/{day}/{name}.csv",
            }
            for name in given["services"] or sorted(found)
        ]

    @task(trigger_rule="all_done", multiple_outputs=False)
    def write_report(services: Any, logs: Any, metrics: Any) -> dict[str, Any]:
        """The plots and the page; returns where it is and what could not be read."""
        if not services:
            raise AirflowFailException("there is no service to report on")
        import jinja2

        folder = storage_path(services[0]["metrics_path"]).parent
        folder.mkdir(parents=True, exist_ok=True)
        entries = {each["service"]: each["entries"] for each in logs or ()}
        rows = {each["service"]: each["rows"] for each in metrics or ()}
        note = ""
        for it in services:
            it |= {"entries": entries.get(it["name"]), "rows": rows.get(it["name"]), "plotted": False}
            if it["rows"]:
                try:
                    picture = plot((folder / f"{it['name']}.csv").read_text(encoding="utf-8"))
                except ImportError:
                    note = "Without plots: matplotlib is not installed (pip install 'airflow-dbaas[report]')."
                    continue
                if picture:
                    (folder / f"{it['name']}.svg").write_bytes(picture)
                    it["plotted"] = True
        page = jinja2.Environment(autoescape=True).from_string(PAGE)
        (folder / "index.html").write_text(page.render(services=services, day=folder.name, note=note), encoding="utf-8")
        missing = [f"the {what} of {it['name']}" for it in services for what, column in COLUMNS if it[column] is None]
        return {"path": f"{folder}/index.html", "note": note, "missing": missing}

    @task(retries=0)
    def check_complete(report: dict[str, Any]) -> None:
        """Fail the run if something could not be read: the report is there all the same."""
        if report["missing"]:
            raise AirflowFailException(f"not in {report['path']}, because unreadable: {', '.join(report['missing'])}")

    services = list_services()
    mapped = {"map_index_template": "{{ task.service_name }}"}
    logs = DbaasServiceLogsOperator.partial(task_id="save_logs", **mapped).expand_kwargs(
        services.map(lambda it: {"service_name": it["name"], "path": it["log_path"]})
    )
    metrics = DbaasServiceMetricsOperator.partial(
        task_id="save_metrics", period="{{ params.period }}", **mapped
    ).expand_kwargs(services.map(lambda it: {"service_name": it["name"], "path": it["metrics_path"]}))
    check_complete(write_report(services, logs.output, metrics.output))
