"""The evaluation page: how good a model is, where it fails, and how it compares with the best before it."""

from __future__ import annotations

from zenml.reports.evaluation.measured import MeasuredModel, has_measures, measured_model
from zenml.reports.evaluation.page import EvaluationPage, evaluation_page

__all__ = ["EvaluationPage", "MeasuredModel", "evaluation_page", "has_measures", "measured_model"]
