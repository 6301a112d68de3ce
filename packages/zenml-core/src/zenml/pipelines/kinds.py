"""The kinds of pipeline by the name that a spec's `type` holds."""

from __future__ import annotations

from zenml.errors import SpecError, closest
from zenml.pipelines.data_pipeline import DataPipeline
from zenml.pipelines.pipeline import Pipeline
from zenml.pipelines.training_pipeline import TrainingPipeline

KINDS: dict[str, type[Pipeline]] = {kind.KIND: kind for kind in (Pipeline, TrainingPipeline, DataPipeline)}


def pipeline_kind(name: str) -> type[Pipeline]:
    """Return the class for a spec's `type`.

    Raises:
        SpecError: there is no such kind.
    """
    if name not in KINDS:
        raise SpecError(
            f"unknown kind of pipeline {name!r}", "type", closest(name, KINDS) or f"Known: {', '.join(KINDS)}"
        )
    return KINDS[name]
