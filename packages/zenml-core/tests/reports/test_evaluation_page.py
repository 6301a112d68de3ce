from __future__ import annotations

import importlib
import json
import re
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from zenml.errors import DataError, QualityError
from zenml.metadata.liveness import this_owner
from zenml.metadata.records import ArtifactRecord, RunRecord, State, StepRecord
from zenml.reports.evaluation import MeasuredModel, evaluation_page, has_measures, measured_model
from zenml.reports.evaluation.best_earlier import EarlierModel, best_earlier, comparison_card
from zenml.reports.evaluation.confusions import class_card, confusion_card
from zenml.reports.evaluation.curves import curve_cards
from zenml.reports.evaluation.regression import against_card
from zenml.reports.evaluation.slices import by_harm, slices_card
from zenml.reports.evaluation.worst import worst_card
from zenml.steps.evaluator.agnostic import AgnosticEvaluator

FEATURES = ["age", "weight", "island", "sex"]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "trainer"))
    return importlib.import_module("tiny_trainer")


@pytest.fixture
def evaluated(tiny: Any, tmp_path: Path) -> Any:
    """Return a function that trains on labels, evaluates, and gives the evaluation's folder."""
    bench = tiny.Workbench(tmp_path / "bench")

    def run(*labels: str, **config: Any) -> Path:
        inputs = bench.prepare(tiny.table(), features=FEATURES, labels=labels)
        raw = inputs.pop("raw")
        inputs = {"examples": raw, **bench.run(tiny.TinyTrainer(), **inputs)}
        with suppress(QualityError):
            bench.run(AgnosticEvaluator(**config), **inputs)
        (folder,) = bench.root.glob("*-AgnosticEvaluator")
        return folder / "evaluation"

    return run


class Tags(HTMLParser):
    """Sees that a page is well formed, and counts its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", html))


def test_a_page_of_every_kind_of_label_is_whole_and_refers_to_nothing_outside(evaluated: Any, tmp_path: Path) -> None:
    folder = evaluated("ill", "kind", "price", slices=[["island"], ["island", "sex"]], min_metrics={"ill/roc_auc": 1})
    model = measured_model(folder)
    page = evaluation_page("A & B", {"evaluator": model}, subtitle="run r1, FAILED")
    tags = Tags(page.html)
    assert tags.counts["svg"] == 4 + 4 + 1
    assert "<title>A &amp; B</title>" in page.html
    assert not re.search(r"(src|href)=|@import|url\(|https?://", page.html)
    said = text_of(page.html)
    for words in ("ROC curve", "Confusion matrix", "Calibration", "Thresholds", "Predicted against true", "Slices"):
        assert words in said
    assert "✗ ill/roc_auc is" in said
    assert "island = Biscoe, sex = missing" in said
    assert page.metrics == model.metrics
    assert set(page.metrics) == {
        *(f"{label}/{name}" for label in ("ill", "kind") for name in ("accuracy", "roc_auc", "log_loss")),
        *(f"price/{name}" for name in ("mae", "rmse", "r2")),
    }
    written = page.write(tmp_path / "page.html")
    assert (written.path, written.metrics) == (tmp_path / "page.html", page.metrics)
    assert "srcdoc" in written._repr_html_()
    assert repr(written) == f"Page({str(written.path)!r})"


def test_evaluations_of_several_steps_are_told_apart(evaluated: Any) -> None:
    model = measured_model(evaluated("ill", worst_rows=0))
    html = evaluation_page("Two", {"first": model, "second": model}).html
    assert html.count('aria-label="ROC curve') == 2
    assert "<h2>first</h2>" in html
    assert "Worst rows" not in html


def test_labels_measured_together_and_an_earlier_model_are_shown_in_tiles(evaluated: Any) -> None:
    model = measured_model(evaluated("ill"))
    together = {"rows": 9, "metrics": {"hamming_loss": 0.25, "f1_micro": 0.5}}
    labels = [{**model.labels[0], "name": name} for name in ("a", "b")]
    gate = [{"metric": "a/roc_auc", "min": 0.5, "value": None, "kept": False, "reason": "all rows are of one class"}]
    several = MeasuredModel({**model.content, "labels": labels, "together": together, "gate": gate}, [])
    old = {"hamming_loss": 0.5, "f1_micro": 0.5, "a/accuracy": 1.0}
    page = evaluation_page("Many", {"evaluator": several}, earlier={"evaluator": EarlierModel("r1", 5.0, old, False)})
    Tags(page.html)
    assert '<span class="better" title="from the best earlier model">-0.2500</span>' in page.html
    assert '<span class="soft" title="from the best earlier model">+0.0000</span>' in page.html
    assert page.html.count('<span class="worse" title="from the best earlier model">') == 1
    assert "✗ a/roc_auc is not defined (all rows are of one class); it must be at least 0.5" in page.html
    assert {"hamming_loss", "f1_micro", "a/accuracy", "b/accuracy"} <= set(page.metrics)


def label(groups: list[dict[str, Any]], metrics: dict[str, float | None], **more: Any) -> dict[str, Any]:
    return {
        "name": "y",
        "task": "classification",
        "metrics": list(metrics),
        "overall": {"rows": 100, "metrics": metrics},
        "slices": [{"columns": ["c"], "groups": groups, "left_out": {"groups": 3, "rows": 5}}],
        **more,
    }


def group(value: Any, rows: int, **metrics: float | None) -> dict[str, Any]:
    return {"values": {"c": value}, "rows": rows, "metrics": metrics}


def test_slices_are_sorted_by_how_much_worse_they_are_and_undefined_ones_come_last() -> None:
    rows = [group("a", 40, roc_auc=0.9), group(None, 50, roc_auc=None), group("<c>", 10, roc_auc=0.2)]
    metric, found = by_harm(label(rows, {"roc_auc": 0.5}))
    assert (metric, [(row.values["c"], row.harm) for row in found]) == (
        "roc_auc", [("<c>", 0.3), ("a", -0.4), (None, None)],
    )  # fmt: skip
    html = slices_card(label(rows, {"roc_auc": 0.5}))
    Tags(html)
    assert "c = &lt;c&gt;" in html
    assert 'class="few"><th>c = &lt;c&gt;' in html
    assert "and 3 more groups" in html


def test_of_a_loss_the_greater_is_the_worse_and_the_first_metric_with_values_counts() -> None:
    rows = [group("a", 40, roc_auc=None, log_loss=0.2), group("b", 60, roc_auc=None, log_loss=0.9)]
    metric, found = by_harm(label(rows, {"roc_auc": 0.5, "log_loss": 0.6}))
    assert (metric, [row.values["c"] for row in found]) == ("log_loss", ["b", "a"])
    assert slices_card(label([], {"roc_auc": 0.5})) == ""
    nothing = label([group("a", 1, roc_auc=None)], {"roc_auc": None})
    assert by_harm(nothing)[0] == ""
    assert "in the order of the data" in slices_card(nothing)


def test_confusions_of_many_classes_are_listed_by_how_frequent_they_are() -> None:
    names = [f"class {number}" for number in range(20)]
    matrix = [[50 if true == made else int((true, made) == (3, 4)) * 7 for made in range(20)] for true in range(20)]
    html = confusion_card({"classes": names, "confusion": {"matrix": matrix}})
    assert "Most frequent confusions" in html
    assert text_of(html).split("rows ")[1].split() == ["class", "3", "class", "4", "7"]
    largest = confusion_card({"classes": names, "confusion": {"largest": [[1, 2, 9]]}})
    assert "class 1" in largest
    small = confusion_card({"classes": [False, True], "confusion": {"matrix": [[3, 1], [0, 0]], "unknown": [1, 1]}})
    assert "(not known)" in small
    Tags(small + html)


def test_the_worst_classes_come_first() -> None:
    rows = [
        {"class": name, "true": 5, "predicted": 4, "precision": f1, "recall": f1, "f1": f1, "roc_auc": 0.5}
        for name, f1 in (("good", 0.9), ("none", None), ("bad", 0.1))
    ]
    said = text_of(class_card({"by_class": rows}))
    assert said.index("none") < said.index("bad") < said.index("good")


def test_curves_without_both_sides_or_probabilities_are_left_out() -> None:
    ranking = {"threshold": [0.5], "true_positives": [3], "false_positives": [0]}
    assert curve_cards([{"class": 1, "positives": 3, "negatives": 0, "ranking": ranking}], 2) == ""
    ranking = {"threshold": [None, 0.5], "true_positives": [0, 3], "false_positives": [0, 2]}
    html = curve_cards([{"class": "x", "positives": 3, "negatives": 2, "ranking": ranking}], 40)
    assert html.count("<svg") == 2
    assert "1 of 40 classes" in html


def test_worst_rows_are_shortened_and_escaped() -> None:
    row = {
        "evaluation.label": "y", "evaluation.row": 1234, "evaluation.loss": float("inf"), "evaluation.truth": "<x>",
        "evaluation.predicted": "1.23456789", "text": "long " * 20, "bytes": b"123", "nothing": None,
        "number": 0.1 + 0.2,
    }  # fmt: skip
    html = worst_card([row], {"name": "y", "task": "classification"})
    Tags(html)
    said = text_of(html)
    for words in ("1,234", "&lt;x&gt;", "1.235", "∞", "3 bytes", "missing", "0.3", "…"):
        assert words in said
    assert worst_card([row], {"name": "z", "task": "regression"}) == ""


def test_a_regression_without_finite_numbers_has_no_drawing() -> None:
    assert against_card(None, "y") == ""
    grid = {"low": 0.0, "high": 1.0, "cells": 40, "true": [], "predicted": [], "rows": []}
    Tags(against_card(grid, "y"))


def record(number: int, model: str, examples: str, step: str = "evaluator", **metrics: float) -> RunRecord:
    inputs = (
        ArtifactRecord("examples", "Examples", "/e", examples), ArtifactRecord("model", "Model", "/m", model),
    )  # fmt: skip
    done = StepRecord(step, "TFMAEvaluator", State.COMPLETE, inputs=inputs, metrics=metrics)
    return RunRecord(f"r{number:019d}", "P", "", this_owner(), State.COMPLETE, 1.7e9 + number, steps=(done,))


def test_the_best_earlier_model_is_another_one_and_of_the_same_data_where_there_is_one() -> None:
    new = record(9, "new", "data", auc=0.5).steps[0]
    runs = [
        record(8, "new", "data", roc_auc=0.99),
        record(7, "a", "data", roc_auc=0.6),
        record(6, "b", "data", roc_auc=0.7),
        record(5, "c", "other", roc_auc=0.9),
        record(4, "d", "data", step="another", roc_auc=0.95),
        record(3, "e", "data", log_loss=0.1),
    ]
    best = best_earlier(runs, new, "roc_auc")
    assert best is not None
    assert (best.run, best.same_data) == (runs[2].id, True)
    other = best_earlier(runs[3:], new, "roc_auc")
    assert other is not None
    assert (other.run, other.same_data) == (runs[3].id, False)
    assert "measured on other data" in comparison_card({"roc_auc": 0.5}, other)
    assert best_earlier(runs, new, "f1") is None
    losses = [record(2, "a", "data", log_loss=0.5), record(1, "b", "data", log_loss=0.4)]
    lowest = best_earlier(losses, new, "log_loss")
    assert lowest is not None
    assert lowest.run == losses[1].id


def test_a_comparison_says_what_became_better_and_worse() -> None:
    earlier = EarlierModel("r1", None, {"roc_auc": 0.5, "log_loss": 0.5, "f1": 0.1, "accuracy": 0.8}, True)
    html = comparison_card({"roc_auc": 0.6, "log_loss": 0.6, "accuracy": 0.8}, earlier)
    looks = re.findall(r"<th>([a-z_0-9]+)</th>(?:<td>[^<]*</td>){2}<td>(?:<span class=\"(\w+)\">)?", html)
    assert dict(looks) == {"roc_auc": "better", "log_loss": "worse", "accuracy": "soft", "f1": ""}


def test_an_evaluation_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    assert not has_measures(tmp_path)
    with pytest.raises(DataError, match="there is no evaluation"):
        measured_model(tmp_path)
    file = tmp_path / "evaluation.json"
    file.write_text("{")
    with pytest.raises(DataError, match="the evaluation is damaged"):
        measured_model(tmp_path)
    file.write_text(json.dumps({"format": 1}))
    with pytest.raises(DataError, match=r"has format 1, and this ZenML shows format 2\. Run the pipeline again"):
        measured_model(tmp_path)
