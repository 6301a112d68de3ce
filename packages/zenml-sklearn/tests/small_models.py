"""A small fitted model of every classifier and regressor; as a script, prints the digests of their files as JSON."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from zenml_sklearn.catalogue import find
from zenml_sklearn.estimators import build

CLASSIFIER = {"estimator": "LogisticRegression"}
REGRESSOR = {"estimator": "LinearRegression"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "FixedThresholdClassifier": {"estimator": CLASSIFIER},
    "OneVsOneClassifier": {"estimator": CLASSIFIER},
    "OneVsRestClassifier": {"estimator": CLASSIFIER},
    "OutputCodeClassifier": {"estimator": CLASSIFIER},
    "SelfTrainingClassifier": {"estimator": CLASSIFIER},
    "StackingClassifier": {"estimators": [["a", CLASSIFIER], ["b", {"estimator": "GaussianNB"}]]},
    "StackingRegressor": {"estimators": [["a", REGRESSOR], ["b", {"estimator": "Ridge"}]]},
    "TunedThresholdClassifierCV": {"estimator": CLASSIFIER},
    "VotingClassifier": {"estimators": [["a", CLASSIFIER], ["b", {"estimator": "GaussianNB"}]]},
    "VotingRegressor": {"estimators": [["a", REGRESSOR], ["b", {"estimator": "Ridge"}]]},
    **{
        name: {"n_estimators": 5}
        for name in (
            "AdaBoostClassifier", "AdaBoostRegressor", "BaggingClassifier", "BaggingRegressor", "ExtraTreesClassifier",
            "ExtraTreesRegressor", "GradientBoostingClassifier", "GradientBoostingRegressor", "RandomForestClassifier",
            "RandomForestRegressor",
        )
    },
    "HistGradientBoostingClassifier": {"max_iter": 3},
    "HistGradientBoostingRegressor": {"max_iter": 3},
    "MLPClassifier": {"hidden_layer_sizes": [4], "max_iter": 5},
    "MLPRegressor": {"hidden_layer_sizes": [4], "max_iter": 5},
}  # fmt: skip
"""Parameters for those that cannot do without, or would be slow."""

TWO_CLASSES_ONLY = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}


def small_data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features that every estimator takes (positive; one column for the isotonic one), and a target to learn."""
    random = np.random.default_rng(1729)
    features = np.abs(random.normal(size=(80, 1 if name == "IsotonicRegression" else 4))).astype(np.float32)
    estimator = find(name)
    assert estimator is not None
    if estimator.kind == "regressor":
        return features, 1 + features.sum(axis=1, dtype=np.float64) + 0.1 * random.random(80)
    return features, np.arange(80, dtype=np.int64) % (2 if name in TWO_CLASSES_ONLY else 3)


def fitted(name: str) -> Any:
    features, target = small_data(name)
    return build(name, PARAMETERS.get(name, {}), seed=1729).fit(features, target)


def digests(names: list[str]) -> dict[str, str]:
    from threadpoolctl import threadpool_limits

    from zenml_sklearn.persistence import save

    found = {}
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            path = Path(folder, "model.zip")
            save(fitted(name), path)
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


if __name__ == "__main__":
    print(json.dumps(digests(json.loads(sys.argv[1]))))
