"""The types beyond skops' own defaults that a model file may hold.

The list is code: what a file says of itself never widens it. All of them are plain containers of numbers and of other
listed types.
"""

from __future__ import annotations

_METRICS = (
    "BrayCurtisDistance", "CanberraDistance", "ChebyshevDistance", "DiceDistance", "EuclideanDistance",
    "HammingDistance", "HaversineDistance", "JaccardDistance", "ManhattanDistance", "MinkowskiDistance",
    "RogersTanimotoDistance", "RussellRaoDistance", "SEuclideanDistance", "SokalSneathDistance",
)  # fmt: skip

_SCORES = (
    "accuracy_score", "balanced_accuracy_score", "f1_score", "jaccard_score", "matthews_corrcoef", "precision_score",
    "recall_score",
)  # fmt: skip

TRUSTED_TYPES: tuple[str, ...] = (
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    *(f"sklearn.metrics._dist_metrics.{name}{bits}" for name in _METRICS for bits in ("32", "64")),
    *(f"sklearn.metrics._classification.{name}" for name in _SCORES),
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
)
"""Import paths of the trusted types."""
