"""TrainingPipeline: source data, make sequences of it where wished, split, preprocess, train, evaluate."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from zenml.pipelines.pipeline import Pipeline
from zenml.steps.base import Step

STAGES = ("data", "sequencer", "split", "preprocesser", "trainer", "evaluator", "deployer")
"""Ids of the standard steps, in the order of the data flow."""


class TrainingPipeline(Pipeline):
    """A pipeline that trains a model; it needs a datasource and a trainer.

    Standard steps may be added in any order. A step of your own runs after the standard step that was added before it.
    """

    KIND: ClassVar[str] = "TrainingPipeline"

    def add_sequencer(self, sequencer: Step) -> Self:
        """Add the step `sequencer`, which comes between the data and the split."""
        return self.add_step(sequencer, id="sequencer")

    def add_split(self, split: Step) -> Self:
        """Add the step `split`."""
        return self.add_step(split, id="split")

    def add_preprocesser(self, preprocesser: Step) -> Self:
        """Add the step `preprocesser`."""
        return self.add_step(preprocesser, id="preprocesser")

    def add_trainer(self, trainer: Step) -> Self:
        """Add the step `trainer`."""
        return self.add_step(trainer, id="trainer")

    def add_evaluator(self, evaluator: Step) -> Self:
        """Add the step `evaluator`."""
        return self.add_step(evaluator, id="evaluator")

    def get_hyperparameters(self) -> dict[str, Any]:
        """Return the trainer's config."""
        trainer = self.steps.get("trainer")
        return trainer.model_dump(mode="json") if trainer else {}

    def _ordered(self) -> list[tuple[str, Step]]:
        stage, ranks = -1, {}
        for step_id in self._steps:
            stage = STAGES.index(step_id) if step_id in STAGES else stage
            ranks[step_id] = (stage, step_id not in STAGES)
        return sorted(self._steps.items(), key=lambda item: ranks[item[0]])
