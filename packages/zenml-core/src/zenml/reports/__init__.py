"""Reports: self-contained HTML pages that need no network."""

from __future__ import annotations

from zenml.reports.comparison import Comparison
from zenml.reports.page import Page
from zenml.reports.statistics_page import statistics_page

__all__ = ["Comparison", "Page", "statistics_page"]
