"""Pipelines: objects that build a spec, and run it."""

from __future__ import annotations

from zenml.pipelines.data_pipeline import DataPipeline
from zenml.pipelines.pipeline import Pipeline
from zenml.pipelines.training_pipeline import TrainingPipeline

__all__ = ["DataPipeline", "Pipeline", "TrainingPipeline"]
