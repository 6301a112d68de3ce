from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenml.data.metrics import METRICS, Measured, find_metric
from zenml.data.metrics.grouping import Whole
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.table import greater_is_better
from zenml.data.metrics.tallies import Tally, tally
from zenml.data.shards import decode_state, encode_state
from zenml.errors import ConfigError

skm = pytest.importorskip("sklearn.metrics")


def classified(seed: int, rows: int, classes: int, ties: bool) -> Outcomes:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    truth[:classes] = np.arange(classes)
    weights = random.integers(1, 5, (rows, classes)) if ties else random.random((rows, classes)) + 1e-3
    scores = weights / weights.sum(axis=1, keepdims=True)
    return Outcomes(truth, random.integers(0, classes, rows), scores)


def regressed(seed: int, rows: int) -> Outcomes:
    random = np.random.default_rng(seed)
    truth = random.normal(size=rows) * 10.0 ** random.integers(-3, 4)
    return Outcomes(truth, truth + random.normal(size=rows))


def whole(outcomes: Outcomes) -> Tally:
    (found,) = tally(outcomes, Whole(len(outcomes)))
    return found


def value(name: str, outcomes: Outcomes) -> float:
    measured = METRICS[name].measure(whole(outcomes))
    assert measured.value is not None, measured.reason
    return measured.value


def averaged(truth, predicted):
    found = {}
    for average in ("macro", "weighted"):
        values = skm.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        found |= {f"{name}_{average}": row for name, row in zip(("precision", "recall", "f1"), values, strict=False)}
    return found


sizes = st.integers(8, 200)
seeds = st.integers(0, 2**32)


@settings(deadline=None, max_examples=30)
@given(seeds, sizes, st.booleans())
def test_metrics_of_two_classes_equal_those_of_scikit_learn(seed, rows, ties):
    outcomes = classified(seed, rows, 2, ties)
    truth, predicted, positive = outcomes.truth, outcomes.predicted, outcomes.scores[:, 1]
    if not predicted.any():
        predicted[0] = 1
    expected = {
        "accuracy": skm.accuracy_score(truth, predicted),
        "precision": skm.precision_score(truth, predicted),
        "recall": skm.recall_score(truth, predicted),
        "f1": skm.f1_score(truth, predicted),
        "roc_auc": skm.roc_auc_score(truth, positive),
        "pr_auc": skm.average_precision_score(truth, positive),
        "log_loss": skm.log_loss(truth, outcomes.scores),
        **averaged(truth, predicted),
    }
    for name, number in expected.items():
        assert value(name, outcomes) == pytest.approx(number, rel=1e-9, abs=1e-9), name


@settings(deadline=None, max_examples=30)
@given(seeds, sizes, st.integers(3, 6), st.booleans())
def test_metrics_of_many_classes_equal_the_macro_averages_of_scikit_learn(seed, rows, classes, ties):
    outcomes = classified(seed, rows, classes, ties)
    truth, predicted, scores = outcomes.truth, outcomes.predicted, outcomes.scores
    expected = {
        "accuracy": skm.accuracy_score(truth, predicted),
        "precision": skm.precision_score(truth, predicted, average="macro", zero_division=0),
        "recall": skm.recall_score(truth, predicted, average="macro", zero_division=0),
        "f1": skm.f1_score(truth, predicted, average="macro", zero_division=0),
        "roc_auc": skm.roc_auc_score(truth, scores, multi_class="ovr", average="macro"),
        "pr_auc": skm.average_precision_score(truth, scores, average="macro"),
        "log_loss": skm.log_loss(truth, scores, labels=range(classes)),
        **averaged(truth, predicted),
    }
    for name, number in expected.items():
        assert value(name, outcomes) == pytest.approx(number, rel=1e-9, abs=1e-9), name


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(2, 300))
def test_metrics_of_a_regression_equal_those_of_scikit_learn(seed, rows):
    outcomes = regressed(seed, rows)
    truth, predicted = outcomes.truth, outcomes.predicted
    assert value("mae", outcomes) == pytest.approx(skm.mean_absolute_error(truth, predicted), rel=1e-9)
    assert value("rmse", outcomes) == pytest.approx(skm.root_mean_squared_error(truth, predicted), rel=1e-9)
    assert value("r2", outcomes) == pytest.approx(skm.r2_score(truth, predicted), rel=1e-9, abs=1e-9)


def test_log_loss_of_a_certain_error_is_finite_and_that_of_scikit_learn():
    outcomes = Outcomes(np.array([0, 1]), np.array([1, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert value("log_loss", outcomes) == pytest.approx(skm.log_loss([0, 1], outcomes.scores), rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(seeds, sizes, st.lists(st.integers(0, 200), max_size=5))
def test_metrics_do_not_depend_on_how_rows_were_cut(seed, rows, cuts):
    every = classified(seed, rows, 3, ties=True)
    borders = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    parts = [every.rows(slice(a, b)) for a, b in itertools.pairwise(borders)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(Outcomes.from_state(decode_state(encode_state(part.to_state()))))
    for metric in METRICS.values():
        if metric.task == "classification":
            assert metric.measure(whole(merged)) == metric.measure(whole(every))


def test_outcomes_of_a_regression_survive_the_fold():
    outcomes = regressed(3, 20)
    back = Outcomes.from_state(decode_state(encode_state(outcomes.to_state())))
    assert back.scores is None
    assert back.classes == 0
    assert METRICS["rmse"].measure(whole(Outcomes.join([back]))) == METRICS["rmse"].measure(whole(outcomes))


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_of_no_rows_is_undefined(name):
    nothing = Outcomes(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2)))
    assert METRICS[name].measure(whole(nothing)) == Measured(None, "there are no rows")


def binary(truth, predicted, positive, calibrated=True) -> Outcomes:
    scores = np.column_stack([1 - np.asarray(positive, float), positive])
    return Outcomes(np.asarray(truth), np.asarray(predicted), scores, calibrated)


@pytest.mark.parametrize(
    ("name", "outcomes", "reason"),
    [
        ("roc_auc", binary([1, 1], [1, 0], [0.9, 0.2]), "all rows are of one class"),
        ("pr_auc", binary([0, 0], [1, 0], [0.9, 0.2]), "all rows are of one class"),
        ("precision", binary([1, 0], [0, 0], [0.4, 0.2]), "no row is predicted positive"),
        ("recall", binary([0, 0], [1, 0], [0.9, 0.2]), "no row is positive"),
        ("f1", binary([0, 0], [0, 0], [0.1, 0.2]), "no row is positive, and none is predicted positive"),
        ("log_loss", binary([0, 1], [0, 1], [-3, 5], calibrated=False), "the model gives no probabilities"),
        ("roc_auc", binary([0, 1], [0, 1], [np.nan, 0.5]), "the model gave scores that are not numbers"),
        ("log_loss", binary([-1, 1], [0, 1], [0.1, 0.5]), "some rows are of a class that the model was not trained on"),
        ("roc_auc", Outcomes(np.array([0, 1]), np.array([0, 1]), np.eye(3)[:2]), "1 of 3 classes have no row"),
        ("r2", Outcomes(np.array([1.0]), np.array([1.5])), "one row has no variance"),
        ("r2", Outcomes(np.array([1.0, 1.0]), np.array([1.5, 1])), "the label has the same value in all rows"),
        ("r2", Outcomes(np.array([0, 1e-200]), np.array([0.0, 1])), "the label's variance is too small to be computed"),
        ("mae", Outcomes(np.ones(1), np.array([np.inf])), "the model predicted values that are not finite numbers"),
        ("rmse", Outcomes(np.array([1e300]), np.array([-1e300])), "the value is too large for a number"),
        ("roc_auc", Outcomes(np.array([0, 1]), np.array([0, 1])), "the model gives no scores"),
    ],
)  # fmt: skip
def test_a_metric_that_is_not_defined_says_why(name, outcomes, reason):
    assert METRICS[name].measure(whole(outcomes)) == Measured(None, reason)


def test_a_class_that_the_model_does_not_know_counts_as_predicted_wrongly():
    outcomes = binary([-1, 1], [0, 1], [0.1, 0.5])
    assert value("accuracy", outcomes) == 0.5


def test_scores_that_are_no_probabilities_still_rank():
    assert value("roc_auc", binary([0, 1, 1], [0, 1, 0], [-3, 5, 1], calibrated=False)) == 1.0


@pytest.mark.parametrize(
    ("alias", "name"), [("binary_accuracy", "accuracy"), ("binary_crossentropy", "log_loss"), ("f1", "f1")]
)
def test_aliases_find_their_metric(alias, name):
    assert find_metric(alias).name == name


def test_what_a_better_model_raises_is_known_by_name():
    higher = ("accuracy", "a/b/f1", "r2", "subset_accuracy", "of_my_own", "binary_accuracy")
    lower = ("log_loss", "x/mae", "hamming_loss", "binary_crossentropy", "val_loss", "my_error")
    assert all(map(greater_is_better, higher))
    assert not any(map(greater_is_better, lower))


def test_an_unknown_metric_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"here: there is no metric 'acuracy'\. Did you mean accuracy\?"):
        find_metric("acuracy", "here")


def test_a_metric_like_no_other_is_answered_with_all():
    with pytest.raises(ConfigError, match="Known: accuracy, balanced_accuracy, binary_accuracy"):
        find_metric("zzz")
