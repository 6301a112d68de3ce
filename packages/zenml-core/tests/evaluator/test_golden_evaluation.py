"""The evaluation of fixed predictions is what it was: else cached evaluations differ from those that are made now."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from zenml.data.metrics import METRICS
from zenml.data.metrics.outcomes import Outcomes
from zenml.steps.evaluator.collecting import MISSING, Collected
from zenml.steps.evaluator.columns import Coded
from zenml.steps.evaluator.measuring import measure
from zenml.steps.trainer.prediction import LabelInfo

GOLDEN = "161a5e8655f70f1d"


def rounded(value: Any) -> Any:
    """Return JSON types with floats of nine digits: logarithms may differ in the last one from machine to machine."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {name: rounded(row) for name, row in value.items()}
    return [rounded(row) for row in value] if isinstance(value, list) else value


def test_the_evaluation_of_fixed_predictions_is_what_it_was() -> None:
    rows = np.arange(240)
    truth = np.where(rows % 17 == 0, MISSING, rows % 3)
    scores = np.stack([(rows * 7 % 16) + 1, (rows * 5 % 16) + 1, (rows % 3 == 2) * 16 + 1], axis=1).astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    kind = LabelInfo("kind", "classification", ("a", "b", "c"), (0, 1, 2))
    price = LabelInfo("price", "regression")
    numbers = Outcomes((rows % 23) / 4, (rows % 19) / 4)
    codes = {"even": rows % 2, "third": rows % 3}
    columns = {
        name: Coded(lambda start, stop, found=found: found[start:stop], tuple(range(int(found.max()) + 1)))
        for name, found in codes.items()
    }
    collected = Collected(
        len(rows),
        (kind, price),
        {"kind": Outcomes(truth, scores.argmax(axis=1), scores), "price": numbers},
        columns,
        {},
    )
    chosen = {
        label.name: [metric for metric in METRICS.values() if metric.task == label.task] for label in (kind, price)
    }
    made = measure(collected, chosen, [["even"], ["even", "third"]]).to_json("eval", [])
    digest = hashlib.sha256(json.dumps(rounded(made), sort_keys=True).encode()).hexdigest()[:16]
    assert digest == GOLDEN, "raise the CACHE_VERSION of AgnosticEvaluator, and FORMAT when the form changes"
