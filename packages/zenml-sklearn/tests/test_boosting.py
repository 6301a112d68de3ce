from __future__ import annotations

import numpy as np
import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.trainer import epochs
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.reader import SplitReader
from zenml_sklearn.boosting import BOOSTING, SklearnBoostingTrainer
from zenml_sklearn.boosting_learner import BoostingLearner
from zenml_sklearn.persistence import load

FEATURES = ["a", "b", "c"]
DRAWING = {
    "HistGradientBoostingClassifier": {"max_features": 0.6, "max_leaf_nodes": 5},
    "GradientBoostingRegressor": {"subsample": 0.5, "max_depth": 2},
}
"""Parameters that draw at random in every round."""


def files(model):
    folder = model.path
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", BOOSTING)
def test_rounds_added_by_epochs_give_the_model_that_one_fit_gives(bench, mixed, name):
    label = "ill" if name.endswith("Classifier") else "price"
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=[label, "weight"])
    trainer = SklearnBoostingTrainer(estimator=name, epochs=3, rounds_per_epoch=4, sample_weight="weight")
    model = bench.run(trainer, **inputs)["model"]
    features, columns = SplitReader(inputs["examples"].path / "train", [label, "weight"]).arrays()
    counts = columns["weight"] > 0
    mine = load(model.path / "model" / "0.zip")
    same = type(mine)(**{BOOSTING[name]: 12}, random_state=1729)
    same.fit(features[counts], columns[label][counts], sample_weight=columns["weight"][counts])
    assert mine.predict(features) == pytest.approx(same.predict(features))


@pytest.mark.parametrize("name", DRAWING)
def test_a_training_that_was_cut_off_goes_on_to_the_same_bytes(bench, mixed, name, monkeypatch, tmp_path):
    label = "kind" if name.endswith("Classifier") else "price"
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=[label])
    trainer = SklearnBoostingTrainer(
        estimator=name, parameters=DRAWING[name], steps=[{"estimator": "PCA"}], epochs=5, rounds_per_epoch=2,
        early_stopping_patience=4,
    )  # fmt: skip
    whole = bench.run(trainer, **inputs)["model"]

    monkeypatch.setattr(epochs, "CHECKPOINT_SHARE", float("inf"))
    learn = BoostingLearner.learn

    def killed(self, epoch, batches):
        if epoch == 4:
            raise KeyboardInterrupt
        return learn(self, epoch, batches)

    monkeypatch.setattr(BoostingLearner, "learn", killed)
    store = ArtifactStore(str(tmp_path / "store"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(trainer, checkpoints=Checkpoints(store, "run.trainer"), **inputs)
    monkeypatch.setattr(BoostingLearner, "learn", learn)
    resumed = bench.run(trainer, checkpoints=Checkpoints(store, "run.trainer"), **inputs)["model"]
    assert files(resumed) == files(whole)


@pytest.mark.parametrize("name", ["HistGradientBoostingClassifier", "GradientBoostingClassifier"])
def test_early_stopping_ends_with_the_rounds_of_the_best_epoch(bench, mixed, name):
    raw, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill"])
    trainer = SklearnBoostingTrainer(
        estimator=name, parameters={"learning_rate": 0.8}, epochs=30, rounds_per_epoch=3, metrics=["roc_auc"],
        early_stopping_patience=2,
    )  # fmt: skip
    model = bench.run(trainer, **inputs)["model"]
    rows = read_history(model.path)
    best = min(rows, key=lambda row: row["eval_loss"])["epoch"]
    assert len(rows) == best + 2 < 30
    mine = load(model.path / "model" / "0.zip")
    rounds = mine.n_iter_ if name.startswith("Hist") else len(mine.estimators_)
    assert rounds == mine.get_params()[BOOSTING[name]] == 3 * best
    assert mine.warm_start is False
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["roc_auc"] == pytest.approx(rows[int(best) - 1]["eval_roc_auc"])


def test_each_label_gets_an_ensemble_of_its_own(bench, tmp_path):
    chance = np.random.default_rng(3)
    lines = [
        f"{a:.3f},{int(a > 0)},{'yes' if a > 1 or i % 9 == 0 else 'no'}" for i, a in enumerate(chance.normal(size=200))
    ]
    (tmp_path / "two.csv").write_text("\n".join(["a,one,two", *lines]) + "\n")
    raw, inputs = bench.prepare(tmp_path / "two.csv", features=["a"], labels=["one", "two"])
    trainer = SklearnBoostingTrainer(
        estimator="HistGradientBoostingClassifier", epochs=2, class_weight="balanced", metrics=["accuracy"]
    )
    model = bench.run(trainer, **inputs)["model"]
    assert {"eval_one/accuracy", "eval_two/accuracy"} <= set(read_history(model.path)[0])
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["one/accuracy"] > 0.9


@pytest.mark.parametrize(
    ("config", "where", "mend"),
    [
        ({"estimator": "RandomForestClassifier"}, "estimator", "SklearnTrainer"),
        ({"estimator": "HistGradientBostingClassifier"}, "estimator", "Did you mean HistGradientBoostingClassifier?"),
        ({"parameters": {"max_iter": 3}}, "parameters.max_iter", "Set epochs and rounds_per_epoch"),
        ({"parameters": {"early_stopping": True}}, "parameters.early_stopping", "Set early_stopping_patience"),
        ({"loss": "mse"}, "loss", "Take binary_crossentropy or categorical_crossentropy, or leave it out"),
        ({"loss": "mze"}, "loss", "Did you mean mse?"),
        ({"batch_size": 7}, "batch_size", "Leave it out"),
        ({"early_stopping_monitor": "eval_los"}, "early_stopping_monitor", "Did you mean eval_loss?"),
    ],
)
def test_what_does_not_fit_is_told_before_it_trains(config, where, mend):
    trainer = SklearnBoostingTrainer(**{"estimator": "HistGradientBoostingClassifier", **config})
    found = {problem.where: problem.mend for problem in trainer.check({})}
    assert mend in found[f"SklearnBoostingTrainer.{where}"]
