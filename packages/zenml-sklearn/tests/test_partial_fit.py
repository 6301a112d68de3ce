from __future__ import annotations

import numpy as np
import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError, DataError
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.trainer import epochs
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.reader import SplitReader
from zenml_sklearn.batch_learner import BatchLearner
from zenml_sklearn.partial_fit import SklearnPartialFitTrainer
from zenml_sklearn.persistence import load

FEATURES = ["a", "b", "c"]


def files(model):
    folder = model.path
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("estimator", "config", "label"),
    [
        ("SGDClassifier", {"parameters": {"loss": "log_loss"}, "class_weight": "balanced"}, "ill"),
        ("SGDClassifier", {"parameters": {"average": True}, "sample_weight": "weight"}, "kind"),
        ("Perceptron", {}, "ill"),
        ("MLPClassifier", {"parameters": {"hidden_layer_sizes": [8], "learning_rate_init": 0.05}}, "kind"),
        ("GaussianNB", {"epochs": 1, "sample_weight": "weight"}, "kind"),
        ("SGDRegressor", {"loss": "huber"}, "price"),
        ("MLPRegressor", {"parameters": {"hidden_layer_sizes": [8], "learning_rate_init": 0.1}}, "price"),
        ("own_estimators:Means", {"epochs": 1}, "ill"),
        ("own_estimators:Means", {"epochs": 1}, "kind"),
        ("own_estimators:Certain", {"epochs": 1}, "ill"),
    ],
)
def test_what_learns_batch_by_batch_learns(bench, mixed, own, estimator, config, label):
    known = {"epochs": 15, "batch_size": 32, **config}
    weights = [known["sample_weight"]] if "sample_weight" in known else []
    raw, inputs = bench.prepare(mixed, features=FEATURES, labels=[label, *weights])
    trainer = SklearnPartialFitTrainer(estimator=estimator, metrics=["accuracy", "r2"], **known)
    assert not list(trainer.check({}))
    model = bench.run(trainer, **inputs)["model"]
    rows = read_history(model.path)
    assert len(rows) == known["epochs"]
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    name, least = ("r2", 0.9) if label == "price" else ("accuracy", 0.6)
    assert bench.metrics[name] == pytest.approx(rows[-1][f"eval_{name}"])
    assert bench.metrics[name] > least


def test_the_model_is_that_of_a_loop_over_the_same_batches(bench, mixed):
    from sklearn.linear_model import SGDClassifier

    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill"])
    trainer = SklearnPartialFitTrainer(estimator="SGDClassifier", epochs=3, batch_size=50)
    model = bench.run(trainer, **inputs)["model"]
    view = SplitReader(inputs["examples"].path / "train", ["ill"]).batch_view(50, seed=1729)
    same = SGDClassifier(random_state=1729)
    for epoch in (1, 2, 3):
        for features, values in view.epoch(epoch):
            same.partial_fit(features, values.astype(np.int64), classes=[0, 1])
    assert np.array_equal(load(model.path / "model" / "0.zip").coef_, same.coef_)


@pytest.mark.parametrize(
    ("estimator", "parameters", "label"),
    [
        ("SGDClassifier", {"average": 10}, "kind"),
        ("MLPClassifier", {"hidden_layer_sizes": [5]}, "ill"),
        ("SGDRegressor", {}, "price"),
    ],
)
def test_a_training_that_was_cut_off_goes_on_to_the_same_bytes(
    bench, mixed, estimator, parameters, label, monkeypatch, tmp_path
):
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=[label])
    steps = [{"estimator": "StandardScaler"}, {"estimator": "RBFSampler"}]
    trainer = SklearnPartialFitTrainer(
        estimator=estimator, parameters=parameters, steps=steps, epochs=5, batch_size=40, early_stopping_patience=4
    )
    whole = bench.run(trainer, **inputs)["model"]

    monkeypatch.setattr(epochs, "CHECKPOINT_SHARE", float("inf"))
    take = BatchLearner._take
    batches = 0

    def killed(self, *arguments):
        nonlocal batches
        batches += 1
        if batches > 7 * 3 + 4:
            raise KeyboardInterrupt
        return take(self, *arguments)

    monkeypatch.setattr(BatchLearner, "_take", killed)
    store = ArtifactStore(str(tmp_path / "store"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(trainer, checkpoints=Checkpoints(store, "run.trainer"), **inputs)
    monkeypatch.setattr(BatchLearner, "_take", take)
    resumed = bench.run(trainer, checkpoints=Checkpoints(store, "run.trainer"), **inputs)["model"]
    assert files(resumed) == files(whole)


def test_early_stopping_ends_with_the_best_epoch(bench, mixed):
    raw, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill"])
    trainer = SklearnPartialFitTrainer(
        estimator="SGDClassifier", parameters={"learning_rate": "constant", "eta0": 1.0}, epochs=50, batch_size=20,
        metrics=["accuracy"], early_stopping_patience=3,
    )  # fmt: skip
    model = bench.run(trainer, **inputs)["model"]
    rows = read_history(model.path)
    best = min(rows, key=lambda row: row["eval_loss"])
    assert len(rows) == best["epoch"] + 3 < 50
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["accuracy"] == pytest.approx(best["eval_accuracy"])


def test_a_transformer_before_it_learns_from_all_rows(bench, mixed):
    from sklearn.preprocessing import StandardScaler

    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill"])
    trainer = SklearnPartialFitTrainer(estimator="SGDClassifier", steps=[{"estimator": "StandardScaler"}], epochs=1)
    model = bench.run(trainer, **inputs)["model"]
    features, _ = SplitReader(inputs["examples"].path / "train", ["ill"]).arrays()
    mine = load(model.path / "model" / "0.zip")[0]
    assert mine.n_samples_seen_ == len(features)
    assert mine.mean_ == pytest.approx(StandardScaler().fit(features).mean_, abs=1e-9)


def test_the_split_is_never_read_as_a_whole(bench, mixed, monkeypatch):
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill", "weight"])

    def refuse(self):
        raise AssertionError("the whole split was read")

    monkeypatch.setattr(SplitReader, "arrays", refuse)
    steps = [{"estimator": "StandardScaler"}, {"estimator": "PolynomialFeatures"}]
    trainer = SklearnPartialFitTrainer(
        estimator="SGDClassifier", steps=steps, sample_weight="weight", class_weight="balanced", epochs=2
    )
    assert load_model(bench.run(trainer, **inputs)["model"].path).bundle.labels[0].classes == (0, 1)


def test_a_loss_that_is_no_number_and_features_that_are_none_are_told(bench, mixed, tmp_path):
    lines = mixed.read_text().splitlines()
    lines[1:] = [line.replace(line.split(",")[0], f"{float(line.split(',')[0]) * 1e30:.3e}", 1) for line in lines[1:]]
    (tmp_path / "large.csv").write_text("\n".join(lines) + "\n")
    overwrite = {"a": {"transform": [{"method": "no_transform"}]}}
    _, inputs = bench.prepare(tmp_path / "large.csv", features=FEATURES, labels=["price"], overwrite=overwrite)
    with pytest.raises(DataError, match=r"scikit-learn refused: .*Scaling input data|not a finite number"):
        bench.run(SklearnPartialFitTrainer(estimator="SGDRegressor"), **inputs)


def test_parameters_without_which_there_is_no_partial_fit_are_told(bench, mixed):
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill"])
    trainer = SklearnPartialFitTrainer(estimator="MLPClassifier", parameters={"solver": "lbfgs"})
    with pytest.raises(ConfigError, match="MLPClassifier with these parameters cannot learn batch by batch"):
        bench.run(trainer, **inputs)


def test_a_parameter_out_of_range_is_told(bench, mixed):
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill"])
    with pytest.raises(ConfigError, match="'alpha' parameter of SGDClassifier must be a float"):
        bench.run(SklearnPartialFitTrainer(estimator="SGDClassifier", parameters={"alpha": -1.0}), **inputs)


@pytest.mark.parametrize(
    ("config", "where", "text"),
    [
        ({"estimator": "LogisticRegression"}, ".estimator", "LogisticRegression cannot learn batch by batch"),
        ({"estimator": "GaussianNB"}, ".epochs", "would count them again in a second epoch. Set epochs=1"),
        ({"steps": [{"estimator": "PCA"}]}, ".steps[0]", "PCA needs all rows at once: it has no partial_fit"),
        ({"parameters": {"max_iter": 5}}, ".parameters.max_iter", "Set epochs"),
        ({"estimator": "Pipeline", "parameters": {"steps": [["a", {"estimator": "SGDClassifier"}]]}}, ".estimator",
         "Write those before it as steps="),
        ({"sample_weight": "w", "estimator": "own_estimators:Means"}, ".sample_weight", "takes no weights of rows"),
        ({"loss": "mae"}, ".loss", "loss='mae' does not go with a classifier"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_before_it_trains(config, where, text, own):
    trainer = SklearnPartialFitTrainer(**{"estimator": "SGDClassifier", **config})
    found = {problem.where: str(problem) for problem in trainer.check({})}
    assert text in found[f"SklearnPartialFitTrainer{where}"]
