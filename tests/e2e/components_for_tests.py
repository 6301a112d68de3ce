"""A pipeline for each datasource, split, sequencer, preprocesser, filling and transform, on real data."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zenml.data.tfrecord import encode_batch
from zenml.datasources import (
    BigQueryDatasource,
    CSVDatasource,
    DataFrameDatasource,
    ImageFolderDatasource,
    JSONLinesDatasource,
    NumpyDatasource,
    PandasDatasource,
    ParquetDatasource,
    SQLDatasource,
    TFRecordDatasource,
)
from zenml.datasources.base import Datasource
from zenml.pipelines import DataPipeline
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

TABLES = Path(__file__).parent.parent / "data"
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def penguins() -> pa.Table:
    """Return the table of penguins."""
    options = pa_csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return pa_csv.read_csv(TABLES / "penguins.csv", convert_options=options)


def csv(name: str) -> Callable[[Path], Datasource]:
    """Return what puts one of the tables into a folder, and gives its datasource."""

    def write(folder: Path) -> Datasource:
        (folder / f"{name}.csv").write_bytes((TABLES / f"{name}.csv").read_bytes())
        return CSVDatasource(name=name, path=f"{name}.csv")

    return write


def _parquet(folder: Path) -> Datasource:
    pq.write_table(penguins(), folder / "penguins.parquet", row_group_size=100)
    return ParquetDatasource(name="penguins", path="penguins.parquet")


def _json_lines(folder: Path) -> Datasource:
    lines = [json.dumps(row) for row in penguins().to_pylist()]
    (folder / "penguins.jsonl").write_text("\n".join(lines))
    return JSONLinesDatasource(name="penguins", path="penguins.jsonl")


def _tfrecord(folder: Path) -> Datasource:
    (batch,) = penguins().combine_chunks().to_batches()
    (folder / "penguins.tfrecord").write_bytes(encode_batch(batch).data)
    return TFRecordDatasource(name="penguins", path="penguins.tfrecord")


def _database(folder: Path) -> Datasource:
    table = penguins()
    with closing(sqlite3.connect(folder / "penguins.db", isolation_level=None)) as base:
        base.execute(f"CREATE TABLE penguins ({', '.join(table.column_names)})")
        values = ", ".join(f":{name}" for name in table.column_names)
        base.executemany(f"INSERT INTO penguins VALUES ({values})", table.to_pylist())
    return SQLDatasource(name="penguins", url="sqlite:///penguins.db", table="penguins")


def _images(folder: Path) -> Datasource:
    for number in range(16):
        place = folder / "images" / ("dark" if number % 2 else "light")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02d}.png").write_bytes(_png([[number * 16 - row for row in range(4)]] * 4))
    return ImageFolderDatasource(name="images", path="images")


def _png(rows: list[list[int]]) -> bytes:
    """Return a grey image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(max(0, pixel) for pixel in row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _pandas(_: Path) -> Datasource:
    try:
        import pandas as pd
    except ImportError:
        return PandasDatasource(name="penguins", data=penguins())  # it has what is read of a data frame
    return PandasDatasource(name="penguins", data=pd.read_csv(TABLES / "penguins.csv"))


def _numpy(_: Path) -> Datasource:
    arrays = {name: penguins()[name].to_numpy(zero_copy_only=False) for name in (*MEASURES, "year")}
    return NumpyDatasource(name="penguins", data=arrays)


def _bigquery(_: Path) -> Datasource:
    return BigQueryDatasource(name="penguins", project="birds", dataset="zoo", table="penguins")


DATASOURCES: Mapping[str, Callable[[Path], Datasource]] = {
    "BigQueryDatasource": _bigquery,
    "CSVDatasource": csv("penguins"),
    "DataFrameDatasource": lambda _: DataFrameDatasource(name="penguins", data=penguins()),
    "ImageFolderDatasource": _images,
    "JSONLinesDatasource": _json_lines,
    "NumpyDatasource": _numpy,
    "PandasDatasource": _pandas,
    "ParquetDatasource": _parquet,
    "SQLDatasource": _database,
    "TFRecordDatasource": _tfrecord,
}

STEPS: Mapping[str, list[tuple[str, Step]]] = {
    "RandomSplit": [("penguins", RandomSplit(split_map={"train": 0.6, "eval": 0.2, "test": 0.2}))],
    "NoSplit": [("penguins", NoSplit())],
    "CategoricalDomainSplit": [
        (
            "penguins",
            CategoricalDomainSplit(
                categorical_column="species", split_map={"train": ["Adelie", "Gentoo"], "eval": ["Chinstrap"]}
            ),
        )
    ],
    "CategoricalRatioSplit": [
        (
            "penguins",
            CategoricalRatioSplit(
                categorical_column="island",
                categories=["Biscoe", "Dream", "Torgersen"],
                split_ratio={"train": 0.7, "eval": 0.3},
                ratio_of=of,
            ),
        )
        for of in ("categories", "rows")
    ],
    "KeySplit": [("flights", KeySplit(key_columns=["tailnum"]))],
    "TimeSplit": [
        ("flights", TimeSplit(time_column="time_hour", shares=[0.8, 0.2])),
        ("flights", TimeSplit(time_column="time_hour", borders=["2013-01-20"])),
    ],
    "StandardSequencer": [
        (
            "flights",
            StandardSequencer(
                time_column="time_hour",
                category_column="carrier",
                features=["dep_delay", "air_time"],
                resampling_rate="6h",
                gap_threshold="2d",
                sequence_length=3,
            ),
        )
    ],
    "StandardPreprocesser": [("penguins", StandardPreprocesser(labels=["species"]))],
}
"""Steps by name, each with the table that it takes; a preprocesser takes it split."""

FILLINGS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "min": ("body_mass_g", {}),
    "max": ("body_mass_g", {}),
    "mean": ("bill_length_mm", {}),
    "median": ("body_mass_g", {}),
    "mode": ("sex", {}),
    "constant": ("bill_depth_mm", {"value": 17.0}),
}
"""Fillings by name, each with a column of the penguins and its parameters."""

TRANSFORMS: Mapping[str, tuple[str, str, list[tuple[str, dict[str, Any]]]]] = {
    "scale_to_z_score": ("penguins", "body_mass_g", [("scale_to_z_score", {})]),
    "scale_by_min_max": ("penguins", "body_mass_g", [("scale_by_min_max", {"min": -1.0, "max": 1.0})]),
    "scale_to_0_1": ("penguins", "bill_length_mm", [("scale_to_0_1", {})]),
    "one_hot_encode": ("penguins", "island", [("one_hot_encode", {"num_oov_buckets": 1})]),
    "compute_and_apply_vocabulary": ("penguins", "island", [("compute_and_apply_vocabulary", {"top_k": 2})]),
    "hash_strings": ("flights", "tailnum", [("hash_strings", {"num_buckets": 8, "one_hot": True})]),
    "ngrams": ("flights", "tailnum", [("ngrams", {"top_k": 5})]),
    "tfidf": ("penguins", "island", [("tfidf", {})]),
    "load_binary_image": ("images", "image", [("load_binary_image", {"height": 4, "width": 4, "channels": 1})]),
    "image_reshape": (
        "images",
        "image",
        [
            ("load_binary_image", {"height": 4, "width": 4, "channels": 1}),
            ("image_reshape", {"height": 2, "width": 8, "channels": 1, "order": "channels_first"}),
        ],
    ),
    "bucketize": ("penguins", "flipper_length_mm", [("bucketize", {"num_buckets": 4})]),
    "clip": ("flights", "dep_delay", [("clip", {"min": 0.0, "max": 60.0})]),
    "log": ("flights", "distance", [("log", {})]),
    "date_part": ("flights", "time_hour", [("date_part", {"part": "weekday", "cyclic": True})]),
    "no_transform": ("penguins", "year", [("no_transform", {})]),
}
"""Transforms by name, each with a table, a column of it, and the methods to apply."""

GROUPS: Mapping[str, tuple[list[str], dict[str, Any]]] = {"pca": (MEASURES, {"n_components": 2})}
"""Transforms of groups by name, each with columns of the penguins and its parameters."""

CASES = (
    *DATASOURCES,
    *(f"{name}-{number}" for name, some in STEPS.items() for number in range(len(some))),
    *(f"filling:{name}" for name in FILLINGS),
    *(f"transform:{name}" for name in TRANSFORMS),
    *(f"group:{name}" for name in GROUPS),
)


def build(case: str, folder: Path) -> DataPipeline:
    """Write a case's data into a folder, which is the working directory, and return its pipeline."""
    kind, _, name = case.partition(":")
    pipeline = DataPipeline("Every component")
    if case in DATASOURCES:
        return pipeline.add_datasource(DATASOURCES[case](folder))
    if kind == "filling":
        column, parameters = FILLINGS[name]
        filling = {"filling": [{"method": name, "parameters": parameters}]}
        table, step = "penguins", StandardPreprocesser(features=[column], overwrite={column: filling})
    elif kind == "transform":
        table, column, methods = TRANSFORMS[name]
        asked = {"transform": [{"method": method, "parameters": parameters} for method, parameters in methods]}
        step = StandardPreprocesser(features=[column], overwrite={column: asked})
    elif kind == "group":
        columns, parameters = GROUPS[name]
        group = {"features": columns, "method": name, "parameters": parameters}
        table, step = "penguins", StandardPreprocesser(features=columns, groups={"together": group})
    else:
        name, _, number = case.partition("-")
        table, step = STEPS[name][int(number)]
    pipeline.add_datasource(_images(folder) if table == "images" else csv(table)(folder))
    if isinstance(step, StandardPreprocesser):
        pipeline.add_step(RandomSplit(), id="split")
    return pipeline.add_step(step, id="step")
