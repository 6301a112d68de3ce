# ruff: noqa: E402 - PyTorch may not be installed
from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed. Run: pip install zenml-pytorch")

from zenml.errors import ConfigError, DataError
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.loading import load_model
from zenml_pytorch.trainer import TorchFeedForwardTrainer

QUICK = {"epochs": 3, "hidden_layers": [8], "export": False}


def bundle(outputs):
    return outputs.artifacts["model"].path


def predict(folder, rows=None):
    model = load_model(folder)
    rows = rows or json.loads((folder / "example.json").read_text())["inputs"]
    return model.predict(pa.RecordBatch.from_pylist(rows))


def test_the_arguments_of_earlier_days_are_taken(train):
    trainer = TorchFeedForwardTrainer(
        batch_size=16, lr=0.01, epochs=8, dropout_chance=0.1, loss="binary_crossentropy", metrics=["accuracy", "auc"],
        hidden_layers=[16, 8], hidden_activation="relu", last_activation="sigmoid", input_units=2, output_units=1,
        optimizer="adam", export=False,
    )  # fmt: skip
    folder = bundle(train(trainer, "ill"))
    rows = read_history(folder)
    assert len(rows) == 8
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["eval_roc_auc"] > 0.9
    assert predict(folder)["ill"].classes == (0, 1)


@pytest.mark.parametrize(
    ("labels", "loss", "classes"),
    [
        (["hot"], "binary_crossentropy", (False, True)),
        (["kind"], "categorical_crossentropy", ("a", "b", "c")),
        (["ill"], "categorical_crossentropy", (0, 1)),
        (["ill", "hot"], "binary_crossentropy", (0, 1)),
        (["price"], "mse", ()),
        (["price"], "huber", ()),
    ],
)
def test_each_loss_learns_its_kind_of_label(train, labels, loss, classes):
    folder = bundle(train(TorchFeedForwardTrainer(loss=loss, lr=0.02, **{**QUICK, "epochs": 12}), *labels))
    found = predict(folder)
    assert list(found) == labels
    assert found[labels[0]].classes == classes
    rows = read_history(folder)
    assert rows[-1]["eval_loss"] < 0.8 * rows[0]["eval_loss"]


def test_the_same_seed_gives_the_same_bundle_byte_for_byte(train):
    trainer = TorchFeedForwardTrainer(**{**QUICK, "export": True, "class_weight": "balanced"})
    one, other = train(trainer, "ill"), train(trainer, "ill")
    assert one.files() == other.files()
    assert "program.pt2" in " ".join(one.files())


def test_no_bundle_holds_or_loads_a_pickle(train, monkeypatch):
    folder = bundle(train(TorchFeedForwardTrainer(**{**QUICK, "export": True}), "ill"))

    def refuse(*_, **__):
        raise AssertionError("something is unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    predict(folder)
    program = (folder / "model" / "program.pt2").read_bytes()
    assert b"\x80\x02" not in program
    assert str(folder).encode() not in program


def test_the_exported_program_gives_what_the_model_gives(train):
    folder = bundle(train(TorchFeedForwardTrainer(**{**QUICK, "export": True}), "kind"))
    model = load_model(folder)
    features = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    program = torch.export.load(folder / "model" / "program.pt2").module()
    with torch.inference_mode():
        assert np.allclose(
            program(torch.from_numpy(features)).numpy(), model.predictor(features)["kind"].scores, atol=1e-6
        )


def test_class_weights_and_optimizers_of_every_name_train(train):
    for optimizer in ("adagrad", "adam", "adamw", "nadam", "rmsprop", "sgd"):
        trainer = TorchFeedForwardTrainer(optimizer=optimizer, class_weight={"0": 2.0}, **{**QUICK, "epochs": 1})
        assert read_history(bundle(train(trainer, "ill")))[0]["loss"] > 0


def test_a_model_of_one_s_own_is_trained_and_loaded_by_its_class(train, models):
    folder = bundle(train(models.OwnModel(width=5, epochs=4, lr=0.02), "ill"))
    assert json.loads((folder / "bundle.json").read_text())["trainer"] == "torch_models:OwnModel"
    assert predict(folder)["ill"].scores.shape[1] == 2
    assert (folder / "model" / "program.pt2").exists()


def test_a_loop_and_an_optimizer_of_one_s_own_are_used(train, models):
    rows = read_history(bundle(train(models.OwnLoop(epochs=2, batch_size=50, export=False), "ill")))
    assert [row["loss"] for row in rows] == [4.0, 4.0]


def test_a_model_that_does_not_fit_is_told_before_it_trains(train, models):
    with pytest.raises(DataError, match=r"an output of shape \(2, 3\) for 2 rows, and binary_crossentropy of ill"):
        train(models.OwnModel(off=2), "ill")
    with pytest.raises(ConfigError, match="the model cannot take 2 rows of 2 features"):
        train(models.OwnModel(taken=1), "ill")
    with pytest.raises(ConfigError, match=r"model_fn returns str, and not a torch\.nn\.Module"):
        train(models.OwnModel(kind="nothing"), "ill")


def test_a_loss_that_is_no_number_names_the_epoch(train):
    with pytest.raises(DataError, match="the loss of epoch 1 is not a finite number"):
        train(TorchFeedForwardTrainer(optimizer="sgd", lr=1e30, **QUICK), "price")


def test_memory_that_runs_out_is_told_with_the_batch_size(train, monkeypatch):
    from zenml_pytorch.learner import TorchLearner

    def full(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    monkeypatch.setattr(TorchLearner, "step", full)
    with pytest.raises(ConfigError, match="memory ran out while training with batch_size=4096"):
        train(TorchFeedForwardTrainer(batch_size=4096, **QUICK), "ill")


def test_damaged_weights_are_told(train):
    folder = bundle(train(TorchFeedForwardTrainer(**QUICK), "ill"))
    weights = folder / "model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(DataError, match="the weights are damaged, or of another network"):
        load_model(folder)
    (folder / "model" / "network.json").write_text("{}")
    with pytest.raises(DataError, match="the model is damaged"):
        load_model(folder)


def test_what_cannot_be_exported_is_warned_of(train, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("data-dependent control flow")

    monkeypatch.setattr(torch.export, "export", refuse)
    folder = bundle(train(TorchFeedForwardTrainer(**{**QUICK, "export": True}), "ill"))
    assert not (folder / "model" / "program.pt2").exists()
    assert predict(folder)


def test_naming_the_trainers_and_backends_imports_no_torch():
    code = (
        "import sys\nfrom zenml.steps.trainer import TorchFeedForwardTrainer\n"
        "from zenml.backends.training import TrainingTorchBackend, TrainingTorchrunBackend\n"
        "TorchFeedForwardTrainer(epochs=1).with_backend(TrainingTorchrunBackend())\n"
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
