"""TFMAEvaluator: the evaluator under the name that it had in ZenML 0.3."""

from __future__ import annotations

from zenml.steps.evaluator.agnostic import AgnosticEvaluator


class TFMAEvaluator(AgnosticEvaluator):
    """Measure a model overall and by slice; see `AgnosticEvaluator`, which does the same.

    In ZenML 0.3 this step stood on TensorFlow Model Analysis. Its parameters mean what they meant there, and the
    metrics of a binary classification may still be called `binary_accuracy` and `binary_crossentropy`.
    """
