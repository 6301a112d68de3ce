"""Reports: self-contained HTML pages that need no network."""

from __future__ import annotations

from zenml.reports.page import Page
from zenml.reports.statistics_page import statistics_page

__all__ = ["Page", "statistics_page"]
