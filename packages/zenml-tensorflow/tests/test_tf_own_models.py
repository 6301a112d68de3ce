from __future__ import annotations

import numpy as np
import pytest

from zenml.errors import ConfigError, DataError
from zenml.steps.trainer import epochs as shared_epochs
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.loading import load_model


@pytest.fixture
def fit(bench, diabetes, own_trainers):
    """Train a model of a kind on the diabetes table; return the artifacts."""
    _, inputs = bench.prepare(diabetes, labels=["has_diabetes"])

    def run(kind="registered", **config):
        return bench.run(own_trainers.OwnTrainer(kind=kind, batch_size=64, **config), **inputs)

    return run


def test_a_model_with_a_layer_of_ones_own_is_trained_saved_and_loaded(fit):
    folder = fit("registered", epochs=2, metrics=["roc_auc"])["model"].path
    assert read_history(folder)[-1]["eval_roc_auc"] > 0.4
    predictor = load_model(folder).predictor
    assert predictor(np.zeros((3, 7), np.float32))["has_diabetes"].probabilities.shape == (3, 2)


def test_a_model_that_is_built_by_its_data_is_saved_too(fit):
    assert load_model(fit("sequential", epochs=1)["model"].path)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("lambda", ConfigError, "Lambda runs code that the file brings along"),
        (
            "unregistered",
            ConfigError,
            r"own_trainers.Unregistered is no class of Keras, and not registered\. Put @keras",
        ),
        ("wide", DataError, r"gives an output of shape \(4, 3\) for 4 rows, and binary_crossentropy of has_diabetes"),
        ("logits", DataError, r"are no probabilities, which binary_crossentropy.* activation='sigmoid'"),
        ("no model", ConfigError, "model_fn returned int, and must return a keras.Model"),
        ("exhausting", ConfigError, r"memory ran out while training with batch_size=64 \(OOM when allocating"),
    ],
)
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_model_that_does_not_do_is_refused_before_it_is_trained(fit, kind, error, message):
    with pytest.raises(error, match=message):
        fit(kind)


def test_outputs_by_label_go_to_their_labels_in_any_order(bench, animals, own_trainers):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["tame", "legs"])
    trainer = own_trainers.OwnTrainer(
        kind="by label", loss="binary_crossentropy", epochs=30, lr=0.05, metrics=["accuracy"]
    )
    bench.run(trainer, **inputs)
    assert bench.metrics["eval_tame/accuracy"] > 0.9 > bench.metrics["eval_legs/accuracy"]
    for kind, message in (
        ("misnamed", "outputs are called x0, x1, and the labels tame, legs"),
        ("one output", "gives 1 outputs, and binary_crossentropy of tame, legs needs 2"),
    ):
        with pytest.raises(DataError, match=message):
            bench.run(own_trainers.OwnTrainer(kind=kind, loss="binary_crossentropy"), **inputs)


def test_a_compiled_model_keeps_its_loss_and_optimizer(bench, animals, own_trainers):
    _, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=["species"])
    bench.run(own_trainers.OwnTrainer(kind="compiled", epochs=20, metrics=["accuracy"]), **inputs)
    assert bench.metrics["eval_accuracy"] > 0.8


def test_a_callback_sees_every_epoch_and_may_stop(fit):
    assert len(read_history(fit(epochs=9, stop_at=3)["model"].path)) == 3


def test_a_training_that_was_broken_off_goes_on_to_the_same_bytes(fit, monkeypatch, tmp_path):
    from zenml.artifacts.store import ArtifactStore
    from zenml.steps.trainer import base
    from zenml.steps.trainer.checkpoints import Checkpoints

    monkeypatch.setattr(shared_epochs, "CHECKPOINT_SHARE", 1e9)
    whole = fit(epochs=7, stop_at=6)["model"].path
    store = ArtifactStore(str(tmp_path / "store"))
    monkeypatch.setattr(base, "_checkpoints_here", lambda _: Checkpoints(store, "r.trainer"))
    with pytest.raises(ConfigError, match="memory ran out"):
        fit(epochs=7, stop_at=6, fail_at=5)
    resumed = fit(epochs=7, stop_at=6)["model"].path
    for name in ("model/model.keras", "history.json"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes()
    with pytest.raises(ConfigError, match=r"the checkpoint is of another model: its variable 2 has the shape \(2,\)"):
        fit("sequential", epochs=7)


def test_a_loop_of_ones_own_reads_the_rows_and_records_its_epochs(bench, diabetes, own_trainers):
    _, inputs = bench.prepare(diabetes, labels=["has_diabetes"])
    made = bench.run(own_trainers.LoopTrainer(epochs=3, lr=0.02), **inputs)
    rows = read_history(made["model"].path)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[-1]["loss"] < rows[0]["loss"]
