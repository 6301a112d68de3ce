"""How many rows a second one core encodes to TFRecord files and decodes from them, and makes windows of."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.engines.flights_like import flights

from benchmarks.timing import Row

ROWS = 1_000_000
ROUNDS = 5


def measure() -> list[Row]:
    """Return the rows of the table."""
    from zenml.data.tfrecord import decode_file, encode_batch

    chance = np.random.default_rng(1729)
    numeric = pa.table({f"x{place}": chance.standard_normal(ROWS).astype(np.float32) for place in range(9)})
    wide = flights(336_776, chance)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.tfrecord")
        for name, table, encode_least, decode_least in (
            ("9 float32", numeric, 2.0, 1.3),
            ("19 mixed", wide, 0.4, 0.55),
        ):
            batches = table.combine_chunks().to_batches(max_chunksize=1 << 16)

            def encode(batches: list[pa.RecordBatch] = batches) -> None:
                with path.open("wb") as file:
                    for batch in batches:
                        file.write(encode_batch(batch).data)

            def decode(schema: pa.Schema = table.schema) -> None:
                decode_file(path, schema)

            for what, work, least in (("encode", encode, encode_least), ("decode", decode, decode_least)):
                rate = table.num_rows / _seconds(work) / 1e6
                found.append(Row(f"TFRecord {what}, {name} columns", rate, least, "M rows/s", "one core", least=True))
    return found


def _seconds(work: Callable[[], None]) -> float:
    """Return the median processor time of some work, after a first run that is not counted."""
    single = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        work()
        taken = []
        for _ in range(ROUNDS):
            began = time.process_time()
            work()
            taken.append(time.process_time() - began)
    finally:
        pa.set_cpu_count(single)
    os.sync()
    return statistics.median(taken)
