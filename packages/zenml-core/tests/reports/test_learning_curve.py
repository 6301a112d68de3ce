from __future__ import annotations

from zenml.reports.evaluation.learning_curve import learning_curve_cards


def test_each_metric_has_a_chart_with_both_splits():
    epochs = [{"epoch": n, "loss": 1.0 / n, "eval_loss": 1.2 / n, "eval_roc_auc": 0.5 + n / 100} for n in (1, 2, 3)]
    html = learning_curve_cards(epochs)
    assert html.count("<section") == 2
    assert html.count(">train</span>") == 1
    assert html.count(">eval</span>") == 2
    assert "best: 0.4" in html
    assert "in epoch 3" in html
    assert "<span>1</span><span>epoch</span><span>3</span>" in html


def test_epochs_without_a_value_are_left_out_and_long_trainings_are_thinned():
    epochs = [{"epoch": n, "loss": None if n == 2 else float(n)} for n in range(1, 3001)]
    html = learning_curve_cards(epochs)
    assert "best: 1" in html
    assert html.count("L") < 500
    assert learning_curve_cards([{"epoch": 1, "loss": None}, {"epoch": 2, "loss": None}]) == ""


def test_fewer_than_two_epochs_make_no_curve():
    assert learning_curve_cards([{"epoch": 1, "loss": 0.5}]) == ""
    assert learning_curve_cards([]) == ""


def test_the_loss_comes_first():
    html = learning_curve_cards([{"epoch": n, "eval_accuracy": 0.5, "loss": 1.0 / n} for n in (1, 2)])
    assert html.index("loss") < html.index("accuracy")
