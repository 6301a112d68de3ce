"""The StandardSequencer, against a reference in plain Python that holds everything in lists."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zenml.artifacts.handles import StoredArtifact
from zenml.data.sequences import cells, sequencing
from zenml.data.shuffle import partition
from zenml.data.shuffle import sorted as sorting
from zenml.data.snapshot import Snapshot
from zenml.errors import DataError
from zenml.steps.sequencer.durations import nanoseconds
from zenml.steps.sequencer.standard import StandardSequencer

Row = dict[str, Any]


def windows(stored: StoredArtifact, split: str = "all") -> list[Row]:
    return [row for batch in Snapshot.of(stored).batches(split) for row in batch.to_pylist()]


def resampled(method: str, values: list[Any]) -> Any:
    found = [value for value in values if value is not None]
    if method == "count":
        return len(found)
    if not found:
        return None
    return {
        "mean": lambda: sum(found) / len(found),
        "sum": lambda: sum(found),
        "min": lambda: min(found),
        "max": lambda: max(found),
        "first": lambda: found[0],
        "last": lambda: found[-1],
    }[method]()


def filled(method: str, value: Any, column: list[Any]) -> list[Any]:
    out: list[Any] = []
    if method == "backward":
        return filled("forward", None, column[::-1])[::-1]
    for cell in column:
        out.append(cell if cell is not None else (out[-1] if method == "forward" and out else value))
    return out


def reference(
    rows: list[Row], step: StandardSequencer, methods: dict[str, tuple[str, list[tuple[str, Any]]]]
) -> list[Row]:
    """Return the windows of rows with keys k, times t in seconds, and features x and y."""
    keys = step.key_columns
    rate = None if step.resampling_rate is None else nanoseconds(step.resampling_rate) // 1_000_000_000
    gap = None if step.gap_threshold is None else nanoseconds(step.gap_threshold) // 1_000_000_000
    out: list[Row] = []
    ordered = sorted(rows, key=lambda row: (*(row[name] for name in keys), row["t"]))
    for key, group in groupby(ordered, key=lambda row: [row[name] for name in keys]):
        sequences: list[list[Row]] = []
        for row in group:
            if not sequences or (gap is not None and row["t"] - sequences[-1][-1]["t"] > gap):
                sequences.append([])
            sequences[-1].append(row)
        for sequence in sequences:
            if rate is None:
                grid = [[row] for row in sequence]
                times = [row["t"] for row in sequence]
            else:
                numbers = [row["t"] // rate for row in sequence]
                grid = [
                    [row for row, own in zip(sequence, numbers, strict=True) if own == number]
                    for number in range(numbers[0], numbers[-1] + 1)
                ]
                times = [number * rate for number in range(numbers[0], numbers[-1] + 1)]
            columns = {}
            for name, (method, fillings) in methods.items():
                column = [resampled(method if rate else "first", [row[name] for row in cell]) for cell in grid]
                for filling, value in fillings:
                    column = filled(filling, value, column)
                columns[name] = column
            length = step.sequence_length
            for start in range(0, len(grid) - length + 1, step.sequence_shift):
                window: Row = {**dict(zip(keys, key, strict=True)), "t": times[start + length - 1]}
                for name, column in columns.items():
                    for place in range(length):
                        back = length - 1 - place
                        window[f"{name}_t-{back}" if back else f"{name}_t"] = column[start + place]
                out.append(window)
    return out


def near(first: list[Row], second: list[Row]) -> bool:
    def same(a: Any, b: Any) -> bool:
        return a == b or (isinstance(a, float) and isinstance(b, (int, float)) and a == pytest.approx(b))

    return len(first) == len(second) and all(
        [*a] == [*b] and all(same(a[name], b[name]) for name in a) for a, b in zip(first, second, strict=True)
    )


cell = st.one_of(st.none(), st.integers(-9, 9))
row = st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "ä"]), st.integers(-50, 80), cell, cell)
filling = st.lists(st.sampled_from(["forward", "backward", "constant"]), max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(row, min_size=1, max_size=60),
    keys=st.sampled_from([[], ["k"], ["s"], ["k", "s"], ["s", "k"]]),
    rate=st.one_of(st.none(), st.integers(1, 9)),
    gap=st.integers(0, 30),
    length=st.integers(1, 4),
    shift=st.integers(1, 6),
    methods=st.tuples(st.sampled_from(["mean", "min", "max", "sum", "first", "last", "count"]), filling, filling),
    tight=st.booleans(),
    kind=st.sampled_from(["integer", "float", "timestamp", "string"]),
)
@example(
    rows=[(0, "a", time, time % 3 or None, None) for time in range(20)],
    keys=["k"],
    rate=2,
    gap=10,
    length=3,
    shift=2,
    methods=("mean", ["forward", "backward"], ["backward", "forward"]),
    tight=True,
    kind="integer",
)
def test_windows_are_those_of_the_reference(
    rows: list[tuple[Any, ...]],
    keys: list[str],
    rate: int | None,
    gap: int,
    length: int,
    shift: int,
    methods: tuple[str, list[str], list[str]],
    tight: bool,
    kind: str,
    store: Any,
    run_step: Any,
) -> None:
    found = [dict(zip(("k", "s", "t", "x", "y"), cells, strict=True)) for cells in rows]
    types = {"k": pa.int64(), "s": pa.utf8(), "t": pa.int64(), "x": pa.int64(), "y": pa.float64()}
    table = pa.table({name: pa.array([r[name] for r in found], kind_) for name, kind_ in types.items()})
    table = table.set_column(2, "t", in_kind(table["t"], kind))
    method, of_x, of_y = methods
    overwrite: dict[str, Any] = {
        "x": {"filling": [asked(name) for name in of_x]},
        "y": {"filling": [asked(n) for n in of_y]},
    }
    if rate:
        overwrite["x"]["resampling"] = [{"method": method}]
        overwrite["y"]["resampling"] = [{"method": "last"}]
    step = StandardSequencer(
        time_column="t",
        category_column=keys or None,
        features=["x", "y"],
        resampling_rate=rate,
        gap_threshold=gap or (1000 if rate else None),
        sequence_length=length,
        sequence_shift=shift,
        overwrite=overwrite,
    )
    how = {
        "x": (method, [(name, 7 if name == "constant" else None) for name in of_x]),
        "y": ("last", [(name, 7 if name == "constant" else None) for name in of_y]),
    }
    expected = reference(found, step, how)
    cut = len(rows) // 3
    stored = store(table.slice(0, cut), table.slice(cut)) if cut else store(table)
    with pytest.MonkeyPatch.context() as patch:
        if tight:
            patch.setattr(sorting, "SORT_BYTES", 200)
            patch.setattr(sequencing, "_ROWS", 3)
            patch.setattr(cells.CellMaker.__init__, "__defaults__", (4,))
            patch.setattr(partition, "PARTITION_BYTES", 1000)
        if not expected:
            with pytest.raises(DataError, match=r"none of .* sequences has"):
                run_step(step, {"examples": stored})
            return
        made = windows(run_step(step, {"examples": stored}))
    for window in made:
        window["t"] = seconds(window["t"], kind)
    made.sort(key=lambda window: [window[name] for name in keys])  # partitions come in the order of hashes
    assert near(made, expected)


def asked(name: str) -> dict[str, Any]:
    return {"method": name, "parameters": {"value": 7}} if name == "constant" else {"method": name}


def in_kind(times: pa.ChunkedArray, kind: str) -> pa.Array:
    array = times.combine_chunks()
    if kind == "integer":
        return array
    if kind == "float":
        return array.cast(pa.float64())
    stamps = array.cast(pa.timestamp("s")).cast(pa.timestamp("us"))
    return stamps if kind == "timestamp" else stamps.cast(pa.timestamp("s")).cast(pa.utf8())


def seconds(value: Any, kind: str) -> int:
    if kind == "string":
        value = pa.scalar(value).cast(pa.timestamp("s")).cast(pa.int64()).as_py()
    elif kind == "timestamp":
        value = pa.scalar(value, pa.timestamp("us")).cast(pa.int64()).as_py() // 1_000_000
    return int(value)
