"""Preprocesser: the base of the steps that turn raw columns into what a model reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from zenml.artifacts.types import Artifact, Examples, Transform, TransformedExamples
from zenml.errors import Problem
from zenml.steps.base import Inputs, Step

TRAIN = "train"
"""The split that everything is learned from."""


class Preprocesser(Step):
    """Base of all preprocessers: learns a transform from the split `train` and applies it to every split.

    `run` saves a fitted `zenml.data.transforms.Transform` in the output `transform`, and writes what it makes of each
    split as `<split>/shard-00000.arrow` and so on in the output `examples`.
    """

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}
    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"transform": Transform, "examples": TransformedExamples}

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find whether the data have a split to learn from."""
        producer = inputs.get("examples")
        names = producer.split_names() if producer is not None else None
        if names is not None and TRAIN not in names:
            mend = f"The splits are: {', '.join(names)}; add a split step that gives {TRAIN}"
            yield Problem(f"there is no split named {TRAIN} to learn from", type(self).__name__, mend)
