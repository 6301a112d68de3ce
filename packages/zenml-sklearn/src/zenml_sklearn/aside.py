"""Columns set aside: those of the data that are neither learned from nor learned, such as the weights of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from zenml.errors import DataError, Problem, closest
from zenml.steps.trainer.bundle import write_json
from zenml.steps.trainer.reader import SplitReader
from zenml.steps.trainer.training import Training

COLUMNS_FILE = "columns.json"
"""Says which columns of the features a model reads, where it does not read all."""


@dataclass(frozen=True)
class SetAside:
    """A training without the columns set aside.

    Args:
        training: its readers give the columns set aside among the labels, and not among the features.
        learned: the labels to learn.
        kept: the columns of the transformed features that are learned from; None for all.
        width: how many columns these features have, set aside or not.
    """

    training: Training
    learned: tuple[str, ...]
    kept: tuple[int, ...] | None
    width: int

    @property
    def of_labels(self) -> Training:
        """The training with readers whose labels are just those to learn."""
        return _with_labels(self.training, self.learned)

    def write(self) -> None:
        """Write beside the model which columns it reads, unless it reads all."""
        if self.kept is not None:
            write_json(self.training.folder / COLUMNS_FILE, {"width": self.width, "kept": list(self.kept)})


def set_aside(training: Training, columns: Mapping[str, str]) -> SetAside:
    """Take columns out of what is learned from, and of what is learned.

    Args:
        training: the training.
        columns: by name of the trainer's field, the column.

    Raises:
        DataError: a column is not there or no number, or no label is left; all of that.
    """
    reader = training.train
    wrong = list(_problems(training, columns))
    learned = tuple(name for name in reader.labels if name not in columns.values())
    if not learned:
        told = " and ".join(f"{field}={name!r}" for field, name in columns.items())
        wrong.append(Problem(f"no label is left to learn beside {told}", training.name))
    if wrong:
        raise DataError(wrong)
    features = reader.column_names()
    kept = tuple(number for number, name in enumerate(features) if name not in columns.values())
    if not kept:
        raise DataError("no feature is left to learn from", training.name)
    labels = (*learned, *dict.fromkeys(columns.values()))
    whole = len(kept) == len(features)
    return SetAside(_with_labels(training, labels), learned, None if whole else kept, len(features))


def _with_labels(training: Training, labels: tuple[str, ...]) -> Training:
    def again(reader: SplitReader | None) -> SplitReader | None:
        return None if reader is None else SplitReader(reader.folder, labels)

    return replace(training, train=SplitReader(training.train.folder, labels), eval=again(training.eval))


def _problems(training: Training, columns: Mapping[str, str]) -> Iterator[Problem]:
    schema = training.train.schema
    for field, name in columns.items():
        where = f"{training.name}.{field}"
        if name not in schema.names:
            mend = closest(name, schema.names) or f"There are: {', '.join(schema.names)}"
            yield Problem(f"the data have no column {name!r}", where, mend)
        elif pa.types.is_nested(schema.field(name).type):
            mend = "Let its transform be no_transform in the preprocesser, or make it a label"
            yield Problem(f"column {name!r} is a vector after its transform", where, mend)


def kept_columns(folder: Path) -> tuple[int, tuple[int, ...]] | None:
    """Return how many columns the features have and which a model reads; None where it reads all.

    Raises:
        DataError: the file that says so is damaged.
    """
    import json

    file = folder / COLUMNS_FILE
    if not file.exists():
        return None
    try:
        row = json.loads(file.read_bytes())
        width, kept = int(row["width"]), tuple(map(int, row["kept"]))
        if not kept or min(kept) < 0 or max(kept) >= width:
            raise ValueError("a column is outside of the features")
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the model is damaged ({type(error).__name__}: {error})", str(file)) from error
    return width, kept
