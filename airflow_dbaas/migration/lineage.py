"""Migrations as OpenLineage sees them: databases of the source go in, databases of the service come out.

OpenLineage is not imported before its Airflow provider asks. Datasets are named as OpenLineage names those of
PostgreSQL and MySQL, as far as a migration knows them: namespace ``postgres://host:port`` or ``mysql://host:port``,
name of the database. The databases of a migration are known only at run time, so they come with the event that ends the
task, not with the one that starts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def of_migration(*, scheme: str, source: str, target: str, databases: Iterable[dict[str, Any]]) -> Any:
    """The lineage of a migration, as Airflow's OpenLineage provider takes it (``OperatorLineage``).

    :param scheme: the engine's, such as ``postgres``.
    :param source: host:port of the source.
    :param target: host:port of the service.
    :param databases: ``name`` of each database and, where they were counted, its ``rows``.
    """
    from airflow_dbaas._compat.lineage import InputDataset, OperatorLineage, OutputDataset, RowCount

    inputs, outputs = [], []
    for database in databases:
        rows = database.get("rows")
        facets = {} if rows is None else {"dataQualityMetrics": RowCount(columnMetrics={}, rowCount=rows)}
        inputs.append(InputDataset(namespace=f"{scheme}://{source}", name=database["name"], inputFacets=facets))
        outputs.append(OutputDataset(namespace=f"{scheme}://{target}", name=database["name"]))
    return OperatorLineage(inputs=inputs, outputs=outputs)


def nothing() -> Any:
    """The lineage of a task that has none (the provider warns about ``None``)."""
    from airflow_dbaas._compat.lineage import OperatorLineage

    return OperatorLineage()
