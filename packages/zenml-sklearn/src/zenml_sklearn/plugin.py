"""What this distribution offers to ZenML; importing it imports no scikit-learn."""

from __future__ import annotations

from zenml.plugins import Spec, hookimpl

ZENML_HOOK_API = ">=1,<2"


@hookimpl
def zenml_steps() -> list[Spec]:
    """Offer the scikit-learn trainer."""
    return [
        Spec(
            "SklearnTrainer",
            "step",
            "zenml_sklearn.trainer:SklearnTrainer",
            "Trains any scikit-learn classifier or regressor",
        )
    ]
