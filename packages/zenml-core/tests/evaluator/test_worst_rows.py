from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zenml.data.snapshot import Snapshot
from zenml.errors import DataError
from zenml.steps.evaluator.agnostic import AgnosticEvaluator
from zenml.steps.evaluator.worst_rows import WorstRows, losses_of
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.prediction import LabelInfo, Prediction

LABEL = LabelInfo("ill", "classification", ("no", "yes"), (0, 1))


@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, np.inf, np.nan]), max_size=60), st.integers(0, 8), st.integers(1, 9)
)
def test_the_worst_are_those_of_the_whole_and_of_equal_ones_the_first(losses, most, size):
    kept = WorstRows(most)
    array = np.array(losses, np.float64)
    for start in range(0, len(losses), size):
        part = array[start : start + size]
        kept.update(start, part, np.arange(start, start + len(part)), np.zeros(len(part)))
    rows = sorted(
        (row for row in range(len(losses)) if losses[row] == losses[row]), key=lambda row: (-losses[row], row)
    )
    assert [(row.row, row.loss, row.truth) for row in kept.result()] == [(row, losses[row], row) for row in rows[:most]]


def test_losses_are_logarithms_of_probabilities_and_gaps_of_other_scores():
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [np.nan, 0.5], [0.5, 0.5]])
    truth = np.array([0, 1, -1, 0, -2])
    made = Prediction(LABEL, scores.argmax(axis=1), scores)
    assert losses_of(truth, made) == pytest.approx([-np.log(0.9), -np.log(0.1), np.inf, np.inf, np.nan], nan_ok=True)
    gaps = losses_of(truth, Prediction(LABEL, scores.argmax(axis=1), scores * 10, calibrated=False))
    assert gaps == pytest.approx([0, 8, np.inf, np.inf, np.nan], nan_ok=True)
    bare = losses_of(truth, Prediction(LABEL, np.zeros(5, np.int64)))
    assert bare == pytest.approx([0, 1, np.inf, 0, np.nan], nan_ok=True)


def test_losses_of_numbers_are_errors_and_of_wild_predictions_infinite():
    made = Prediction(LabelInfo("price", "regression"), np.array([1.0, np.nan, 5.0]))
    assert losses_of(np.array([4.0, 1.0, np.nan]), made) == pytest.approx([3, np.inf, np.nan], nan_ok=True)


def test_the_file_holds_the_worst_rows_of_each_label_with_all_their_columns(trained, bench):
    inputs = trained("ill", "price")
    (made,) = bench.run(AgnosticEvaluator(worst_rows=5), **inputs).values()
    with pa.ipc.open_file(made.path / "worst_rows.arrow") as reader:
        found = reader.read_all()
    table = pa.Table.from_batches(Snapshot.of(inputs["examples"]).batches("eval"))
    assert found.column_names[:5] == [f"evaluation.{name}" for name in ("label", "row", "loss", "truth", "predicted")]
    assert found.column_names[5:] == table.column_names
    assert found["evaluation.label"].to_pylist() == ["ill"] * 5 + ["price"] * 5
    for row in found.to_pylist():
        at = table.slice(row["evaluation.row"], 1).to_pylist()[0]
        assert {name: row[name] for name in at} == at
    (batch,) = table.combine_chunks().to_batches()
    predictions, truths = load_model(inputs["model"].path).predict_and_observe(batch)
    errors = np.abs(truths["price"] - predictions["price"].values)
    order = np.lexsort((np.arange(len(errors)), -errors))[:5]
    told = [row for row in found.to_pylist() if row["evaluation.label"] == "price"]
    assert [row["evaluation.row"] for row in told] == order.tolist()
    assert all(a["evaluation.loss"] >= b["evaluation.loss"] for a, b in itertools.pairwise(told))
    assert [float(row["evaluation.truth"]) for row in told] == [row["price"] for row in told]


def test_an_infinite_label_cannot_be_measured(trained, bench):
    inputs = trained("price")
    shard = Snapshot.of(inputs["examples"]).shards("eval")[0]
    with pa.memory_map(str(shard)) as source, pa.ipc.open_file(source) as file:
        rows = file.read_all()
    prices = rows["price"].to_pylist()
    prices[7] = float("inf")
    changed = rows.set_column(rows.schema.get_field_index("price"), "price", pa.array(prices, pa.float64()))
    with pa.OSFile(str(shard), "wb") as sink, pa.ipc.new_file(sink, changed.schema) as writer:
        writer.write_table(changed)
    with pytest.raises(DataError, match="split eval, row 7: label price is infinite"):
        bench.run(AgnosticEvaluator(), **inputs)
