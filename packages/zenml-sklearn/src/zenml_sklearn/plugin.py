"""What this distribution offers to ZenML; importing it imports no scikit-learn."""

from __future__ import annotations

from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_steps() -> list[Spec]:
    """Offer the scikit-learn trainers."""
    return [
        Spec(
            "SklearnTrainer",
            "step",
            "zenml_sklearn.trainer:SklearnTrainer",
            "Trains any scikit-learn classifier or regressor",
        ),
        Spec(
            "SklearnBoostingTrainer",
            "step",
            "zenml_sklearn.boosting:SklearnBoostingTrainer",
            "Trains scikit-learn's gradient boosting some rounds at a time, with early stopping and checkpoints",
        ),
        Spec(
            "SklearnPartialFitTrainer",
            "step",
            "zenml_sklearn.partial_fit:SklearnPartialFitTrainer",
            "Trains scikit-learn's estimators that learn batch by batch, from data larger than memory",
        ),
    ]
