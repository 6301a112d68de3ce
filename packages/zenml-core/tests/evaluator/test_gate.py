from __future__ import annotations

import json

import pytest

from zenml.data.metrics import Measured
from zenml.errors import ConfigError, QualityError
from zenml.steps.evaluator.agnostic import AgnosticEvaluator
from zenml.steps.evaluator.gate import Bound, bounds, gated


def evaluation(bench) -> dict:
    """Return what the last evaluator wrote, also where it was not content."""
    (folder,) = bench.root.glob(f"{len(list(bench.root.glob('*-*'))):02d}-*")
    return json.loads((folder / "evaluation" / "evaluation.json").read_text())


def test_a_model_that_breaks_bounds_is_refused_with_values_and_bounds_after_its_evaluation(trained, bench):
    step = AgnosticEvaluator(min_metrics={"roc_auc": 0.99, "accuracy": 0}, max_metrics={"binary_crossentropy": 0.001})
    with pytest.raises(QualityError) as caught:
        bench.run(step, **trained("ill"))
    made = evaluation(bench)
    values = made["labels"][0]["overall"]["metrics"]
    assert str(caught.value) == (
        f"the model is not good enough: roc_auc is {values['roc_auc']:.6g}, and must be at least 0.99; "
        f"log_loss is {values['log_loss']:.6g}, and must be at most 0.001. "
        "See what is wrong on the page that pipeline.evaluate() writes"
    )
    assert made["gate"] == [
        {"metric": "roc_auc", "min": 0.99, "value": values["roc_auc"], "kept": False},
        {"metric": "accuracy", "min": 0.0, "value": values["accuracy"], "kept": True},
        {"metric": "log_loss", "max": 0.001, "value": values["log_loss"], "kept": False},
    ]


def test_a_bound_measures_its_metric_though_it_was_not_asked_for(trained, bench):
    step = AgnosticEvaluator(metrics={"ill": ["accuracy"]}, min_metrics={"recall_macro": 0.01}, worst_rows=0)
    (made,) = bench.run(step, **trained("ill")).values()
    assert list(bench.metrics) == ["accuracy", "recall_macro"]
    assert not (made.path / "worst_rows.arrow").exists()


def test_bounds_of_one_label_of_several_carry_its_name(trained, bench):
    step = AgnosticEvaluator(max_metrics={"price/mae": 1e-6}, min_metrics={"ill/f1": 0})
    with pytest.raises(QualityError, match=r"price/mae is \d.*, and must be at most 1e-06\. See"):
        bench.run(step, **trained("ill", "price"))
    assert evaluation(bench)["gate"][0]["kept"]


def test_of_one_label_the_name_may_be_given(trained, bench):
    bench.run(AgnosticEvaluator(min_metrics={"ill/f1": 0, "ill/accuracy": 0}), **trained("ill"))
    assert {"f1", "accuracy"} <= set(bench.metrics)


def test_a_metric_without_a_value_keeps_no_bound():
    verdict = Bound("roc_auc", "min", 0.5).judge(Measured(None, "all rows are of one class"))
    assert str(verdict) == "roc_auc is not defined (all rows are of one class), and must be at least 0.5"
    assert verdict.to_json()["reason"] == "all rows are of one class"
    assert not Bound("roc_auc", "max", 0.5).judge(None).kept


def test_bounds_that_make_no_sense_are_found_before_anything_runs():
    step = AgnosticEvaluator(
        min_metrics={"acuracy": 0.5, "log_loss": 0.1, "roc_auc": 80, "a/r2": -3, "f1": float("nan")},
        max_metrics={"mae": -1, "accuracy": 0.4, "hamming_loss": 0.5},
    )
    assert [str(problem) for problem in step.check({})] == [
        "AgnosticEvaluator.min_metrics.acuracy: there is no metric 'acuracy'. Did you mean accuracy?",
        "AgnosticEvaluator.min_metrics.log_loss: log_loss is the less the better. Bound it in max_metrics",
        "AgnosticEvaluator.min_metrics.roc_auc: roc_auc is never as much as 80. It is from 0 to 1",
        "AgnosticEvaluator.min_metrics.f1: f1 is never as much as nan. It is from 0 to 1",
        "AgnosticEvaluator.max_metrics.mae: mae is never as little as -1. It is from 0 to inf",
        "AgnosticEvaluator.max_metrics.accuracy: accuracy is the greater the better. Bound it in min_metrics",
    ]
    assert step.is_gate
    assert not AgnosticEvaluator().is_gate


def test_bounds_that_do_not_fit_the_model_are_told_at_once(trained, bench):
    step = AgnosticEvaluator(
        min_metrics={"accuracy": 0.5, "il/f1": 0.1, "price/f1": 0.1, "f1_micro": 0.1}, max_metrics={"price/mae": 1}
    )
    with pytest.raises(ConfigError) as caught:
        bench.run(step, **trained("ill", "price"))
    place = "AgnosticEvaluator.min_metrics"
    fitting = "Metrics of a regression: mae, rmse, r2"
    assert [str(problem) for problem in caught.value.problems] == [
        f"{place}.accuracy: the model predicts several labels. Name one: ill/accuracy",
        f"{place}.il/f1: the model does not predict 'il'. Labels: ill, price",
        f"{place}.price/f1: f1 is a metric of a classification, and this label is a regression. {fitting}",
        f"{place}.f1_micro: f1_micro is measured of several labels of two classes each together",
    ]


def test_aliases_are_resolved_and_metrics_of_all_labels_are_of_none():
    found = bounds({"binary_accuracy": 0.5, "a/b/f1": 0.2, "f1_micro": 0.3}, {"x/binary_crossentropy": 1})
    assert [row.metric for row in found] == ["accuracy", "a/b/f1", "f1_micro", "x/log_loss"]
    assert [metric.name for metric in gated(found, "a/b", False)] == ["f1"]
    assert [metric.name for metric in gated(found, "x", True)] == ["accuracy", "log_loss"]
