from __future__ import annotations

import json
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.snapshot import Snapshot
from zenml.data.transforms import Transform
from zenml.errors import ConfigError, DataError
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.reader import SplitReader
from zenml_sklearn.estimators import build
from zenml_sklearn.persistence import save
from zenml_sklearn.trainer import SklearnTrainer

FEATURES = ["times_pregnant", "pgc", "dbp", "tst", "bmi", "pedigree", "age"]


def train(bench, inputs, estimator, seed=1729, threads=1, **parameters):
    trainer = SklearnTrainer(estimator=estimator, parameters=parameters, threads=threads)
    return bench.run(trainer, seed=seed, **inputs)["model"]


def evaluate(bench, raw, model, **config):
    bench.run(TFMAEvaluator(**config), examples=raw, model=model)
    return bench.metrics


@pytest.fixture
def prepared(bench, diabetes):
    return bench.prepare(diabetes, features=FEATURES, labels=["has_diabetes"])


def test_the_quickstart_s_model_is_plausible_and_measured_as_scikit_learn_measures(bench, prepared):
    raw, inputs = prepared
    model = train(bench, inputs, "LogisticRegression")
    metrics = evaluate(bench, raw, model)
    assert 0.75 < metrics["roc_auc"] < 0.9

    import sklearn.metrics

    features, labels = SplitReader(inputs["examples"].path / "train", ["has_diabetes"]).arrays()
    fitted = build("LogisticRegression", {}, 1729).fit(features, labels["has_diabetes"])
    features, labels = SplitReader(inputs["examples"].path / "eval", ["has_diabetes"]).arrays()
    truth, chances = labels["has_diabetes"], fitted.predict_proba(features)
    assert metrics == {
        "accuracy": pytest.approx(sklearn.metrics.accuracy_score(truth, fitted.predict(features)), abs=1e-9),
        "roc_auc": pytest.approx(sklearn.metrics.roc_auc_score(truth, chances[:, 1]), abs=1e-9),
        "log_loss": pytest.approx(sklearn.metrics.log_loss(truth, chances), abs=1e-6),
    }


def test_the_bundle_of_a_cached_version_keeps_its_structure(bench, prepared):
    # Another structure gives other bytes for the same config: then SklearnTrainer.CACHE_VERSION must be raised.
    model = train(bench, prepared[1], "LogisticRegression", max_iter=50).path
    assert SklearnTrainer.CACHE_VERSION == 2
    names = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
    assert names == [
        "bundle.json", "example.json", "model/0.zip", "signature.json", "transform/transform.json",
    ]  # fmt: skip
    bundle = json.loads((model / "bundle.json").read_text())
    assert bundle["trainer"] == "SklearnTrainer"
    assert bundle["framework"]["name"] == "scikit-learn"
    assert bundle["parameters"] == {
        "estimator": "LogisticRegression", "parameters": {"max_iter": 50}, "steps": [], "threads": 1,
        "class_weight": None, "sample_weight": None, "cv": None, "cv_group": None, "metrics": [],
    }  # fmt: skip
    assert bundle["labels"] == [
        {"name": "has_diabetes", "task": "classification", "classes": [0, 1], "codes": [0, 1]}
    ]  # fmt: skip
    with zipfile.ZipFile(model / "model" / "0.zip") as archive:
        row = json.loads(archive.read("estimator.json"))
        assert archive.namelist() == ["estimator.json", "0.npy", "1.npy", "2.npy", "3.npy"]
    assert (row["format"], row["estimator"]["new"], row["estimator"]["arguments"]) == (1, "LogisticRegression", [])
    attributes = dict(row["estimator"]["state"]["dict"])
    assert attributes["random_state"] == 1729
    assert attributes["max_iter"] == 50
    assert attributes["n_features_in_"] == 7
    found = [name for name, value in attributes.items() if isinstance(value, dict) and "array" in value]
    assert found == ["classes_", "n_iter_", "coef_", "intercept_"]


@pytest.mark.parametrize("estimator", ["LogisticRegression", "RandomForestClassifier"])
def test_two_trainings_give_the_same_bundle(bench, prepared, estimator):
    one, two = (train(bench, prepared[1], estimator).path for _ in range(2))
    for path in one.rglob("*"):
        if path.is_file():
            assert (two / path.relative_to(one)).read_bytes() == path.read_bytes()


def test_another_seed_gives_another_forest(bench, prepared):
    one, two = (train(bench, prepared[1], "RandomForestClassifier", seed=seed, n_estimators=3) for seed in (1, 2))
    assert (one.path / "model" / "0.zip").read_bytes() != (two.path / "model" / "0.zip").read_bytes()


def test_each_label_gets_an_estimator_of_its_own(bench, animals):
    labels = ["species", "tame", "legs"]
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=labels)
    model = train(bench, inputs, "GaussianNB")
    loaded = load_model(model.path)
    assert {label.name: label.classes for label in loaded.bundle.labels} == {
        "species": ("Adelie", "Chinstrap", "Gentoo"), "tame": (False, True), "legs": (2, 4),
    }  # fmt: skip
    metrics = evaluate(bench, raw, model, metrics={label: ["accuracy"] for label in labels})
    assert metrics["species/accuracy"] > 0.9
    assert metrics["tame/accuracy"] > 0.9
    assert set(metrics) == {"species/accuracy", "tame/accuracy", "legs/accuracy"}


def test_a_regressor_predicts_in_units_of_the_label(bench, animals):
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=["mass"])
    metrics = evaluate(bench, raw, train(bench, inputs, "LinearRegression"))
    assert metrics["r2"] > 0.99
    assert metrics["mae"] < 1


@pytest.mark.parametrize(
    ("estimator", "parameters"),
    [
        ("LinearSVC", {}),
        ("RidgeClassifier", {}),
        ("SVC", {"decision_function_shape": "ovo"}),
        ("SVC", {}),
        ("NearestCentroid", {}),
    ],
)
@pytest.mark.parametrize("label", ["species", "tame"])
def test_a_classifier_without_probabilities_is_ranked_by_its_scores(bench, animals, estimator, parameters, label):
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=[label])
    model = train(bench, inputs, estimator, **parameters)
    metrics = evaluate(bench, raw, model)
    if "log_loss" not in metrics:
        assert f"log_loss of {label} is not defined: the model gives no probabilities" in bench.warnings
    assert metrics["accuracy"] > 0.9
    assert metrics["roc_auc"] > 0.9


def test_no_rows_give_no_predictions(bench, animals):
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=["species"])
    batch = next(Snapshot.of(raw).batches("eval")).slice(0, 0)
    prediction = load_model(train(bench, inputs, "GaussianNB").path).predict(batch)["species"]
    assert prediction.values.shape == (0,)
    assert prediction.probabilities.shape == (0, 3)
    raw, inputs = bench.prepare(animals, features=["bill", "flipper"], labels=["mass"])
    prediction = load_model(train(bench, inputs, "Ridge").path).predict(batch)["mass"]
    assert prediction.values.shape == (0,)


def test_labels_that_do_not_fit_are_all_told_before_fitting(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["mass", "hole", "species"])
    with pytest.raises(DataError) as caught:
        train(bench, inputs, "LogisticRegression")
    assert [problem.where for problem in caught.value.problems] == ["label 'mass'", "label 'hole'"]
    assert "a classifier needs classes, and the label has continuous values such as " in str(caught.value)
    assert caught.value.problems[0].mend == "Take a regressor"


def test_a_regressor_refuses_classes_of_text(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["species"])
    with pytest.raises(DataError, match="label 'species': a regressor needs numbers, and the label has classes"):
        train(bench, inputs, "Ridge")


def rewritten(inputs, split, name, values):
    """Overwrite a column of transformed examples, as another preprocesser may write it."""
    path = inputs["examples"].path / split / "shard-00000.arrow"
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        table = file.read_all()
    table = table.set_column(table.schema.get_field_index(name), name, values(table[name].combine_chunks()))
    path.unlink()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return inputs


def test_a_label_with_one_class_is_refused(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["legs"])
    rewritten(inputs, "train", "legs", lambda column: pa.array([2] * len(column), pa.int64()))
    with pytest.raises(DataError, match=r"all rows of the split train have the same class, 2\. A classifier needs"):
        train(bench, inputs, "GaussianNB")


def test_a_label_without_values_is_refused(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["legs"])
    rewritten(inputs, "train", "legs", lambda column: pa.nulls(len(column), pa.int64()))
    for estimator in ("GaussianNB", "Ridge"):
        with pytest.raises(DataError, match="the label has no values in the split to fit on"):
            train(bench, inputs, estimator)


def test_rows_without_a_label_or_of_an_unknown_class_are_not_trained_on(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["species", "legs"])
    rewritten(inputs, "train", "species", lambda column: pa.array([-1, *column.to_pylist()[1:]], pa.int64()))
    rewritten(inputs, "train", "legs", lambda column: pa.array([None, None, *column.to_pylist()[2:]], pa.int64()))
    model = load_model(train(bench, inputs, "GaussianNB").path)
    assert model.bundle.labels[0].codes == (0, 1, 2)
    assert bench.warnings[-2:] == [
        "1 rows without a value of species are not trained on",
        "2 rows without a value of legs are not trained on",
    ]


def test_numbers_written_as_floats_are_classes_too(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill"], labels=["legs"])
    rewritten(inputs, "train", "legs", lambda column: column.cast(pa.float64()))
    assert load_model(train(bench, inputs, "GaussianNB").path).bundle.labels[0].classes == (2, 4)


def test_what_scikit_learn_refuses_is_told_without_a_traceback(bench, animals):
    _, inputs = bench.prepare(animals, features=["bill", "hole"], labels=["legs"], overwrite={"hole": {"filling": []}})
    with pytest.raises(
        DataError, match=r"SklearnTrainer\(LogisticRegression\) on label 'legs': scikit-learn refused: I"
    ):
        train(bench, inputs, "LogisticRegression")
    train(bench, inputs, "HistGradientBoostingClassifier", max_iter=2)


def test_a_parameter_of_a_wrong_value_is_told(bench, prepared):
    with pytest.raises(ConfigError, match="The 'C' parameter of LogisticRegression must be a float"):
        train(bench, prepared[1], "LogisticRegression", C=-1)


def test_an_unknown_estimator_is_refused_at_the_run_too(bench, prepared):
    with pytest.raises(ConfigError, match=r"Did you mean Ridge\?"):
        train(bench, prepared[1], "Rige")


def test_warnings_of_scikit_learn_are_reported(bench, prepared):
    train(bench, prepared[1], "LogisticRegression", max_iter=1)
    (warning,) = bench.warnings
    assert "SklearnTrainer(LogisticRegression) on label 'has_diabetes': " in warning
    assert "failed to converge" in warning


def test_fitting_and_predicting_keep_to_the_thread_count(bench, prepared, monkeypatch):
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_info

    seen = []

    def spied(name):
        original = getattr(LogisticRegression, name)

        def method(self, *args):
            seen.append((name, {row["num_threads"] for row in threadpool_info()}))
            return original(self, *args)

        monkeypatch.setattr(LogisticRegression, name, method)

    spied("fit")
    spied("predict_proba")
    evaluate(bench, prepared[0], train(bench, prepared[1], "LogisticRegression"))
    assert dict(seen) == {"fit": {1}, "predict_proba": {1}}


def test_a_file_with_another_model_is_refused(bench, prepared):
    model = train(bench, prepared[1], "LogisticRegression").path
    features, target = np.zeros((4, 7), np.float32), np.array([0, 1, 2, 1])
    for estimator in ("Ridge", "GaussianNB"):
        save(build(estimator, {}, 0).fit(features, target), model / "model" / "0.zip")
        with pytest.raises(DataError, match="does not hold a classification of has_diabetes"):
            load_model(model)


def test_the_example_request_can_be_predicted(bench, prepared):
    model = train(bench, prepared[1], "LogisticRegression").path
    rows = json.loads((model / "example.json").read_text())["inputs"]
    loaded = load_model(model)
    assert loaded.predict(pa.RecordBatch.from_pylist(rows))["has_diabetes"].probabilities.shape == (len(rows), 2)
    assert Transform.load(model / "transform").features.keys() == rows[0].keys()
