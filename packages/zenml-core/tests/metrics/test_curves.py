"""Curves, confusions and metrics of models of real tables, beside those of scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zenml.data.metrics import METRICS
from zenml.data.metrics.curves import against, confusion, curves
from zenml.data.metrics.grouping import Whole
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.table import TOGETHER
from zenml.data.metrics.tallies import ClassCounts, NumberSums, tally, tally_and_points
from zenml.data.metrics.together import TogetherCounts

datasets = pytest.importorskip("sklearn.datasets")
skm = pytest.importorskip("sklearn.metrics")


def classified(name: str) -> Outcomes:
    """Return the outcomes of a model of one of scikit-learn's own tables, on rows that it has not seen."""
    from sklearn.naive_bayes import GaussianNB

    features, truth = getattr(datasets, f"load_{name}")(return_X_y=True)
    model = GaussianNB().fit(features[::2], truth[::2])
    scores = model.predict_proba(features[1::2])
    return Outcomes(truth[1::2].astype(np.int64), scores.argmax(axis=1), scores)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "digits"])
def test_metrics_of_real_models_equal_those_of_scikit_learn(name):
    outcomes = classified(name)
    truth, predicted, scores = outcomes.truth, outcomes.predicted, outcomes.scores
    (found,) = tally(outcomes, Whole(len(outcomes)))
    two = scores.shape[1] == 2
    averages = skm.precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0)
    weighted = skm.precision_recall_fscore_support(truth, predicted, average="weighted", zero_division=0)
    plain = skm.precision_recall_fscore_support(truth, predicted, average="binary") if two else averages
    expected = {
        "accuracy": skm.accuracy_score(truth, predicted),
        "roc_auc": skm.roc_auc_score(truth, scores[:, 1] if two else scores, multi_class="ovr"),
        "pr_auc": skm.average_precision_score(truth, scores[:, 1] if two else scores),
        "log_loss": skm.log_loss(truth, scores),
        **dict(zip(("precision", "recall", "f1"), plain, strict=False)),
        **dict(zip(("precision_macro", "recall_macro", "f1_macro"), averages, strict=False)),
        **dict(zip(("precision_weighted", "recall_weighted", "f1_weighted"), weighted, strict=False)),
    }
    measured = {name: row.measure(found).value for name, row in METRICS.items() if row.task == "classification"}
    assert measured == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_confusions_and_curves_equal_those_of_scikit_learn(name):
    from sklearn.calibration import calibration_curve

    outcomes = classified(name)
    rows, classes = len(outcomes), outcomes.classes
    matrix = confusion(outcomes, Whole(rows), classes)
    assert matrix[:-1].tolist() == skm.confusion_matrix(outcomes.truth, outcomes.predicted).tolist()
    assert not matrix[-1].any()
    _, points = tally_and_points(outcomes, Whole(rows), keep=range(classes))
    for number in range(classes):
        truth, scores = outcomes.truth == number, outcomes.scores[:, number]
        made = json.loads(json.dumps(curves(outcomes, scores, Whole(rows), number, points[number]).to_json()))
        assert (made["positives"], made["negatives"]) == (truth.sum(), rows - truth.sum())
        share, mean = calibration_curve(truth, scores, n_bins=10)
        told = made["calibration"]
        filled = [place for place, count in enumerate(told["rows"]) if count]
        assert [told["positives"][place] / told["rows"][place] for place in filled] == pytest.approx(share, abs=1e-9)
        assert [told["mean_probability"][place] for place in filled] == pytest.approx(mean, abs=1e-9)
        assert sum(told["rows"]) == rows
        for place, at in enumerate(made["thresholds"]["threshold"]):
            assert made["thresholds"]["true_positives"][place] == np.count_nonzero(truth & (scores >= at))
            assert made["thresholds"]["false_positives"][place] == np.count_nonzero(~truth & (scores >= at))


def test_scores_that_are_no_probabilities_have_a_ranking_only():
    outcomes = classified("breast_cancer")
    outcomes = Outcomes(outcomes.truth, outcomes.predicted, outcomes.scores * 7 - 3, calibrated=False)
    _, points = tally_and_points(outcomes, Whole(len(outcomes)), keep=[1])
    made = curves(outcomes, outcomes.scores[:, 1], Whole(len(outcomes)), 1, points[1]).to_json()
    assert set(made) == {"positives", "negatives", "ranking"}


def test_metrics_of_a_real_regression_equal_those_of_scikit_learn():
    from sklearn.linear_model import Ridge

    features, truth = datasets.load_diabetes(return_X_y=True)
    predicted = Ridge().fit(features[::2], truth[::2]).predict(features)
    outcomes = Outcomes(truth, predicted)
    (found,) = tally(outcomes, Whole(len(outcomes)))
    expected = {
        "mae": skm.mean_absolute_error(truth, predicted),
        "rmse": skm.root_mean_squared_error(truth, predicted),
        "r2": skm.r2_score(truth, predicted),
    }
    assert {name: METRICS[name].measure(found).value for name in expected} == pytest.approx(expected, rel=1e-9)
    grid = against(outcomes, Whole(len(outcomes)))
    assert (sum(grid["rows"]), grid["low"]) == (len(truth), min(truth.min(), predicted.min()))


def test_a_grid_of_nothing_finite_is_none_and_of_one_value_one_cell():
    assert against(Outcomes(np.array([1.0]), np.array([np.nan])), Whole(1))["rows"] == []
    assert against(Outcomes(np.empty(0), np.empty(0)), Whole(0)) is None
    assert against(Outcomes(np.full(3, 5.0), np.full(3, 5.0)), Whole(3))["rows"] == [3]


def test_several_labels_together_are_measured_as_scikit_learn_does():
    chance = np.random.default_rng(8)
    truth = chance.random((500, 4)) < [0.5, 0.2, 0.7, 0.01]
    predicted = truth ^ (chance.random((500, 4)) < 0.2)
    parts = [TogetherCounts(4), TogetherCounts(4)]
    parts[0].update(truth[:99], predicted[:99])
    parts[1].update(truth[99:], predicted[99:])
    parts[0].merge(parts[1])
    expected = {
        "subset_accuracy": skm.accuracy_score(truth, predicted),
        "hamming_loss": skm.hamming_loss(truth, predicted),
        "f1_micro": skm.f1_score(truth, predicted, average="micro"),
        "f1_macro": skm.f1_score(truth, predicted, average="macro", zero_division=0),
    }
    assert parts[0].result() == pytest.approx(expected, rel=1e-9)
    assert list(parts[0].result()) == list(TOGETHER)
    assert TogetherCounts(2).result() == {}


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_states_of_parts_are_merged_to_those_of_the_whole(cut):
    outcomes = classified("wine").rows(slice(0, 80))
    numbers = np.arange(len(outcomes)) % 3 - 1
    whole, first, second = (ClassCounts(2, 3, True, True) for _ in range(3))
    whole.update(numbers, outcomes)
    for state, part in ((first, slice(0, cut)), (second, slice(cut, None))):
        state.update(numbers[part], outcomes.rows(part))
    first.merge(second)
    assert repr(first.result()) == repr(whole.result())

    chance = np.random.default_rng(3)
    outcomes = Outcomes(chance.normal(size=80), chance.normal(size=80))
    totals = [NumberSums(2) for _ in range(3)]
    totals[0].update(numbers, outcomes)
    for state, part in ((totals[1], slice(0, cut)), (totals[2], slice(cut, None))):
        state.update(numbers[part], outcomes.rows(part))
    totals[1].merge(totals[2])
    assert totals[1].result() == totals[0].result()
