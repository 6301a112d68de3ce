from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from zenml.errors import ConfigError, DataError
from zenml.steps.trainer import epochs
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.loading import load_model
from zenml.testing.linear_network import LinearNetwork, kept_weights


@pytest.fixture
def make(bench, tiny):
    """Train on the table of `tiny_trainer`; return the bundle's folder."""

    def train(labels=("ill",), text=None, seed=1729, overwrite=None, **config):
        inputs = bench.prepare(text or tiny.table(), overwrite, labels=list(labels))
        inputs.pop("raw")
        (model,) = bench.run(LinearNetwork(**config), seed, **inputs).values()
        return model.path

    return train


def problems(**config):
    return [str(row) for row in LinearNetwork(**config).check({})]


def test_a_network_learns_and_its_epochs_are_in_the_bundle(make, bench):
    bundle = make(epochs=5, lr=0.05, metrics=["accuracy", "auc"], loss="binary_crossentropy")
    rows = read_history(bundle)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert set(rows[0]) == {"epoch", "loss", "eval_loss", "eval_accuracy", "eval_roc_auc"}
    assert bench.metrics == rows[-1]
    assert load_model(bundle).bundle.labels[0].classes == (0, 1)


def test_the_loss_follows_from_the_label(make):
    assert json.loads((make(epochs=1) / "bundle.json").read_text())["labels"][0]["task"] == "classification"
    assert json.loads((make(["kind"], epochs=1) / "bundle.json").read_text())["labels"][0]["classes"] == ["a", "b", "c"]
    price = make(["price"], epochs=1, lr=0.0001)
    assert json.loads((price / "bundle.json").read_text())["labels"][0]["task"] == "regression"


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(make):
    first, again, other = (kept_weights(make(epochs=3, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_training_that_was_broken_off_goes_on_to_the_same_weights(bench, tiny, monkeypatch, tmp_path):
    from zenml.artifacts.store import ArtifactStore
    from zenml.steps.trainer import base
    from zenml.steps.trainer.checkpoints import Checkpoints

    monkeypatch.setattr(epochs, "CHECKPOINT_SHARE", 1e9)
    inputs = bench.prepare(tiny.table(), labels=["ill"])
    inputs.pop("raw")
    config = {"epochs": 9, "metrics": ["accuracy"], "early_stopping_patience": 8}

    def train(**more):
        (model,) = bench.run(LinearNetwork(**config, **more), **inputs).values()
        return model.path

    whole = train()
    store = ArtifactStore(str(tmp_path / "store"))
    monkeypatch.setattr(base, "_checkpoints_here", lambda _: Checkpoints(store, "r.trainer"))
    with pytest.raises(ConfigError, match=r"memory ran out while training with batch_size=32 \(cannot take 8 GiB\)"):
        train(fail_at=6)
    resumed = train()
    assert np.array_equal(kept_weights(whole), kept_weights(resumed))
    assert read_history(whole) == read_history(resumed)


def test_training_stops_early_and_takes_the_best_weights(make, bench):
    bundle = make(epochs=200, lr=3.0, early_stopping_patience=3, seed=4)
    rows = read_history(bundle)
    best = min(rows, key=lambda row: row["eval_loss"])
    assert len(rows) == best["epoch"] + 3 < 200
    assert bench.metrics["epoch"] == best["epoch"]
    last = make(epochs=200, lr=3.0, early_stopping_patience=3, seed=4, restore_best=False)
    assert not np.array_equal(kept_weights(bundle), kept_weights(last))


def test_class_weights_move_the_predictions(make, bench):
    def recall(**config):
        make(epochs=5, lr=0.05, metrics=["recall"], **config)
        return bench.metrics["eval_recall"]

    assert recall(class_weight={"1": 20}) > recall(class_weight={"1": 0.05})
    assert 0 < recall(class_weight="balanced") < 1


def test_every_wrong_name_is_told_with_the_closest():
    found = problems(
        loss="binary_crosentropy",
        optimizer="adamm",
        hidden_activation="rellu",
        last_activation="sigmod",
        metrics=["acuracy"],
        early_stopping_monitor="eval_los",
    )
    named = ("binary_crossentropy", "adam", "relu", "sigmoid", "accuracy", "eval_loss")
    assert all(any(f"Did you mean {name}?" in row for row in found) for name in named), found


def test_a_loss_and_an_activation_that_do_not_go_together_are_told():
    assert (
        "does not go with loss='binary_crossentropy'"
        in problems(loss="binary_crossentropy", last_activation="softmax")[0]
    )
    assert not problems(loss="bce", last_activation="sigmoid")
    assert not problems(loss="mean_squared_error", metrics=["binary_accuracy", "binary_crossentropy"])


@pytest.mark.parametrize(
    ("labels", "config", "message"),
    [
        (["kind"], {"loss": "binary_crossentropy"}, "needs a label of two classes, and this one has"),
        (["price"], {"loss": "binary_crossentropy"}, "the label has continuous values"),
        (["kind"], {"loss": "mse"}, "a regressor needs numbers, and the label has classes"),
        (["ill", "kind"], {"loss": "categorical_crossentropy"}, "is of one label, and there are 2: ill, kind"),
        (["ill"], {"class_weight": {"2": 3.0}}, "class_weight names '2', which is no class"),
        (["price"], {"class_weight": "balanced"}, "class_weight is of classes"),
        (["ill"], {"input_units": 99}, "input_units is 99, and the transformed features have"),
        (["ill"], {"output_units": 2}, "output_units is 2, and binary_crossentropy of ill needs 1"),
        (["kind"], {"last_activation": "sigmoid"}, "does not go with loss='categorical_crossentropy'"),
        (["ill"], {"wrong_outputs": 3}, r"output of shape \(2, 3\) for 2 rows, and binary_crossentropy of ill needs"),
    ],
)  # fmt: skip
def test_labels_that_do_not_go_with_the_fields_are_told(make, labels, config, message):
    with pytest.raises(DataError, match=message):
        make(labels, epochs=1, **config)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_names_the_epoch_and_the_features(make, tiny):
    raw = {"weight": {"transform": [{"method": "no_transform"}]}}
    huge = tiny.table().replace(",Biscoe", "e30,Biscoe")
    with pytest.raises(
        DataError, match=r"the loss of epoch \d is not a finite number; .* large values: weight \(up to"
    ):
        make(["price"], text=huge, overwrite=raw, lr=1e6)
    with pytest.raises(DataError, match="every feature is finite, the largest are: "):
        make(["price"], lr=1e120)


def test_rows_without_a_known_class_count_nothing():
    from zenml.steps.trainer.objective import Objective
    from zenml.steps.trainer.prediction import LabelInfo

    objective = Objective(
        "categorical_crossentropy", (LabelInfo("kind", "classification", ("a", "b"), (0, 2)),), {}, True
    )
    _, targets, weights = objective.arrays(np.zeros((3, 1), np.float32), {"kind": np.array([2, -1, 1])})
    assert targets.tolist() == [1, 0, 0]
    assert weights.tolist() == [1, 0, 0]
    total, weight = objective.sums(np.array([[0.5, 0.5]] * 3), (targets, weights))
    assert (total, weight) == (pytest.approx(np.log(2)), 1)


def test_a_bundle_of_a_network_predicts(make):
    model = load_model(make(["kind"], epochs=2, loss="categorical_crossentropy"))
    rows = json.loads((model.bundle.path / "example.json").read_text())["inputs"]
    prediction = model.predict(pa.RecordBatch.from_pylist(rows))["kind"]
    assert np.allclose(prediction.scores.sum(axis=1), 1)
