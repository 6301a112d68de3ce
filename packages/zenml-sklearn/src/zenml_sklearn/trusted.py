"""The names that a model file may hold: scikit-learn's estimators, a list, and the estimators that a trainer names.

What a model file says of itself never widens it. Whatever is listed is a container of numbers and of other trusted
things, or a function that only computes. An estimator of the user's own is trusted where the trainer's config names it,
as the trainer's own class is.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from functools import cache
from typing import Any

from zenml_sklearn.catalogue import find_any
from zenml_sklearn.own import find_own


class UntrustedError(TypeError):
    """A class or function is not on the list."""


_LOSSES = (
    "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss", "HalfPoissonLoss",
    "HalfSquaredError", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss",
)  # fmt: skip

_DISTANCES = (
    "BrayCurtisDistance", "CanberraDistance", "ChebyshevDistance", "DiceDistance", "EuclideanDistance",
    "HammingDistance", "HaversineDistance", "JaccardDistance", "ManhattanDistance", "MinkowskiDistance",
    "RogersTanimotoDistance", "RussellRaoDistance", "SEuclideanDistance", "SokalSneathDistance",
)  # fmt: skip

TRUSTED: dict[str, tuple[str, ...]] = {
    "builtins": ("slice",),
    "numpy": ("float32", "float64"),
    "scipy.sparse._csr": ("csr_array", "csr_matrix"),
    "sklearn._loss._loss": (*(f"Cy{name}" for name in _LOSSES), "__pyx_unpickle_CyHalfMultinomialLoss"),
    "sklearn._loss.link": ("HalfLogitLink", "IdentityLink", "Interval", "LogLink", "LogitLink", "MultinomialLogit"),
    "sklearn._loss.loss": _LOSSES,
    "sklearn.calibration": ("_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling"),
    "sklearn.ensemble._hist_gradient_boosting.binning": ("_BinMapper",),
    "sklearn.ensemble._hist_gradient_boosting.predictor": ("TreePredictor",),
    "sklearn.feature_selection._mutual_info": ("mutual_info_classif", "mutual_info_regression"),
    "sklearn.feature_selection._univariate_selection": ("chi2", "f_classif", "f_regression", "r_regression"),
    "sklearn.gaussian_process._gpc": ("_BinaryGaussianProcessClassifierLaplace",),
    "sklearn.gaussian_process.kernels": ("ConstantKernel", "Product", "RBF"),
    "sklearn.linear_model._sgd_fast": (
        "EpsilonInsensitive", "Hinge", "Huber", "Log", "ModifiedHuber", "SquaredEpsilonInsensitive", "SquaredHinge",
        "SquaredLoss",
    ),
    "sklearn.metrics._classification": (
        "accuracy_score", "balanced_accuracy_score", "f1_score", "jaccard_score", "matthews_corrcoef",
        "precision_score", "recall_score",
    ),
    "sklearn.metrics._dist_metrics": (*(f"{name}{bits}" for name in _DISTANCES for bits in ("32", "64")), "newObj"),
    "sklearn.metrics._scorer": ("_CurveScorer", "_Scorer"),
    "sklearn.multiclass": ("_ConstantPredictor",),
    "sklearn.neighbors._ball_tree": ("BallTree", "newObj"),
    "sklearn.neighbors._kd_tree": ("KDTree", "newObj"),
    "sklearn.neural_network._stochastic_optimizers": ("AdamOptimizer", "SGDOptimizer"),
    "sklearn.preprocessing._function_transformer": ("FunctionTransformer",),
    "sklearn.preprocessing._label": ("LabelBinarizer", "LabelEncoder"),
    "sklearn.tree._tree": ("Tree",),
    "sklearn.utils._bunch": ("Bunch",),
    "sklearn.utils._metadata_requests": ("MetadataRequest", "MethodMetadataRequest"),
}  # fmt: skip
"""Names by module, beyond the estimators of the catalogue."""


def name_of(thing: Any, own: Collection[str] = ()) -> str:
    """Return the name by which a trusted class or function is written: an estimator's, or `module:name`.

    Args:
        thing: the class or function.
        own: classes of the user's own that are trusted, `module:Class`.

    Raises:
        UntrustedError: it is not trusted.
    """
    name, module = str(thing.__name__), str(thing.__module__)
    if name in TRUSTED.get(module, ()):
        return f"{module}:{name}"
    if isinstance(thing, type):
        estimator = find_any(name)
        if estimator is not None and estimator.load() is thing:
            return name
        for mine in own:
            if find_own(mine).load() is thing:
                return mine
    raise UntrustedError(f"{module}:{name}")


def resolve(name: str, own: Collection[str] = ()) -> Any:
    """Return the class or function that `name_of` named; only trusted ones are imported.

    Raises:
        UntrustedError: it is not trusted.
        PluginError, ConfigError: it is the user's own, and is not to be had any more.
    """
    return find_own(name).load() if name in own else _resolve(name)


@cache
def _resolve(name: str) -> Any:
    module, _, member = name.rpartition(":")
    if not module:
        estimator = find_any(name)
        if estimator is None:
            raise UntrustedError(name)
        return estimator.load()
    if member not in TRUSTED.get(module, ()):
        raise UntrustedError(name)
    return getattr(importlib.import_module(module), member)
