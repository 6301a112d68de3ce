from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.snapshot import Snapshot
from zenml.errors import ConfigError, DataError, PluginError
from zenml.steps.base import Wired
from zenml.steps.split.no_split import NoSplit
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.bundle import read_bundle
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.prediction import LabelInfo

FEATURES = ["age", "weight", "island", "sex"]


@pytest.fixture
def model(tiny, bench):
    inputs = bench.prepare(tiny.table(), features=FEATURES, labels=["ill", "kind", "price"])
    raw = inputs.pop("raw")
    (made,) = bench.run(tiny.TinyTrainer(shift=1.5), **inputs).values()
    return made, raw


def change(path, **fields):
    row = json.loads((path / "bundle.json").read_text())
    (path / "bundle.json").write_text(json.dumps({**row, **fields}))


def test_a_bundle_says_what_it_is(model, bench):
    made, raw = model
    row = json.loads((made.path / "bundle.json").read_text())
    assert row == {
        "format": 1,
        "trainer": "tiny_trainer:TinyTrainer",
        "framework": {"name": "numpy", "version": np.__version__},
        "labels": [
            {"name": "ill", "task": "classification", "classes": [0, 1], "codes": [0, 1]},
            {"name": "kind", "task": "classification", "classes": ["a", "b", "c"], "codes": [0, 1, 2]},
            {"name": "price", "task": "regression"},
        ],
        "parameters": {"shift": 1.5, "threads": 1},
    }
    assert bench.metrics == {"rows": Snapshot.of(raw).rows("train")}


def test_a_bundle_tells_its_signature_and_an_example_of_real_rows(model):
    made, raw = model
    signature = json.loads((made.path / "signature.json").read_text())
    assert signature["inputs"] == [
        {"name": "age", "type": "integer"},
        {"name": "weight", "type": "float"},
        {"name": "island", "type": "string"},
        {"name": "sex", "type": "string"},
    ]
    assert [row["name"] for row in signature["outputs"]] == ["ill", "kind", "price"]
    rows = json.loads((made.path / "example.json").read_text())["inputs"]
    table = pa.Table.from_batches(Snapshot.of(raw).batches("train", FEATURES)).to_pylist()
    assert 2 <= len(rows) <= 3
    assert all(row in table for row in rows)
    predictions = load_model(made.path).predict(pa.RecordBatch.from_pylist(rows))
    assert {name: len(row.values) for name, row in predictions.items()} == dict.fromkeys(predictions, len(rows))


def test_a_loaded_model_predicts_from_raw_rows_with_its_own_transform(model):
    made, raw = model
    loaded = load_model(made.path)
    batches = list(Snapshot.of(raw).batches("eval"))
    for batch in batches:
        predictions, truths = loaded.predict_and_observe(batch)
        assert np.array_equal(truths["ill"], batch.column("ill").to_numpy())
        assert [predictions["kind"].classes[code] for code in truths["kind"]] == batch.column("kind").to_pylist()
        assert predictions["kind"].probabilities.sum(axis=1) == pytest.approx(np.ones(batch.num_rows))
        assert predictions["price"].probabilities is None
        alone = loaded.predict(batch.select(FEATURES[::-1]))
        assert np.array_equal(alone["ill"].scores, predictions["ill"].scores)


def test_two_trainings_write_the_same_bytes(tiny, bench, files_of):
    inputs = bench.prepare(tiny.table(), features=FEATURES, labels=["ill"])
    del inputs["raw"]
    one, two = (bench.run(tiny.TinyTrainer(), **inputs)["model"].path for _ in range(2))
    assert files_of(one) == files_of(two)
    assert set(files_of(one)) >= {"bundle.json", "signature.json", "example.json", "transform/transform.json"}


def test_a_bundle_of_a_newer_format_is_refused(model):
    change(model[0].path, format=2)
    with pytest.raises(DataError, match=r"format 2, and this ZenML reads formats up to 1\. Upgrade zenml-core"):
        load_model(model[0].path)


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "1"},
        {"format": True},
        {"trainer": None, "framework": []},
        {"labels": [{"name": "ill", "task": "clustering"}]},
        {"labels": [{"name": "ill", "task": "classification", "classes": [1], "codes": [1]}]},
        {"labels": [{"name": "ill", "task": "classification", "classes": [0, 1], "codes": [1]}]},
        {"labels": 3},
        {"parameters": 3},
    ],
)
def test_a_damaged_bundle_is_refused(model, fields):
    change(model[0].path, **fields)
    with pytest.raises(DataError, match=r"bundle\.json: "):
        read_bundle(model[0].path)


def test_a_folder_without_bundle_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no model bundle"):
        load_model(tmp_path)


@pytest.mark.parametrize("trainer", ["tiny_trainer:Workbench", "collections:OrderedDict", "tiny_trainer:Trainer"])
def test_a_bundle_that_names_no_trainer_is_refused(model, trainer):
    change(model[0].path, trainer=trainer)
    with pytest.raises(ConfigError, match=f"names {trainer}, which is no trainer that can load it"):
        load_model(model[0].path)


def test_a_bundle_whose_trainer_is_not_installed_is_refused(model):
    change(model[0].path, trainer="NoSuchTrainer")
    with pytest.raises(PluginError, match="NoSuchTrainer"):
        load_model(model[0].path)


def test_a_bundle_with_the_transform_of_other_labels_is_refused(model):
    change(model[0].path, labels=[{"name": "weight", "task": "regression"}])
    with pytest.raises(DataError, match="transform does not know the label weight"):
        load_model(model[0].path)


def test_labels_survive_json():
    for label in (LabelInfo("a", "regression"), LabelInfo("b", "classification", (False, True), (0, 1))):
        assert LabelInfo.from_json(json.loads(json.dumps(label.to_json()))) == label


def test_a_trainer_asks_for_the_split_train_before_anything_runs(tiny):
    trainer = tiny.TinyTrainer()
    wired = Wired("split", RandomSplit(split_map={"one": 0.5, "two": 0.5}), {})
    (problem,) = trainer.check({"examples": wired})
    assert str(problem) == "TinyTrainer: there is no split named train to fit on. The splits are: one, two"
    assert list(trainer.check({"examples": Wired("split", NoSplit(), {})})) == []
    assert list(trainer.check({})) == []


def test_data_without_labels_cannot_be_trained_on(tiny, bench):
    inputs = bench.prepare(tiny.table(), features=FEATURES, labels=[])
    del inputs["raw"]
    with pytest.raises(DataError, match=r"no label to learn\. Name labels= in the preprocesser"):
        bench.run(tiny.TinyTrainer(), **inputs)


def test_data_without_the_split_train_cannot_be_trained_on(tiny, bench):
    inputs = bench.prepare(tiny.table(), features=FEATURES, labels=["ill"])
    del inputs["raw"]
    folder = inputs["examples"].path
    (folder / "train").rename(folder / "other")
    with pytest.raises(DataError, match="split 'train' has no rows"):
        bench.run(tiny.TinyTrainer(), **inputs)
