"""Metrics of predictions: mergeable outcomes, and a table of metrics by name that are computed on them."""

from __future__ import annotations

from zenml.data.metrics.measured import Measured
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.table import DEFAULTS, METRICS, Metric, find_metric

__all__ = ["DEFAULTS", "METRICS", "Measured", "Metric", "Outcomes", "find_metric"]
