from __future__ import annotations

import numpy as np
import pytest

from zenml.datasources.csv import CSVDatasource
from zenml.errors import DataError, SpecError
from zenml.pipelines import TrainingPipeline
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.reader import SplitReader
from zenml_sklearn.boosting import SklearnBoostingTrainer
from zenml_sklearn.partial_fit import SklearnPartialFitTrainer
from zenml_sklearn.persistence import load
from zenml_sklearn.trainer import SklearnTrainer

FEATURES = ["a", "b", "c"]
KEPT = {"weight": {"transform": [{"method": "no_transform"}]}}


def rows(inputs, *labels):
    return SplitReader(inputs["examples"].path / "train", list(labels)).arrays()


def test_a_label_as_weight_is_passed_on_and_not_learned(bench, mixed):
    from sklearn.linear_model import LogisticRegression

    raw, inputs = bench.prepare(mixed, features=FEATURES, labels=["ill", "weight"])
    model = bench.run(SklearnTrainer(estimator="LogisticRegression", sample_weight="weight"), **inputs)["model"]
    features, columns = rows(inputs, "ill", "weight")
    same = LogisticRegression().fit(features, columns["ill"], sample_weight=columns["weight"])
    assert np.array_equal(load(model.path / "model" / "0.zip").coef_, same.coef_)
    assert [label.name for label in load_model(model.path).bundle.labels] == ["ill"]
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["roc_auc"] > 0.8


@pytest.mark.parametrize(
    "trainer",
    [
        SklearnTrainer(estimator="LogisticRegression", sample_weight="weight"),
        SklearnTrainer(estimator="LogisticRegression", steps=[{"estimator": "PCA"}], sample_weight="weight"),
        SklearnPartialFitTrainer(estimator="SGDClassifier", sample_weight="weight", epochs=2),
        SklearnBoostingTrainer(estimator="HistGradientBoostingClassifier", sample_weight="weight", epochs=1),
    ],
    ids=["whole", "steps", "batches", "rounds"],
)
def test_a_feature_as_weight_is_not_learned_from(bench, mixed, trainer):
    raw, inputs = bench.prepare(mixed, features=[*FEATURES, "weight"], labels=["ill"], overwrite=KEPT)
    model = bench.run(trainer, **inputs)["model"]
    assert load(model.path / "model" / "0.zip").n_features_in_ == len(FEATURES)
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["accuracy"] > 0.7


def test_columns_that_are_damaged_in_a_bundle_are_told(bench, mixed):
    _, inputs = bench.prepare(mixed, features=[*FEATURES, "weight"], labels=["ill"], overwrite=KEPT)
    model = bench.run(SklearnTrainer(estimator="LogisticRegression", sample_weight="weight"), **inputs)["model"].path
    features = np.zeros((2, 3), np.float32)
    with pytest.raises(DataError, match="takes features of 4 columns, and these have 3"):
        load_model(model).predictor(features)
    (model / "model" / "columns.json").write_text('{"width": 4, "kept": [9]}')
    with pytest.raises(DataError, match="the model is damaged"):
        load_model(model)


def test_class_weights_are_those_of_scikit_learn(bench, mixed):
    from sklearn.linear_model import LogisticRegression

    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["kind"])
    features, columns = rows(inputs, "kind")
    for mine, its in (("balanced", "balanced"), ({"a": 3, "c": 0.5}, {0: 3, 1: 1, 2: 0.5})):
        model = bench.run(SklearnTrainer(estimator="LogisticRegression", class_weight=mine), **inputs)["model"]
        same = LogisticRegression(class_weight=its).fit(features, columns["kind"])
        assert load(model.path / "model" / "0.zip").coef_ == pytest.approx(same.coef_, abs=1e-3)


def test_a_weight_of_a_class_that_is_not_there_is_refused(bench, mixed):
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=["kind"])
    with pytest.raises(DataError, match="class_weight names 'd', which is no class of the label 'kind'"):
        bench.run(SklearnTrainer(estimator="LogisticRegression", class_weight={"d": 2}), **inputs)


def refused(bench, mixed, *, column="weight", features=FEATURES, labels=("ill",), overwrite=None):
    _, inputs = bench.prepare(mixed, features=features, labels=list(labels), overwrite=overwrite or {})
    trainer = SklearnTrainer(estimator="LogisticRegression", sample_weight=column)
    with pytest.raises(DataError) as caught:
        bench.run(trainer, **inputs)
    return str(caught.value)


def test_weights_that_are_none_are_refused_with_their_number(bench, mixed, tmp_path):
    text = refused(bench, mixed, column="bad", labels=["ill", "bad"])
    assert "column 'bad', split train: " in text
    assert "weights are negative, the lowest is -1" in text
    assert "split eval" in text
    zero = tmp_path / "zero.csv"
    lines = mixed.read_text().splitlines()
    zero.write_text("\n".join([lines[0] + ",none", *(line + ",0" for line in lines[1:])]) + "\n")
    text = refused(bench, zero, column="none", features=[*FEATURES, "none"], overwrite={"none": KEPT["weight"]})
    assert "all weights are zero" in text


def test_a_scaled_feature_is_no_weight_and_the_error_says_what_to_do(bench, mixed):
    text = refused(bench, mixed, features=[*FEATURES, "weight"])
    assert "weights are negative" in text
    assert "where its transform is no_transform" in text


def test_missing_weights_are_refused(bench, mixed, tmp_path):
    lines = mixed.read_text().splitlines()
    lines[1:] = [line.replace(",3,2,", ",,2,") for line in lines[1:]]
    (tmp_path / "holes.csv").write_text("\n".join(lines) + "\n")
    overwrite = {"weight": {"filling": [], "transform": [{"method": "no_transform"}]}}
    text = refused(bench, tmp_path / "holes.csv", features=[*FEATURES, "weight"], overwrite=overwrite)
    assert "missing" in text


def test_a_column_that_is_not_there_is_answered_with_the_closest(bench, mixed):
    text = refused(bench, mixed, column="wieght", labels=["ill", "weight"])
    assert "the data have no column 'wieght'. Did you mean weight?" in text


def test_a_column_that_the_preprocesser_does_not_give_is_told_before_anything_runs(mixed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = TrainingPipeline(name="Weights")
    made.add_datasource(CSVDatasource(name="mixed", path=str(mixed)))
    made.add_split(RandomSplit())
    made.add_preprocesser(StandardPreprocesser(features=FEATURES, labels=["ill", "weight"]))
    made.add_trainer(SklearnTrainer(estimator="LogisticRegression", sample_weight="wieght", cv=3, cv_group="group"))
    with pytest.raises(SpecError) as caught:
        made.run()
    text = str(caught.value)
    assert "SklearnTrainer.sample_weight: the preprocesser gives no column 'wieght'. Did you mean weight?" in text
    assert "SklearnTrainer.cv_group: the preprocesser gives no column 'group'" in text
    assert not (tmp_path / ".zenml" / "artifacts").exists()


def test_a_weight_that_is_the_only_label_or_a_vector_is_refused(bench, mixed):
    assert "no label is left to learn beside sample_weight='weight'" in refused(bench, mixed, labels=["weight"])
    text = refused(bench, mixed, column="kind", features=["a", "kind"])
    assert "column 'kind' is a vector after its transform" in text
    one = refused(bench, mixed, features=["weight"], overwrite=KEPT)
    assert "no feature is left to learn from" in one


def test_an_estimator_that_takes_no_weights_is_told_before_it_runs():
    for trainer, name in (
        (SklearnTrainer(estimator="KNeighborsClassifier", class_weight="balanced"), "class_weight"),
        (SklearnTrainer(estimator="KNeighborsClassifier", sample_weight="w"), "sample_weight"),
    ):
        (problem,) = trainer.check({})
        assert problem.where == f"SklearnTrainer.{name}"
        assert problem.what == "KNeighborsClassifier takes no weights of rows"
    assert not list(
        SklearnTrainer(estimator="VotingClassifier", parameters={"estimators": []}, sample_weight="w").check({})
    )
