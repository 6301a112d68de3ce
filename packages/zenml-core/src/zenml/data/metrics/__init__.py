"""Metrics of predictions: a table by name, computed from mergeable tallies (`zenml.data.metrics.tallies`)."""

from __future__ import annotations

from zenml.data.metrics.measured import Measured
from zenml.data.metrics.table import DEFAULTS, METRICS, Metric, find_metric

__all__ = ["DEFAULTS", "METRICS", "Measured", "Metric", "find_metric"]
