from __future__ import annotations

import subprocess
import sys

import pytest

from zenml.errors import ConfigError
from zenml_sklearn.estimators import build, problems
from zenml_sklearn.trainer import SklearnTrainer


def said(name, **parameters):
    return [str(problem) for problem in problems(name, parameters, "trainer")]


def test_known_names_have_no_problem():
    assert said("LogisticRegression", C=0.5, max_iter=200) == []
    assert said("RidgeCV", alphas=[1, 2]) == []


def test_an_unknown_estimator_is_answered_with_the_closest():
    (text,) = said("LogisticRegresion", anything=1)
    assert "has no classifier or regressor 'LogisticRegresion'. Did you mean LogisticRegression?" in text
    assert text.startswith("trainer.estimator: ")


@pytest.mark.parametrize("name", ["KMeans", "StandardScaler", "zzz", "os.system", ""])
def test_what_is_neither_classifier_nor_regressor_is_refused(name):
    (text,) = said(name)
    assert f"has no classifier or regressor {name!r}" in text


def test_all_unknown_parameters_are_told_with_the_closest():
    assert said("LogisticRegression", max_itr=3, zzz=1) == [
        "trainer.parameters.max_itr: LogisticRegression has no such parameter. Did you mean max_iter?",
        said("LogisticRegression", zzz=1)[0],
    ]
    assert "Known: C, class_weight" in said("LogisticRegression", zzz=1)[0]


def test_what_cannot_be_trained_is_refused_with_the_reason():
    (text,) = said("MultiTaskLasso")
    assert text.startswith(
        "trainer.estimator: MultiTaskLasso cannot be trained here. It predicts several labels at once"
    )


def test_a_parameter_without_default_is_asked_for():
    (text,) = said("OneVsRestClassifier")
    assert text.startswith("trainer.parameters.estimator: OneVsRestClassifier needs a value. Give it as {")


def test_problems_of_inner_estimators_say_where_they_stand():
    inner = {"estimator": "DecisionTreeClasifier", "parameters": {}}
    (text,) = said("BaggingClassifier", estimator=inner)
    assert text.startswith("trainer.parameters.estimator.estimator: ")
    assert text.endswith("Did you mean DecisionTreeClassifier?")
    pairs = [["a", {"estimator": "LogisticRegression", "parameters": {"D": 1}}]]
    (text,) = said("VotingClassifier", estimators=pairs)
    assert text.startswith("trainer.parameters.estimators[0][1].parameters.D: LogisticRegression has no such parameter")


def test_what_takes_a_random_state_gets_the_seed_unless_it_is_given():
    inner = {"estimator": "DecisionTreeClassifier", "parameters": {"random_state": 5}}
    made = build("BaggingClassifier", {"estimator": inner}, seed=2**32 + 7)
    assert (made.random_state, made.estimator.random_state) == (7, 5)
    assert build("GaussianNB", {}, seed=7).get_params() == {"priors": None, "var_smoothing": 1e-9}
    assert build("RandomForestClassifier", {"random_state": 3}, seed=7).random_state == 3


def test_pairs_of_name_and_estimator_are_built():
    made = build("VotingClassifier", {"estimators": [["a", {"estimator": "GaussianNB"}]]}, seed=1)
    assert [(name, type(model).__name__) for name, model in made.estimators] == [("a", "GaussianNB")]


def test_the_trainer_tells_all_its_problems_before_anything_runs():
    trainer = SklearnTrainer(estimator="LogisticRegression", parameters={"c": 1, "tool": 2})
    assert [problem.where for problem in trainer.check({})] == [
        "SklearnTrainer.parameters.c",
        "SklearnTrainer.parameters.tool",
    ]


@pytest.mark.parametrize("config", [{}, {"estimator": "Ridge", "threads": 0}, {"estimator": "Ridge", "paramters": {}}])
def test_a_config_that_does_not_fit_is_refused(config):
    with pytest.raises(ConfigError, match="SklearnTrainer"):
        SklearnTrainer(**config)


def test_the_thread_count_is_part_of_the_fingerprint():
    assert SklearnTrainer(estimator="Ridge", threads=2).fingerprint_config() == {"estimator": "Ridge", "threads": 2}


def test_making_and_checking_a_trainer_imports_no_scikit_learn():
    script = (
        "import sys; from zenml_sklearn.trainer import SklearnTrainer;"
        "assert not list(SklearnTrainer(estimator='LogisticRegression', parameters={'C': 1}).check({}));"
        "print([name for name in sys.modules if name.split('.')[0] in ('sklearn', 'scipy', 'threadpoolctl')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
