"""WorstRows: the rows that a model predicts worst, and the file that shows them with their features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zenml.data.shards import atomic_file
from zenml.data.snapshot import shard_batches

if TYPE_CHECKING:
    from zenml.data.snapshot import Snapshot
    from zenml.steps.trainer.prediction import LabelInfo, Prediction

WORST_FILE = "worst_rows.arrow"
PREFIX = "evaluation."
"""What the names of the columns in that file begin with that are not the data's own."""

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Worst:
    """A row and how wrong its prediction is.

    Args:
        row: its index in the split.
        loss: the logarithmic loss of a class, or by how much its score is below the highest where scores are no
            probabilities; the absolute error of a number. Infinite for a class that the model does not know.
        truth: the true value, or position of the true class.
        predicted: the prediction, of the same form.
    """

    row: int
    loss: float
    truth: float
    predicted: float


class WorstRows:
    """The rows with the greatest losses; of equal losses the first rows.

    Args:
        most: how many to keep.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = np.empty((4, 0))

    def update(
        self,
        first: int,
        losses: npt.NDArray[np.float64],
        truth: npt.NDArray[Any],
        predicted: npt.NDArray[Any],
    ) -> None:
        """Add rows.

        Args:
            first: the index of the first of them.
            losses: their losses; NaN for a row that has none.
            truth: what is true.
            predicted: what is predicted.
        """
        having = np.flatnonzero(~np.isnan(losses))
        if self._most == 0 or len(having) == 0:
            return
        if len(having) > self._most:
            least = np.partition(losses[having], len(having) - self._most)[len(having) - self._most]
            having = having[losses[having] >= least]
        new = np.stack([losses[having], having + first, truth[having], predicted[having]])
        both = np.concatenate([self._kept, new], axis=1)
        self._kept = both[:, np.lexsort((both[1], -both[0]))[: self._most]]

    def result(self) -> tuple[Worst, ...]:
        """Return the rows, the worst first."""
        return tuple(Worst(int(row), loss, truth, made) for loss, row, truth, made in self._kept.T.tolist())


def losses_of(truth: npt.NDArray[Any], prediction: Prediction) -> npt.NDArray[np.float64]:
    """Return the loss of each row, NaN where there is no true value.

    Args:
        truth: values, or positions: -1 for an unknown class, below for none.
        prediction: what was predicted.
    """
    if truth.dtype.kind == "f":
        errors = np.abs(truth - prediction.values)
        return np.where(np.isnan(errors) & ~np.isnan(truth), np.inf, errors)
    if prediction.scores is None:
        losses = (truth != prediction.values).astype(np.float64)
    else:
        given = prediction.scores[np.arange(len(truth)), np.maximum(truth, 0)]
        if prediction.calibrated:
            losses = -np.log(np.clip(given, _EPSILON, 1))
        else:
            losses = prediction.scores.max(axis=1) - given
        losses = np.where(np.isnan(losses), np.inf, losses)
    return np.where(truth == -1, np.inf, np.where(truth < 0, np.nan, losses))


def write_worst_rows(
    folder: Path, snapshot: Snapshot, split: str, labels: Sequence[LabelInfo], worst: Mapping[str, Sequence[Worst]]
) -> None:
    """Write the worst rows of each label with all their raw columns, the worst first, as one Arrow file."""
    wanted = sorted({row.row for rows in worst.values() for row in rows})
    table = pa.concat_tables(_taken(snapshot, split, wanted))
    place = {row: number for number, row in enumerate(wanted)}
    told = [(label, row) for label in labels for row in worst[label.name]]
    known = {
        "label": pa.array([label.name for label, _ in told], pa.utf8()),
        "row": pa.array([row.row for _, row in told], pa.int64()),
        "loss": pa.array([row.loss for _, row in told], pa.float64()),
        "truth": pa.array([_text(label, row.truth) for label, row in told], pa.utf8()),
        "predicted": pa.array([_text(label, row.predicted) for label, row in told], pa.utf8()),
    }
    rows = table.take(pa.array([place[row.row] for _, row in told], pa.int64()))
    arrays = [*known.values(), *rows.columns]
    made = pa.Table.from_arrays(arrays, names=[*(PREFIX + name for name in known), *rows.column_names])
    with atomic_file(folder / WORST_FILE) as file, pa.ipc.new_file(file, made.schema) as writer:
        writer.write_table(made.combine_chunks())


def _taken(snapshot: Snapshot, split: str, rows: Sequence[int]) -> Iterator[pa.Table]:
    """Yield the rows at some places of a split, ascending; whole shards without any of them are not read."""
    first, at = 0, 0
    schema = None
    for shard in snapshot.shard_rows([split]):
        last = first + shard["rows"]
        if (at < len(rows) and rows[at] < last) or schema is None:
            for batch in shard_batches(shard["file"]):
                schema = batch.schema
                inside = [row - first for row in rows[at:] if row < first + batch.num_rows]
                at += len(inside)
                yield pa.Table.from_batches([batch.take(pa.array(inside, pa.int64()))], schema)
                first += batch.num_rows
        first = last


def _text(label: LabelInfo, value: float) -> str:
    if label.task == "regression":
        return repr(value)
    return str(label.classes[int(value)]) if value >= 0 else "(not known to the model)"
