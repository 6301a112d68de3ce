"""How many rows a second one core makes windows of: `python windows.py FILE FEATURES WORKERS` is one run of it."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.timing import Row, run

ROWS = 2_000_000
KEYS = 2_000
ROUNDS = 3


def measure() -> list[Row]:
    """Return the rows of the table."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for features in (1, 8):
            path = folder / "rows.parquet"
            pa.parquet.write_table(_rows(features), path)
            taken = []
            for number in range(ROUNDS + 1):
                shutil.rmtree(folder / ".zenml", ignore_errors=True)
                run(
                    [sys.executable, "-m", "benchmarks.windows", str(path)],
                    folder,
                    {"PYTHONPATH": str(Path(__file__).parent.parent)},
                )
                if number:
                    taken.append(json.loads((folder / "taken.json").read_text()))
            rate = ROWS / statistics.median(taken) / 1e6
            what = f"windows of 4 rows per key, {features} {'feature' if features == 1 else 'features'}"
            note = "one process: shuffle, sort, windows, statistics, publishing"
            found.append(Row(what, rate, 1.5 if features == 1 else None, "M rows/s", note, least=True))
    return found


def _rows(features: int) -> pa.Table:
    chance = np.random.default_rng(1729)
    columns = {f"x{place}": chance.standard_normal(ROWS) for place in range(features)}
    return pa.table({"key": chance.integers(0, KEYS, ROWS), "time": chance.permutation(ROWS), **columns})


def main() -> None:
    """Run the sequencer once, and leave how long its step took."""
    from zenml.backends.processing import ProcessingBaseBackend
    from zenml.datasources import ParquetDatasource
    from zenml.pipelines import Pipeline
    from zenml.steps.sequencer import StandardSequencer

    Path(".zenml").mkdir()
    backend = ProcessingBaseBackend(workers=1)
    pipeline = Pipeline(name="Windows")
    pipeline.add_step(ParquetDatasource(name="Rows", path=sys.argv[1], tfrecord=False).with_backend(backend))
    sequencer = StandardSequencer(time_column="time", category_column="key")
    pipeline.add_step(sequencer.with_backend(backend), id="windows")
    Path("taken.json").write_text(json.dumps(pipeline.run().steps["windows"].duration))


if __name__ == "__main__":
    main()
