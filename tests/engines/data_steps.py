"""Every kind of data step on one small generated table, each as a case that any engine can run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zenml.artifacts.handles import StoredArtifact
from zenml.data.tfrecord import encode_batch
from zenml.datasources import (
    CSVDatasource,
    DataFrameDatasource,
    ImageFolderDatasource,
    JSONLinesDatasource,
    ParquetDatasource,
    SQLDatasource,
    TFRecordDatasource,
)
from zenml.steps.base import Step
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.sequencer import StandardSequencer
from zenml.steps.split import (
    CategoricalDomainSplit,
    CategoricalRatioSplit,
    KeySplit,
    NoSplit,
    RandomSplit,
    TimeSplit,
)
from zenml.testing.processing_backend import run_step

FILES, ROWS = 3, 360
KINDS = ("red", "green", "blue", "grey")


def events(number: int) -> pa.Table:
    """Return the rows of one file: a customer, a time, a kind, an amount and a note with holes, and a label."""
    chance = np.random.default_rng(number)
    each = ROWS // FILES
    seconds = np.sort(chance.integers(0, 40_000, each)) + 40_000 * number
    times = (np.datetime64("2024-01-01T00:00:00") + seconds.astype("timedelta64[s]")).astype(str)
    amount = np.round(chance.normal(10, 3, each), 3)
    return pa.table(
        {
            "customer": chance.integers(0, 20, each),
            "time": pa.array(times),
            "kind": pa.array(chance.choice(KINDS, each), mask=chance.random(each) < 0.05),
            "amount": pa.array(amount, mask=chance.random(each) < 0.1),
            "size": chance.integers(-5, 50, each),
            "note": pa.array([f"a {kind} thing of {row % 9}" for row, kind in enumerate(chance.choice(KINDS, each))]),
            "label": chance.integers(0, 2, each),
        }
    )


def write_sources(folder: Path) -> None:
    """Write the table in every form that a datasource reads: three files of each, a database, a folder of images."""
    folder.mkdir(parents=True)
    tables = [events(number) for number in range(FILES)]
    for number, table in enumerate(tables):
        pa_csv.write_csv(table, folder / f"events-{number}.csv")
        pq.write_table(table, folder / f"events-{number}.parquet", row_group_size=70)
        lines = [json.dumps(row, ensure_ascii=False) for row in table.to_pylist()]
        (folder / f"events-{number}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        (batch,) = table.combine_chunks().to_batches()
        (folder / f"events-{number}.tfrecord").write_bytes(encode_batch(batch).data)
    with closing(sqlite3.connect(folder / "events.db", isolation_level=None)) as base:
        base.execute("CREATE TABLE events (customer, time, kind, amount, size, note, label)")
        rows = pa.concat_tables(tables).to_pylist()
        names = ", ".join(f":{name}" for name in rows[0])
        base.execute("BEGIN")
        base.executemany(f"INSERT INTO events VALUES ({names})", rows)
        base.execute("COMMIT")
    for number in range(12):
        (folder / "images" / KINDS[number % 2]).mkdir(parents=True, exist_ok=True)
        image = b"\x89PNG\r\n\x1a\n" + bytes([number]) * 50
        (folder / "images" / KINDS[number % 2] / f"{number}.png").write_bytes(image)


DATASOURCES: Mapping[str, Callable[[Path], Step]] = {
    "csv": lambda folder: CSVDatasource(name="csv", path=str(folder / "events-*.csv")),
    "gzip": lambda folder: CSVDatasource(name="gzip", path=_zipped(folder)),
    "json-lines": lambda folder: JSONLinesDatasource(name="lines", path=str(folder / "events-*.jsonl")),
    "parquet": lambda folder: ParquetDatasource(name="parquet", path=str(folder / "events-*.parquet")),
    "tfrecord": lambda folder: TFRecordDatasource(name="records", path=str(folder / "events-*.tfrecord")),
    "sql": lambda folder: SQLDatasource(name="sql", url=f"sqlite:///{folder / 'events.db'}", table="events"),
    "images": lambda folder: ImageFolderDatasource(name="images", path=str(folder / "images")),
    "frame": lambda _: DataFrameDatasource(name="frame", data=pa.concat_tables([events(0), events(1)])),
}
"""Datasources by what they read."""

STEPS: Mapping[str, Step] = {
    "random-split": RandomSplit(tfrecord=True),
    "no-split": NoSplit(),
    "domain-split": CategoricalDomainSplit(
        categorical_column="kind",
        split_map={"train": ["red", "green"], "eval": ["blue"]},
        unknown_category_policy="skip",
    ),
    "ratio-split-of-categories": CategoricalRatioSplit(
        categorical_column="kind", categories=list(KINDS), split_ratio={"train": 0.5, "eval": 0.5}
    ),
    "ratio-split-of-rows": CategoricalRatioSplit(
        categorical_column="kind", categories=list(KINDS), split_ratio={"train": 0.5, "eval": 0.5}, ratio_of="rows"
    ),
    "key-split": KeySplit(key_columns=["customer"]),
    "time-split-by-shares": TimeSplit(time_column="time", shares=[0.7, 0.3]),
    "time-split-by-borders": TimeSplit(time_column="time", borders=["2024-01-01T12:00:00"]),
    "sequencer": StandardSequencer(
        time_column="time",
        category_column="customer",
        features=["amount", "size"],
        resampling_rate="1min",
        gap_threshold="2h",
        sequence_length=3,
        overwrite={"amount": {"filling": [{"method": "mean"}]}},
    ),
    "sequencer-of-one-series": StandardSequencer(time_column="time", features=["amount"], sequence_length=5),
}
"""Steps that take the rows as they were committed."""

PREPROCESSERS: Mapping[str, Step] = {
    "preprocesser": StandardPreprocesser(features=["kind", "amount", "size"], labels=["label"]),
    "preprocesser-of-groups": StandardPreprocesser(
        features=["kind", "amount", "size", "note"],
        labels=["label"],
        overwrite={
            "kind": {"transform": [{"method": "compute_and_apply_vocabulary"}]},
            "note": {"transform": [{"method": "tfidf"}]},
            "amount": {"transform": [{"method": "bucketize", "parameters": {"num_buckets": 4}}]},
        },
        groups={"both": {"features": ["size", "kind"], "method": "pca", "parameters": {"n_components": 1}}},
    ),
}
"""Steps that take what was split."""


class Cases:
    """The cases on sources that were written once; inputs are committed once, in this process.

    Args:
        folder: an empty folder.
    """

    NAMES = (*DATASOURCES, *STEPS, *PREPROCESSERS)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_sources(folder / "sources")
        self._sources = folder / "sources"
        self._rows = run_step(DATASOURCES["csv"](self._sources), {}, folder / "rows").artifacts
        self._split = run_step(RandomSplit(), self._rows, folder / "split").artifacts

    def step(self, name: str) -> Step:
        """Return the step of a case."""
        return (
            DATASOURCES[name](self._sources) if name in DATASOURCES else {**STEPS, **PREPROCESSERS}[name].model_copy()
        )

    @staticmethod
    def of_windows() -> StandardPreprocesser:
        """Return a preprocesser for what the sequencer gives."""
        return StandardPreprocesser(features=["amount_t-2", "size_t-1"], labels=["size_t"])

    def inputs(self, name: str) -> Mapping[str, StoredArtifact]:
        """Return what the step of a case takes."""
        return {} if name in DATASOURCES else self._rows if name in STEPS else self._split


def _zipped(folder: Path) -> str:
    import gzip

    for path in folder.glob("events-*.csv"):
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    return str(folder / "events-*.csv.gz")
