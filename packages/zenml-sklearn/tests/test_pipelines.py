from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from zenml.datasources.csv import CSVDatasource
from zenml.errors import ConfigError, DataError, PluginError
from zenml.pipelines import TrainingPipeline
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.reader import SplitReader
from zenml_sklearn.estimators import REFUSED, build, kind, problems
from zenml_sklearn.persistence import load, save
from zenml_sklearn.trainer import SklearnTrainer

PAIRS = {"estimator": "PolynomialFeatures", "parameters": {"degree": 2, "include_bias": False}}
SCALE = {"name": "scale", "estimator": "StandardScaler"}


def said(trainer):
    return [str(problem) for problem in trainer.check({})]


@pytest.fixture
def prepared(bench, mixed):
    return bench.prepare(mixed, features=["a", "b", "c"], labels=["ill"])


def test_a_model_with_steps_is_what_scikit_learn_s_pipeline_is(bench, prepared):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    raw, inputs = prepared
    trainer = SklearnTrainer(estimator="LogisticRegression", parameters={"C": 0.5}, steps=[SCALE, PAIRS])
    model = bench.run(trainer, **inputs)["model"]
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["roc_auc"] > 0.8

    features, labels = SplitReader(inputs["examples"].path / "train", ["ill"]).arrays()
    same = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), LogisticRegression(C=0.5))
    same.fit(features, labels["ill"])
    mine = load(model.path / "model" / "0.zip")
    assert [name for name, _ in mine.steps] == ["scale", "polynomialfeatures", "logisticregression"]
    assert np.array_equal(mine.predict_proba(features), same.predict_proba(features))


def test_steps_survive_yaml(tmp_path, mixed):
    trainer = SklearnTrainer(
        estimator="Pipeline", parameters={"steps": [["model", {"estimator": "Ridge", "parameters": {"alpha": 2}}]]},
        steps=[SCALE, {"estimator": "PCA", "parameters": {"n_components": 2}}], sample_weight="weight", cv=3,
    )  # fmt: skip
    made = TrainingPipeline(name="Steps")
    made.add_datasource(CSVDatasource(name="mixed", path=str(mixed)))
    made.add_split(RandomSplit())
    made.add_preprocesser(StandardPreprocesser(features=["a", "b"], labels=["price", "weight"]))
    made.add_trainer(trainer)
    made.to_yaml(tmp_path / "one.yaml")
    again = TrainingPipeline.from_yaml(tmp_path / "one.yaml")
    again.to_yaml(tmp_path / "two.yaml")
    assert (tmp_path / "one.yaml").read_text() == (tmp_path / "two.yaml").read_text()
    assert again.steps["trainer"] == trainer


def test_problems_of_steps_are_told_before_anything_runs_with_the_closest_names():
    steps = [
        {"class": "StandardScaler"},
        {"estimator": "StandardScalar", "params": {}},
        {"estimator": "PCA", "parameters": {"n_component": 3}, "nam": "x"},
        {"estimator": "Ridge"},
        {"name": "two__parts", "estimator": "PCA", "parameters": 3},
        {"name": "a", "estimator": "MinMaxScaler"},
        {"name": "a", "estimator": "LabelEncoder"},
    ]
    found = said(SklearnTrainer(estimator="Ridge", steps=steps))
    for text in (
        "SklearnTrainer.steps[0].class: unknown parameter. Did you mean estimator?",
        "SklearnTrainer.steps[0].estimator: a step needs the name of an estimator",
        "SklearnTrainer.steps[1].params: unknown parameter. Did you mean parameters?",
        "has no transformer 'StandardScalar'. Did you mean StandardScaler?",
        "SklearnTrainer.steps[2].nam: unknown parameter. Did you mean name?",
        "SklearnTrainer.steps[2].parameters.n_component: PCA has no such parameter. Did you mean n_components?",
        "has no transformer 'Ridge'",
        "SklearnTrainer.steps[4].name: a step's name is a string without two underscores in a row",
        "SklearnTrainer.steps[4].parameters: the parameters are values by name",
        "SklearnTrainer.steps[6].name: another step has the name 'a'",
        "SklearnTrainer.steps[6].estimator: LabelEncoder cannot be trained here. It is of labels",
    ):
        assert any(text in row for row in found), text


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ("x", "the steps of a Pipeline are pairs of a name and an estimator"),
        ([["a", "b"]], "the steps of a Pipeline are pairs of a name and an estimator"),
        ([["a", {"estimator": "Ridge"}], ["b", {"estimator": "Lasso"}]], "Ridge does not transform"),
        ([["a", {"estimator": "PCA"}]], "PCA predicts nothing, and is the last step"),
        ([["a", {"estimator": "PCA"}], ["b", "passthrough"]], "the last step predicts nothing"),
        ([["a", {"estimator": "PAC"}], ["b", {"estimator": "Ridge"}]], "Did you mean PCA?"),
    ],
)
def test_what_is_no_pipeline_is_told(steps, text):
    assert any(text in str(row) for row in problems("Pipeline", {"steps": steps}, "trainer"))


def test_a_pipeline_may_stand_inside_another_estimator():
    inner = {"estimator": "Pipeline", "parameters": {"steps": [["s", SCALE | {}], ["m", {"estimator": "Ridge"}]]}}
    inner["parameters"]["steps"][0][1] = {"estimator": "StandardScaler"}
    parameters = {"estimators": [["one", inner], ["two", {"estimator": "Lasso"}]]}
    assert list(problems("VotingRegressor", parameters, "trainer")) == []
    made = build("VotingRegressor", parameters, 3)
    assert [type(step).__name__ for _, step in made.estimators[0][1].steps] == ["StandardScaler", "Ridge"]
    assert kind("Pipeline", inner["parameters"]) == "regressor"


TRANSFORMERS = {
    "ColumnTransformer": {"transformers": [["s", {"estimator": "StandardScaler"}, [0, 1]], ["p", "passthrough", [2]]]},
    "FeatureUnion": {"transformer_list": [["s", {"estimator": "StandardScaler"}], ["p", {"estimator": "PCA"}]]},
    "KBinsDiscretizer": {"quantile_method": "averaged_inverted_cdf"},
    "Nystroem": {"n_components": 5},
    "OneHotEncoder": {"handle_unknown": "ignore"},
    "PowerTransformer": {},
    "QuantileTransformer": {"n_quantiles": 10},
    "RBFSampler": {"n_components": 7},
    "RandomTreesEmbedding": {"n_estimators": 3},
    "SelectKBest": {"k": 2},
    "SimpleImputer": {},
    "TruncatedSVD": {},
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers_give_the_same_after_a_round_trip(name, tmp_path):
    chance = np.random.default_rng(1)
    features, target = np.abs(chance.normal(size=(60, 4))), np.arange(60) % 3
    fitted = build(name, TRANSFORMERS[name], 5).fit(features, target)
    save(fitted, tmp_path / "model.zip")
    one, two = (made.transform(features) for made in (fitted, load(tmp_path / "model.zip")))
    assert np.array_equal(*((made if isinstance(made, np.ndarray) else made.toarray()) for made in (one, two)))


def test_every_refused_estimator_says_why():
    for name in REFUSED:
        (text,) = problems(name, {}, "trainer", ("classifier", "regressor", "transformer"))
        assert text.mend == REFUSED[name]


def test_estimators_of_one_s_own_are_trained_saved_and_loaded(bench, prepared, own):
    raw, inputs = prepared
    steps = [{"name": "double", "estimator": "own_estimators:Doubled"}]
    trainer = SklearnTrainer(estimator="own_estimators:Shifted", parameters={"shift": 0.5}, steps=steps)
    assert said(trainer) == []
    assert set(trainer.code_classes()) == {own.Shifted, own.Doubled}
    model = bench.run(trainer, **inputs)["model"]
    bench.run(TFMAEvaluator(), examples=raw, model=model)
    assert bench.metrics["roc_auc"] > 0.75
    assert isinstance(load_model(model.path).predictor._estimators[0][1][-1], own.Shifted)


def test_a_file_cannot_name_a_class_that_the_trainer_does_not(bench, prepared, own):
    trainer = SklearnTrainer(estimator="own_estimators:Shifted")
    model = bench.run(trainer, **prepared[1])["model"].path
    bundle = json.loads((model / "bundle.json").read_text())
    bundle["parameters"]["estimator"] = "LogisticRegression"
    (model / "bundle.json").write_text(json.dumps(bundle))
    with pytest.raises(DataError, match="names what is not trusted: own_estimators:Shifted"):
        load_model(model)


def test_a_bundle_whose_module_is_gone_says_so(bench, prepared, own, monkeypatch):
    model = bench.run(SklearnTrainer(estimator="own_estimators:Shifted"), **prepared[1])["model"].path
    monkeypatch.delitem(sys.modules, "own_estimators")
    monkeypatch.setattr(sys, "path", [row for row in sys.path if "zenml-sklearn/tests" not in row])
    with pytest.raises(PluginError, match="there is no module own_estimators"):
        load_model(model)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"estimator": "own_estimators:Shiftd"}, "own_estimators has no Shiftd. Did you mean Shifted?"),
        ({"estimator": "own_estimatrs:Shifted"}, "there is no module own_estimatrs"),
        ({"estimator": "own_estimators:Shifted", "parameters": {"shft": 1}}, "Did you mean shift?"),
        ({"estimator": "own_estimators:Doubled"}, "is a transformer, and a classifier or regressor is needed"),
        ({"estimator": "own_estimators:NoEstimator"}, "it has no fit, so scikit-learn cannot work with it"),
        ({"estimator": "own_estimators:np"}, "is a module, not a class"),
        ({"estimator": "own_estimators:Means", "class_weight": "balanced"}, "takes no weights of rows"),
    ],
)
def test_what_is_wrong_with_an_estimator_of_one_s_own_is_told_before_it_runs(config, text, own):
    (found,) = said(SklearnTrainer(**config))
    assert text in found


def test_what_an_estimator_of_one_s_own_does_unlike_scikit_learn_s_is_told(bench, prepared, own):
    with pytest.raises(ConfigError, match=r"classes_ of the classifier are not .* Let fit set self.classes_"):
        bench.run(SklearnTrainer(estimator="own_estimators:Nameless"), **prepared[1])
    with pytest.raises(DataError, match="it holds own_estimators:Helper"):
        bench.run(SklearnTrainer(estimator="own_estimators:Holding"), **prepared[1])


def test_making_and_checking_the_trainers_imports_no_scikit_learn():
    script = (
        "import sys\n"
        "from zenml.steps.trainer import SklearnBoostingTrainer, SklearnPartialFitTrainer, SklearnTrainer\n"
        "steps = [{'estimator': 'StandardScaler'}]\n"
        "for kind, name in ((SklearnTrainer, 'Ridge'), (SklearnBoostingTrainer, 'GradientBoostingRegressor'),"
        " (SklearnPartialFitTrainer, 'SGDRegressor')):\n"
        "    assert not list(kind(estimator=name, steps=steps, sample_weight='w').check({}))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('sklearn', 'scipy', 'threadpoolctl')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
