from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from zenml.backends.placement import Placement
from zenml.data.snapshot import Snapshot
from zenml.errors import ConfigError, DataError
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.trainer.history import read_history
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.reader import SplitReader
from zenml_tensorflow.trainer import TFFeedForwardTrainer


def train(bench, inputs, seed=1729, **config):
    return bench.run(TFFeedForwardTrainer(**config), seed=seed, **inputs)["model"]


def evaluate(bench, raw, model, **config):
    bench.run(TFMAEvaluator(**config), examples=raw, model=model)
    return bench.metrics


@pytest.fixture
def prepared(bench, diabetes):
    return bench.prepare(diabetes, labels=["has_diabetes"])


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory, diabetes, make_bench):
    """The quickstart, trained once: where its steps were run, raw examples, the trainer's inputs and outputs."""
    bench = make_bench(tmp_path_factory.mktemp("quickstart"))
    raw, inputs = bench.prepare(diabetes, labels=["has_diabetes"])
    config = {"loss": "binary_crossentropy", "last_activation": "sigmoid", "output_units": 1, "metrics": ["accuracy"]}
    made = bench.run(TFFeedForwardTrainer(**config, epochs=15, batch_size=32, lr=0.005), **inputs)
    return bench, raw, inputs, made


def test_the_arguments_of_zenml_0_3_are_understood_with_their_defaults():
    trainer = TFFeedForwardTrainer(hidden_layers=None, metrics=None)
    assert (trainer.batch_size, trainer.lr, trainer.epochs, trainer.dropout_chance) == (8, 0.0001, 1, 0.2)
    assert trainer == TFFeedForwardTrainer()
    assert trainer.hidden_layers
    assert trainer.metrics == []


def test_the_model_is_plausible_and_its_bundle_keeps_its_structure(quickstart):
    # Another structure gives other bytes for the same config: then TFFeedForwardTrainer.CACHE_VERSION must be raised.
    bench, raw, _, made = quickstart
    folder = made["model"].path
    assert TFFeedForwardTrainer.CACHE_VERSION == 1
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "bundle.json", "example.json", "history.json", "model/model.keras", "model/outputs.json",
        "model/saved_model/saved_model.pb", "model/saved_model/variables/variables.data-00000-of-00001",
        "model/saved_model/variables/variables.index", "signature.json", "transform/transform.json",
    ]  # fmt: skip
    bundle = json.loads((folder / "bundle.json").read_text())
    assert (bundle["trainer"], bundle["framework"]["name"]) == ("TFFeedForwardTrainer", "tensorflow")
    with zipfile.ZipFile(folder / "model/model.keras") as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    names = ["features", "hidden_0", "dropout_0", "hidden_1", "dropout_1", "output_0"]
    assert [layer["config"]["name"] for layer in layers] == names
    rows = read_history(folder)
    assert [row["epoch"] for row in rows] == list(range(1, 16))
    assert set(rows[0]) == {"epoch", "loss", "eval_loss", "eval_accuracy"}
    logs = sorted(path.relative_to(made["logs"].path).as_posix() for path in made["logs"].path.rglob("*.*"))
    assert [name.partition("/")[0] for name in logs] == ["train", "validation"]

    metrics = evaluate(bench, raw, made["model"])
    assert metrics["accuracy"] == pytest.approx(rows[-1]["eval_accuracy"], abs=1e-9)
    assert metrics["log_loss"] == pytest.approx(rows[-1]["eval_loss"], abs=1e-5)
    assert 0.75 < metrics["roc_auc"] < 0.9


def test_the_saved_model_predicts_what_the_bundle_predicts(quickstart):
    import tensorflow as tf

    _, _, inputs, made = quickstart
    folder = made["model"].path
    features, _ = SplitReader(inputs["examples"].path / "eval", ["has_diabetes"]).arrays()
    predicted = load_model(folder).predictor(features)["has_diabetes"].probabilities[:, 1]
    serve = tf.saved_model.load(str(folder / "model/saved_model")).signatures["serving_default"]
    assert np.allclose(serve(features=tf.constant(features))["output_0"].numpy()[:, 0], predicted, atol=1e-6)


def test_the_event_files_hold_what_was_recorded(quickstart):
    import tensorflow as tf
    from tensorflow.core.util.event_pb2 import Event

    made = quickstart[-1]
    rows = read_history(made["model"].path)
    for run, metric in (("train", "loss"), ("validation", "eval_loss")):
        (path,) = (made["logs"].path / run).iterdir()
        events = [Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
        assert events[0].file_version == "brain.Event:2"
        values = [{value.tag: value.simple_value for value in event.summary.value} for event in events[1:]]
        assert [event.step for event in events[1:]] == [row["epoch"] for row in rows]
        assert [value["epoch_loss"] for value in values] == [pytest.approx(row[metric]) for row in rows]


def test_two_trainings_in_a_process_give_the_same_bytes(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=["tame", "legs"])
    one, two = (train(bench, inputs, epochs=2).path for _ in range(2))
    for path in one.rglob("*"):
        if path.is_file():
            assert (two / path.relative_to(one)).read_bytes() == path.read_bytes(), path


def test_labels_of_every_kind_are_learned(bench, animals):
    config = {"epochs": 60, "batch_size": 16, "lr": 0.01}
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=["species"])
    assert (
        evaluate(bench, raw, train(bench, inputs, loss="sparse_categorical_crossentropy", **config))["accuracy"] > 0.9
    )
    raw, inputs = bench.prepare(
        animals,
        features=["bill", "flipper"],
        labels=["mass"],
        overwrite={"mass": {"transform": [{"method": "scale_to_z_score"}]}},
    )
    assert evaluate(bench, raw, train(bench, inputs, **config))["r2"] > 0.9


def test_each_of_several_labels_gets_an_output(bench, animals):
    labels = ["tame", "legs"]
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=labels)
    model = train(bench, inputs, loss="binary_crossentropy", epochs=20, batch_size=16, lr=0.01, input_units=2)
    assert {row.name: row.classes for row in load_model(model.path).bundle.labels} == {
        "tame": (False, True), "legs": (2, 4),
    }  # fmt: skip
    assert evaluate(bench, raw, model, metrics={label: ["accuracy"] for label in labels})["tame/accuracy"] > 0.9


def test_no_rows_give_no_predictions(quickstart):
    _, raw, _, made = quickstart
    batch = next(Snapshot.of(raw).batches("eval")).slice(0, 0)
    prediction = load_model(made["model"].path).predict(batch)["has_diabetes"]
    assert (prediction.values.shape, prediction.probabilities.shape) == ((0,), (0, 2))


def test_units_that_do_not_fit_the_data_are_told_together(bench, prepared):
    with pytest.raises(DataError) as caught:
        train(bench, prepared[1], input_units=11, output_units=3, loss="binary_crossentropy")
    assert [problem.what for problem in caught.value.problems] == [
        "input_units is 11, and the transformed features have 7 columns",
        "output_units is 3, and binary_crossentropy of has_diabetes needs 1",
    ]


def test_unknown_names_are_told_before_anything_runs():
    trainer = TFFeedForwardTrainer(loss="binary_crossentrop", optimizer="adm", metrics=["acuracy"])
    found = {problem.mend for problem in trainer.check({})}
    assert found == {"Did you mean binary_crossentropy?", "Did you mean adam?", "Did you mean accuracy?"}


def test_a_loss_that_is_no_number_names_the_epoch_and_a_mend(bench, prepared):
    with pytest.raises(DataError, match=r"the loss of epoch 1 is not a finite number") as caught:
        train(bench, prepared[1], lr=1e30, optimizer="sgd", loss="mse", last_activation="linear", epochs=3)
    assert "lower lr" in str(caught.value).lower()


def test_class_weights_move_the_predictions(bench, prepared):
    def recall(**config):
        train(bench, prepared[1], epochs=3, lr=0.003, metrics=["recall"], **config)
        return bench.metrics["eval_recall"]

    assert recall(class_weight={"1": 20}) > recall(class_weight={"1": 0.05})


def test_training_stops_early_with_the_best_weights(bench, prepared):
    model = train(bench, prepared[1], epochs=200, lr=0.1, batch_size=64, early_stopping_patience=2)
    rows = read_history(model.path)
    best = min(rows, key=lambda row: row["eval_loss"])
    assert len(rows) == best["epoch"] + 2 < 200
    assert evaluate(bench, prepared[0], model)["log_loss"] == pytest.approx(best["eval_loss"], abs=1e-5)


def test_a_training_draws_by_its_seed_and_leaves_the_process_as_it_was():
    import random

    from zenml_tensorflow.session import load_keras, session

    load_keras()
    import keras
    from tensorflow.python.framework import config

    random.seed(3)
    np.random.seed(3)
    expected = (random.Random(3).random(), np.random.RandomState(3).random())
    drawn = []
    for seed in (1, 1, 2):
        with session(seed, 1, Placement(precision="bfloat16"), lambda _: None):
            assert config.is_op_determinism_enabled()
            assert keras.config.dtype_policy().name == "mixed_bfloat16"
            drawn.append(keras.layers.Dense(2, name="d").kernel_initializer((3, 2)).numpy().tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert (random.random(), np.random.random()) == expected
    assert not config.is_op_determinism_enabled()
    assert keras.config.dtype_policy().name == "float32"


def test_a_gpu_that_is_not_there_is_told(bench, prepared):
    import tensorflow as tf

    from zenml_tensorflow.session import session

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match="TensorFlow finds no GPU here"), session(1, 1, Placement("cuda"), print):
        pass
