"""Transform: a fitted preprocessing, kept as a folder of readable files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.shards import atomic_file
from zenml.data.transforms.chain import FittedChain
from zenml.data.transforms.group import FittedGroup
from zenml.data.transforms.values import Floats, Value, floats_of
from zenml.errors import DataError, Problem, closest

FORMAT = 1
"""Version of the layout; a transform of a newer one is refused."""

TRANSFORM_FILE = "transform.json"


@dataclass(frozen=True)
class Transform:
    """What is done with raw rows before a model reads them: in training, batch inference and serving alike.

    Its folder holds `transform.json`, with the methods of each column and the numbers that they learned, and an Arrow
    file per vocabulary. Each value is mapped by itself, so a row comes out bit-equal alone or in a batch.

    Args:
        chains: the columns, features first.
        example: a few raw rows of the features, as JSON types: timestamps in ISO 8601, bytes in base64.
        groups: features that become one vector together; they come out behind the other features.
    """

    chains: tuple[FittedChain, ...]
    example: tuple[Mapping[str, Value | None], ...] = ()
    groups: tuple[FittedGroup, ...] = ()

    @cached_property
    def features(self) -> dict[str, str]:
        """Return the type of each raw feature (`integer`, `float`, `boolean`, `string`, …) by its name."""
        return {row.chain.name: row.chain.kind.value for row in self._features}

    @cached_property
    def labels(self) -> dict[str, str]:
        """Return the type of each raw label by its name."""
        return {row.chain.name: row.chain.kind.value for row in self.chains if row.chain.label}

    @property
    def _features(self) -> list[FittedChain]:
        return [row for row in self.chains if not row.chain.label]

    @property
    def _labels(self) -> list[FittedChain]:
        return [row for row in self.chains if row.chain.label]

    @cached_property
    def _grouped(self) -> set[str]:
        return {name for row in self.groups for name in row.group.features}

    @cached_property
    def _single(self) -> list[FittedChain]:
        """The features that are in no group."""
        return [row for row in self._features if row.chain.name not in self._grouped]

    @cached_property
    def output_schema(self) -> pa.Schema:
        """Return the columns that `apply` gives: features (float32, vectors of it), then labels (int64, float64)."""
        fields = [pa.field(row.chain.name, row.output_type) for row in self._single]
        fields += [pa.field(row.group.name, row.output_type) for row in self.groups]
        return pa.schema([*fields, *(pa.field(row.chain.name, row.output_type) for row in self._labels)])

    @cached_property
    def column_names(self) -> list[str]:
        """Return a name for each column of `matrix`, such as `sex=male`."""
        return [name for row in self._single for name in row.names] + [
            name for row in self.groups for name in row.names
        ]

    def label_values(self, label: str) -> list[Value] | None:
        """Return the values of a label that come out as 0, 1, …, or None where it is a number or boolean itself.

        Raises:
            DataError: there is no such label.
        """
        for row in self.chains:
            if row.chain.label and row.chain.name == label:
                return row.categories
        mend = closest(label, self.labels) or f"Labels: {', '.join(self.labels) or 'none'}"
        raise DataError(f"there is no label {label!r}", mend=mend)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Transform raw rows.

        A missing number that is not filled comes out as NaN, a missing label as null.

        Args:
            batch: every raw feature, in any order; labels are transformed too where they are there, and any other
                column is ignored.

        Raises:
            DataError: features that are not there, or values of another type; all at once.
        """
        problems: list[Problem] = []
        names = batch.schema.names
        columns: dict[str, pa.Array] = {}
        grouped: dict[str, Floats] = {}
        for row in self.chains:
            name = row.chain.name
            if name not in names:
                if not row.chain.label:
                    mend = closest(name, set(names) - set(self.features))
                    problems.append(Problem("the feature is missing", f"feature {name!r}", mend))
                continue
            raw = batch.column(names.index(name))
            try:
                if name in self._grouped:
                    grouped[name] = floats_of(row.values(raw))
                else:
                    columns[name] = row.apply(raw)
            except ValueError as error:
                problems.append(Problem(str(error), f"{'label' if row.chain.label else 'feature'} {name!r}"))
        if problems:
            raise DataError(problems)
        for group in self.groups:
            columns[group.group.name] = group.apply(grouped)
        fields = [field for field in self.output_schema if field.name in columns]
        return pa.RecordBatch.from_arrays([columns[field.name] for field in fields], schema=pa.schema(fields))

    def matrix(self, transformed: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """Return the features of transformed rows side by side, of shape (rows, len(column_names))."""
        matrix = np.empty((transformed.num_rows, len(self.column_names)), np.float32)
        position = 0
        for name in (*(row.chain.name for row in self._single), *(row.group.name for row in self.groups)):
            column = transformed.column(name)
            if pa.types.is_fixed_size_list(column.type):
                width = column.type.list_size
                matrix[:, position : position + width] = column.flatten().to_numpy().reshape(-1, width)
            else:
                width = 1
                matrix[:, position] = column.to_numpy()
            position += width
        return matrix

    def save(self, path: Path) -> None:
        """Write the transform into the folder `path`: the same bytes for the same transform."""
        path.mkdir(parents=True, exist_ok=True)
        rows: dict[str, list[dict[str, Any]]] = {"features": [], "labels": []}
        count = 0
        for row in self.chains:
            files: dict[int, dict[str, str]] = {}
            for number, arrays in row.arrays():
                files[number] = {}
                for name, array in arrays.items():
                    files[number][name] = f"{name}-{count:05d}.arrow"
                    _write_array(path / files[number][name], array)
                    count += 1
            rows["labels" if row.chain.label else "features"].append(row.to_json(files))
        groups = {"groups": [row.to_json() for row in self.groups]} if self.groups else {}
        body = {"format": FORMAT, **rows, **groups, "example": list(self.example)}
        with atomic_file(path / TRANSFORM_FILE) as file:
            file.write(json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> Transform:
        """Read the transform in the folder `path`.

        Raises:
            DataError: it is missing, damaged or of a newer format.
        """
        place = path / TRANSFORM_FILE
        try:
            body = json.loads(place.read_bytes())
            version = body["format"]
            if not isinstance(version, int) or version > FORMAT:
                what = f"this transform has format {version}, and this ZenML reads formats up to {FORMAT}"
                raise DataError(what, str(place), "Upgrade zenml-core")
            chains = [
                FittedChain.from_json(row, kind == "labels", lambda name: _read_array(path, name))
                for kind in ("features", "labels")
                for row in body[kind]
            ]
            groups = tuple(FittedGroup.from_json(row) for row in body.get("groups", ()))
            return cls(tuple(chains), tuple(body["example"]), groups)
        except FileNotFoundError as error:
            raise DataError("there is no such file, so the transform cannot be read", str(error.filename)) from None
        except (AttributeError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
            raise DataError(f"the transform is damaged ({type(error).__name__}: {error})", str(place)) from error


def _write_array(path: Path, array: pa.Array) -> None:
    batch = pa.record_batch({"value": array})
    with atomic_file(path) as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)


def _read_array(folder: Path, name: str) -> pa.Array:
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no file name")
    with pa.ipc.open_file(pa.py_buffer((folder / name).read_bytes())) as reader:
        return reader.get_batch(0).column(0)
