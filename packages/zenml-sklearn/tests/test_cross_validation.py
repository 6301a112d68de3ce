from __future__ import annotations

import numpy as np
import pytest

from zenml.errors import ConfigError, DataError
from zenml.steps.trainer.reader import SplitReader
from zenml_sklearn.trainer import SklearnTrainer

FEATURES = ["a", "b", "c"]


def validated(bench, mixed, labels, estimator="LogisticRegression", seed=1729, **config):
    _, inputs = bench.prepare(mixed, features=FEATURES, labels=labels)
    bench.run(SklearnTrainer(estimator=estimator, **config), seed=seed, **inputs)
    return bench.metrics, inputs


def test_the_folds_are_measured_as_scikit_learn_measures_them(bench, mixed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    metrics, inputs = validated(bench, mixed, ["ill"], cv=4, metrics=["roc_auc", "accuracy"])
    features, columns = SplitReader(inputs["examples"].path / "train", ["ill"]).arrays()
    cut = StratifiedKFold(4, shuffle=True, random_state=1729)
    scores = cross_val_score(LogisticRegression(), features, columns["ill"], cv=cut, scoring="roc_auc")
    assert [metrics[f"cv_roc_auc_fold_{number}"] for number in range(1, 5)] == pytest.approx(scores.tolist())
    assert metrics["cv_roc_auc_mean"] == pytest.approx(scores.mean())
    assert metrics["cv_roc_auc_std"] == pytest.approx(scores.std())
    assert set(metrics) == {
        f"cv_{name}_{what}"
        for name in ("roc_auc", "accuracy")
        for what in ("mean", "std", *(f"fold_{number}" for number in range(1, 5)))
    }


def test_the_seed_alone_decides_on_the_folds(bench, mixed):
    one, _ = validated(bench, mixed, ["ill"], cv=3)
    two, _ = validated(bench, mixed, ["ill"], cv=3)
    other, _ = validated(bench, mixed, ["ill"], cv=3, seed=2)
    assert one == two
    assert one["cv_roc_auc_mean"] != other["cv_roc_auc_mean"]


def test_rows_of_a_group_are_never_in_two_folds(bench, mixed, monkeypatch):
    from zenml_sklearn import cross_validation

    kept = []
    cut = cross_validation.CrossValidation._cut

    def watched(self, label, values, groups):
        for rest, fold in cut(self, label, values, groups):
            kept.append((set(groups[rest]), set(groups[fold])))
            yield rest, fold

    monkeypatch.setattr(cross_validation.CrossValidation, "_cut", watched)
    metrics, _ = validated(bench, mixed, ["ill", "group"], cv=3, cv_group="group")
    assert metrics["cv_roc_auc_mean"] > 0.8
    validated(bench, mixed, ["price", "group"], "Ridge", cv=3, cv_group="group")
    assert len(kept) == 6
    assert all(not rest & fold for rest, fold in kept)


def test_several_labels_have_metrics_of_their_own_with_weights_and_steps(bench, mixed):
    metrics, _ = validated(
        bench, mixed, ["ill", "kind", "weight"], cv=2, metrics=["accuracy"], sample_weight="weight",
        class_weight="balanced", steps=[{"estimator": "StandardScaler"}],
    )  # fmt: skip
    assert metrics["cv_ill/accuracy_mean"] > 0.7
    assert metrics["cv_kind/accuracy_mean"] > 0.7


def test_a_regression_is_measured_by_its_own_metrics(bench, mixed):
    metrics, _ = validated(bench, mixed, ["price"], "Ridge", cv=5)
    assert metrics["cv_r2_mean"] > 0.99
    assert {"cv_mae_std", "cv_rmse_fold_5"} <= set(metrics)


def test_too_few_rows_groups_or_rows_of_a_class_are_told(bench, mixed):
    with pytest.raises(DataError, match=r"cv=300, and the class 'c' has \d+ rows. Take cv=\d+ or less"):
        validated(bench, mixed, ["kind"], cv=300)
    with pytest.raises(DataError, match=r"cv=13, and there are 12 groups\. Take cv=12 or less"):
        validated(bench, mixed, ["ill", "group"], cv=13, cv_group="group")
    with pytest.raises(DataError, match=r"cv=900, and there are \d+ rows"):
        validated(bench, mixed, ["price"], "Ridge", cv=900)


def test_a_class_that_only_one_group_has_is_told(bench, tmp_path):
    lines = [f"{number % 7},{number % 4},{int(number % 4 == 0)}" for number in range(80)]
    (tmp_path / "table.csv").write_text("\n".join(["a,group,ill", *lines]) + "\n")
    _, inputs = bench.prepare(tmp_path / "table.csv", features=["a"], labels=["ill", "group"])
    trainer = SklearnTrainer(estimator="LogisticRegression", cv=2, cv_group="group")
    with pytest.raises(DataError, match="a class of the label has no rows to learn from"):
        bench.run(trainer, **inputs)


def test_a_metric_that_a_fold_does_not_define_is_left_out_with_a_warning(bench, mixed):
    metrics, _ = validated(bench, mixed, ["ill"], "LinearSVC", cv=2, metrics=["log_loss", "roc_auc"])
    assert "cv_log_loss_mean" not in metrics
    assert any(text.endswith("log_loss is not defined in 2 of 2 folds") for text in bench.warnings)
    assert metrics["cv_roc_auc_mean"] > 0.8


def test_fields_without_cv_and_unknown_metrics_are_told():
    trainer = SklearnTrainer(estimator="Ridge", cv_group="g", metrics=["rms"])
    found = [str(problem) for problem in trainer.check({})]
    assert "SklearnTrainer.cv_group: it is of cross-validation, and cv is not set. Set cv=5" in found
    assert any("there is no metric 'rms'. Did you mean rmse?" in text for text in found)
    with pytest.raises(ConfigError, match=r"SklearnTrainer\.cv"):
        SklearnTrainer(estimator="Ridge", cv=1)


def test_the_spread_is_over_the_folds(bench, mixed):
    metrics, _ = validated(bench, mixed, ["ill"], cv=2, metrics=["accuracy"])
    folds = [metrics["cv_accuracy_fold_1"], metrics["cv_accuracy_fold_2"]]
    assert metrics["cv_accuracy_std"] == pytest.approx(np.std(folds))
