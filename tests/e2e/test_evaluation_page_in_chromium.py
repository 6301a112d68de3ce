"""A model that is not good enough: its page in a browser, beside the best earlier model; it asks no network."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import RunFailed, ZenMLError
from zenml.repo import Repository
from zenml.steps.evaluator import TFMAEvaluator
from zenml.steps.trainer import SklearnBoostingTrainer, SklearnTrainer


def check_in_a_browser(browse: Any, page: Path, folder: Path) -> None:
    """Look at a page in a wide and in a narrow window."""
    for width in (1280, 420):
        picture = folder / f"{page.stem}-{width}.png"
        assert browse(page, width, picture) == []
        assert struct.unpack(">II", picture.read_bytes()[16:24]) == (width, 1600)
        assert picture.stat().st_size > 30_000, "an empty page has one colour"


def test_a_training_by_epochs_shows_its_learning_curve(project: Path, diabetes: Path, browse: Any) -> None:
    from quickstart_for_tests import quickstart

    evaluator = TFMAEvaluator(metrics={"has_diabetes": ["roc_auc"]})
    trainer = SklearnBoostingTrainer(
        estimator="HistGradientBoostingClassifier", epochs=8, rounds_per_epoch=5, metrics=["roc_auc"]
    )
    pipeline = quickstart(diabetes, trainer=trainer, evaluator=evaluator)
    run = pipeline.run()
    page = pipeline.evaluate()
    last = run.steps["trainer"].history[-1]
    assert last["epoch"] == 8
    assert {"loss", "eval_loss", "eval_roc_auc"} <= last.keys()
    for name in ("loss", "roc_auc"):
        assert f'aria-label="{name}: {name} by epoch"' in page.html, name
    check_in_a_browser(browse, page.path, project)


def test_a_refused_model_is_shown_beside_the_best_earlier_one(project: Path, diabetes: Path, browse: Any) -> None:
    from quickstart_for_tests import quickstart

    with pytest.raises(ZenMLError, match=r"no run of pipeline 'Quickstart' has an evaluation yet\. Add an evaluator"):
        quickstart(diabetes).evaluate()
    metrics = {"has_diabetes": ["roc_auc", "accuracy"]}
    first = quickstart(diabetes, evaluator=TFMAEvaluator(metrics=metrics)).run()
    assert "earlier model" not in quickstart(diabetes).evaluate().html

    gate = TFMAEvaluator(metrics=metrics, slices=[["age"], ["times_pregnant"]], min_metrics={"roc_auc": 0.99})
    weak = SklearnTrainer(estimator="LogisticRegression", parameters={"C": 1e-5})
    pipeline = quickstart(diabetes, trainer=weak, evaluator=gate)
    with pytest.raises(RunFailed, match=r"step evaluator: .*roc_auc is 0\.[0-9]+, and must be at least 0\.99"):
        pipeline.run()
    refused = Repository.get_instance().get_runs()[0]
    assert refused.state == "FAILED"

    page = pipeline.evaluate()
    assert page.metrics == refused.metrics
    assert page.path == project / ".zenml" / "reports" / f"{refused.id}-evaluation.html"
    assert first.id in page.html
    assert "✗ roc_auc is" in page.html
    check_in_a_browser(browse, page.path, project)

    assert pipeline.evaluate(first, path=project / "first.html").metrics == first.metrics
    assert (project / "first.html").exists()
    with pytest.raises(ZenMLError, match="run r0 of pipeline 'Quickstart' has no evaluation"):
        pipeline.evaluate("r0")
