from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from zenml.data.metrics import METRICS
from zenml.data.metrics.grouping import Whole
from zenml.data.metrics.outcomes import Outcomes
from zenml.data.metrics.tallies import tally
from zenml.data.snapshot import Snapshot
from zenml.errors import ConfigError, DataError
from zenml.steps.base import Wired
from zenml.steps.evaluator.agnostic import AgnosticEvaluator
from zenml.steps.evaluator.tfma import TFMAEvaluator
from zenml.steps.split.no_split import NoSplit
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.loading import load_model


def evaluate(bench, step, inputs):
    (made,) = bench.run(step, **inputs).values()
    return json.loads((made.path / "evaluation.json").read_text())


def expected(inputs, label, keep=lambda table: np.ones(table.num_rows, bool)):
    """Measure by hand on the rows of the eval split that `keep` keeps."""
    table = pa.Table.from_batches(Snapshot.of(inputs["examples"]).batches("eval"))
    model = load_model(inputs["model"].path)
    (batch,) = table.combine_chunks().to_batches()
    predictions, truths = model.predict_and_observe(batch)
    made = predictions[label]
    rows = keep(table)
    truth = truths[label] if made.label.task == "regression" else np.nan_to_num(truths[label], nan=-1).astype(int)
    outcomes = Outcomes(truth, made.values, made.scores).rows(rows)
    (found,) = tally(outcomes, Whole(len(outcomes)))
    return {
        name: metric.measure(found).value for name, metric in METRICS.items() if metric.task == made.label.task
    }, len(outcomes)


def test_the_overall_metrics_become_the_run_s(trained, bench):
    inputs = trained("ill")
    result = evaluate(bench, AgnosticEvaluator(), inputs)
    metrics, rows = expected(inputs, "ill")
    assert bench.metrics == {name: metrics[name] for name in ("accuracy", "roc_auc", "log_loss")}
    assert (result["format"], result["split"], result["rows"], result["notes"]) == (2, "eval", rows, [])
    (label,) = result["labels"]
    assert label["overall"] == {"rows": rows, "metrics": bench.metrics}
    assert (label["name"], label["task"], label["classes"], label["without_value"]) == (
        "ill", "classification", [0, 1], 0,
    )  # fmt: skip


def test_metrics_of_several_labels_carry_the_label_s_name(trained, bench):
    inputs = trained("ill", "kind", "price")
    evaluate(bench, AgnosticEvaluator(metrics={"ill": ["f1"], "price": ["mae", "rmse"]}), inputs)
    assert bench.metrics == {
        "ill/f1": expected(inputs, "ill")[0]["f1"],
        **{f"kind/{name}": expected(inputs, "kind")[0][name] for name in ("accuracy", "roc_auc", "log_loss")},
        **{f"price/{name}": expected(inputs, "price")[0][name] for name in ("mae", "rmse")},
    }


def test_aliases_are_recorded_under_the_metric_s_name_and_once(trained, bench):
    metrics = ["binary_accuracy", "accuracy", "binary_crossentropy"]
    evaluate(bench, TFMAEvaluator(metrics={"ill": metrics}), trained("ill"))
    assert list(bench.metrics) == ["accuracy", "log_loss"]


def test_slices_measure_the_rows_of_each_group(trained, bench):
    inputs = trained("ill")
    result = evaluate(bench, AgnosticEvaluator(slices=[["island"], ["island", "sex"]]), inputs)
    island, crossed = result["labels"][0]["slices"]
    assert [part["values"] for part in island["groups"]] == [{"island": "Biscoe"}, {"island": "Dream"}]
    for part in island["groups"]:
        metrics, rows = expected(
            inputs, "ill", lambda table, part=part: np.array(table["island"].to_pylist()) == part["values"]["island"]
        )
        assert part["rows"] == rows
        assert part["metrics"] == {name: metrics[name] for name in part["metrics"]}
    assert crossed["columns"] == ["island", "sex"]
    assert crossed["groups"][2]["values"] == {"island": "Biscoe", "sex": None}
    assert sum(part["rows"] for part in crossed["groups"]) == result["rows"]
    assert crossed["left_out"] == {"groups": 0, "rows": 0}


def test_a_metric_that_is_not_defined_on_a_slice_is_null_with_the_reason(trained, bench):
    result = evaluate(bench, TFMAEvaluator(slices=[["ill"]], metrics={"ill": ["accuracy", "roc_auc"]}), trained("ill"))
    for part in result["labels"][0]["slices"][0]["groups"]:
        assert part["metrics"]["roc_auc"] is None
        assert part["undefined"] == {"roc_auc": "all rows are of one class"}
        assert isinstance(part["metrics"]["accuracy"], float)


def test_what_is_not_defined_overall_is_told_and_not_recorded(trained, bench):
    inputs = trained("price", overwrite={"price": {"transform": [{"method": "scale_by_min_max"}]}})
    table = Snapshot.of(inputs["examples"])
    shard = table.shards("eval")[0]
    with pa.memory_map(str(shard)) as source, pa.ipc.open_file(source) as file:
        rows = file.read_all()
    constant = rows.set_column(rows.schema.get_field_index("price"), "price", pa.array([5.0] * rows.num_rows))
    with pa.OSFile(str(shard), "wb") as sink, pa.ipc.new_file(sink, constant.schema) as writer:
        writer.write_table(constant)
    result = evaluate(bench, AgnosticEvaluator(), inputs)
    assert set(bench.metrics) == {"mae", "rmse"}
    assert "r2 of price is not defined: the label has the same value in all rows" in bench.warnings
    assert result["notes"] == ["r2 of price is not defined: the label has the same value in all rows"]


def test_rows_without_a_label_are_counted_and_left_out(trained, tiny, bench):
    lines = tiny.table().splitlines()
    for number in range(1, len(lines), 5):
        cells = lines[number].split(",")
        lines[number] = ",".join([*cells[:4], "", *cells[5:]])
    inputs = trained("ill", text="\n".join(lines) + "\n")
    result = evaluate(bench, AgnosticEvaluator(slices=[["island"]]), inputs)
    (label,) = result["labels"]
    assert label["without_value"] > 0
    assert label["overall"]["rows"] == result["rows"] - label["without_value"]
    assert sum(part["rows"] for part in label["slices"][0]["groups"]) == label["overall"]["rows"]
    assert bench.metrics["accuracy"] == expected(
        inputs, "ill", lambda table: table["ill"].is_valid().to_numpy(zero_copy_only=False)
    )[0]["accuracy"]  # fmt: skip
    assert f"{label['without_value']} rows without a value of ill left out of its metrics" in bench.warnings


def test_a_class_that_was_not_trained_on_counts_as_wrong(trained, tiny, bench):
    lines = tiny.table().splitlines()
    for number in range(1, 20):
        lines[number] = lines[number].replace(",a,", ",rare,").replace(",b,", ",rare,").replace(",c,", ",rare,")
    vocabulary = {"kind": {"transform": [{"method": "compute_and_apply_vocabulary", "parameters": {"top_k": 3}}]}}
    inputs = trained("kind", text="\n".join(lines) + "\n", overwrite=vocabulary)
    result = evaluate(bench, AgnosticEvaluator(), inputs)
    model = load_model(inputs["model"].path)
    assert "rare" not in model.bundle.labels[0].classes
    assert result["labels"][0]["overall"]["undefined"]["roc_auc"] == (
        "some rows are of a class that the model was not trained on"
    )
    assert set(bench.metrics) == {"accuracy"}


def test_the_same_evaluation_is_the_same_bytes(trained, bench):
    inputs = trained("ill")
    step = AgnosticEvaluator(slices=[["age"], ["island", "sex"]])
    one, two = (bench.run(step, **inputs)["evaluation"].path / "evaluation.json" for _ in range(2))
    assert one.read_bytes() == two.read_bytes()
    assert "age has" in bench.warnings[0]
    assert bench.warnings[0].endswith("its rows are sliced by quarters")


def test_another_split_can_be_measured_on(trained, bench):
    result = evaluate(bench, AgnosticEvaluator(split="train"), trained("ill"))
    assert (result["split"], result["rows"]) == ("train", result["labels"][0]["overall"]["rows"])


def test_all_that_does_not_fit_is_told_at_once(trained, bench):
    step = AgnosticEvaluator(
        slices=[["iland"], ["sex", "zzz"], []],
        metrics={"il": ["accuracy"], "ill": ["mae", "acuracy"], "price": ["roc_auc"]},
        split="evaluation",
    )
    with pytest.raises(ConfigError) as caught:
        bench.run(step, **trained("ill", "price"))
    place = "AgnosticEvaluator"
    expected = f"""
{place}.metrics.ill: there is no metric 'acuracy'. Did you mean accuracy?
{place}.split: there is no split named 'evaluation' to measure on. The splits are: eval, train
{place}.slices: there is no column 'iland' to slice by. Did you mean island?
{place}.slices: there is no column 'zzz' to slice by. Columns: age, weight, island, sex, ill, kind, price
{place}.metrics: the model does not predict 'il'. Did you mean ill?
{place}.metrics.ill: mae is a metric of a regression, and this label is a classification. Metrics of a \
classification: accuracy, precision, recall, f1, precision_macro, recall_macro, f1_macro, precision_weighted, \
recall_weighted, f1_weighted, roc_auc, pr_auc, log_loss
{place}.metrics.price: roc_auc is a metric of a classification, and this label is a regression. Metrics of a \
regression: mae, rmse, r2
"""
    assert [str(problem) for problem in caught.value.problems] == expected.strip().splitlines()


def test_unknown_metrics_and_splits_are_found_before_anything_runs():
    step = TFMAEvaluator(metrics={"ill": ["acuracy"]})
    problems = list(step.check({"examples": Wired("split", NoSplit(), {})}))
    assert [str(problem) for problem in problems] == [
        "TFMAEvaluator.metrics.ill: there is no metric 'acuracy'. Did you mean accuracy?",
        "TFMAEvaluator.split: there is no split named 'eval' to measure on. The splits are: train",
    ]
    assert list(TFMAEvaluator().check({"examples": Wired("split", RandomSplit(), {})})) == []
    assert list(TFMAEvaluator().check({})) == []


def test_a_split_without_rows_cannot_be_measured_on(trained, bench):
    inputs = trained("ill")
    inputs["examples"].properties["splits"]["eval"] = {"shards": [], "rows": 0}
    with pytest.raises(DataError, match="split 'eval' has no rows to measure on"):
        bench.run(AgnosticEvaluator(), **inputs)


def test_the_two_names_make_the_same_evaluation(trained, bench):
    inputs = trained("ill")
    one, two = (evaluate(bench, step, inputs) for step in (AgnosticEvaluator(), TFMAEvaluator()))
    assert one == two


def test_several_labels_of_two_classes_are_also_measured_together(trained, tiny, bench):
    lines = tiny.table().splitlines()
    text = "\n".join([lines[0] + ",heavy", *(f"{line},{int(float(line.split(',')[1]) > 70)}" for line in lines[1:])])
    inputs = trained("ill", "heavy", text=text + "\n")
    result = evaluate(bench, AgnosticEvaluator(min_metrics={"f1_micro": 0.01}), inputs)
    together = {"subset_accuracy", "hamming_loss", "f1_micro", "f1_macro"}
    assert set(bench.metrics) == together | {
        f"{label}/{name}" for label in ("ill", "heavy") for name in ("accuracy", "roc_auc", "log_loss")
    }
    assert result["together"] == {"rows": result["rows"], "metrics": {name: bench.metrics[name] for name in together}}
    wrong = [1 - bench.metrics[f"{label}/accuracy"] for label in ("ill", "heavy")]
    assert bench.metrics["hamming_loss"] == pytest.approx(sum(wrong) / 2)


def test_a_classification_has_confusions_curves_and_figures_of_each_class(trained, bench):
    result = evaluate(bench, AgnosticEvaluator(metrics={"kind": ["roc_auc"]}), trained("kind"))
    (label,) = result["labels"]
    assert [row["class"] for row in label["by_class"]] == label["classes"]
    assert sum(map(sum, label["confusion"]["matrix"])) == result["rows"]
    assert [sum(row) for row in label["confusion"]["matrix"]] == [row["true"] for row in label["by_class"]]
    areas = [row["roc_auc"] for row in label["by_class"]]
    assert label["overall"]["metrics"]["roc_auc"] == pytest.approx(sum(areas) / 3)
    assert [curve["class"] for curve in label["curves"]] == label["classes"]
    assert all(curve["positives"] + curve["negatives"] == result["rows"] for curve in label["curves"])


def test_of_very_many_classes_the_most_frequent_confusions_are_told(trained, tiny, bench, monkeypatch):
    from zenml.steps.evaluator import measuring

    monkeypatch.setattr(measuring, "MOST_CLASSES", 2)
    monkeypatch.setattr(measuring, "MOST_CURVES", 2)
    (label,) = evaluate(bench, AgnosticEvaluator(), trained("kind"))["labels"]
    pairs = label["confusion"]["largest"]
    assert all(true != made for true, made, _ in pairs)
    assert [count for *_, count in pairs] == sorted((count for *_, count in pairs), reverse=True)
    assert len(label["curves"]) == 2


def test_the_evaluation_does_not_depend_on_how_much_is_looked_at_together(trained, bench, monkeypatch):
    from zenml.data.metrics import outcomes, ranking
    from zenml.steps.evaluator import columns, measuring, slicing

    inputs = trained("ill", "kind", "price")
    step = AgnosticEvaluator(slices=[["age"], ["island", "sex"]])
    whole = evaluate(bench, step, inputs)
    for module in (outcomes, ranking, columns, measuring, slicing):
        monkeypatch.setattr(module, "BLOCK", 11)
    monkeypatch.setattr(ranking, "MOST", 16)
    parts = evaluate(bench, step, inputs)
    for row in (*whole["labels"], *parts["labels"]):
        row.pop("curves", None)
    assert parts == whole
