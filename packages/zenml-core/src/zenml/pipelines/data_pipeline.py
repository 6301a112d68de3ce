"""DataPipeline: commits a datasource as a snapshot, and whatever else is done to the data."""

from __future__ import annotations

from typing import ClassVar

from zenml.pipelines.pipeline import Pipeline


class DataPipeline(Pipeline):
    """A pipeline for data alone; it needs a datasource."""

    KIND: ClassVar[str] = "DataPipeline"
