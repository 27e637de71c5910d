"""What Airflow's OpenLineage provider takes. Imported only by what that provider calls, so it is installed then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    InputDataset: Any
    OutputDataset: Any
    OperatorLineage: Any
    RowCount: Any
else:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import data_quality_metrics_input_dataset

    RowCount = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet

__all__ = ["InputDataset", "OperatorLineage", "OutputDataset", "RowCount"]
