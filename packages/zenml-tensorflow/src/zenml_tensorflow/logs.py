"""TensorBoard's event files: the learning curve of a training, as an artifact of its own.

They hold times, so they are not part of a model bundle, and do not count in a content digest.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from zenml.artifacts.types import Artifact
from zenml.steps.trainer.history import Epoch

EVAL = "eval_"
_FILE = "events.out.tfevents.0.zenml"


class TensorBoardLogs(Artifact):
    """A folder for `tensorboard --logdir`."""

    NOT_CONTENT: ClassVar[tuple[str, ...]] = ("*",)


def keep_logs(folder: Path, epochs: Sequence[Epoch], scratch: Path) -> None:
    """Fill the artifact: the learning curve, and what callbacks wrote into the folder `logs` of `scratch`."""
    own = scratch / "logs"
    if own.is_dir():
        shutil.copytree(own, folder, dirs_exist_ok=True)
    write_events(folder, epochs)


def write_events(folder: Path, epochs: Sequence[Epoch]) -> None:
    """Write the metrics of the epochs, those of the split `eval` as a run of their own, as Keras' own callback does.

    Args:
        folder: gets the folders `train` and `validation`.
        epochs: as they were recorded.
    """
    import tensorflow as tf
    from tensorflow.core.framework.summary_pb2 import Summary
    from tensorflow.core.util.event_pb2 import Event

    now = time.time()
    for name, of_eval in (("train", False), ("validation", True)):
        rows = [(int(row["epoch"] or 0), _scalars(row, of_eval)) for row in epochs]
        if not any(values for _, values in rows):
            continue
        (folder / name).mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(folder / name / _FILE)) as file:
            file.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
            for epoch, values in rows:
                summary = Summary(value=[Summary.Value(tag=f"epoch_{tag}", simple_value=x) for tag, x in values])
                file.write(Event(wall_time=now, step=epoch, summary=summary).SerializeToString())


def _scalars(row: Epoch, of_eval: bool) -> list[tuple[str, float]]:
    return [
        (name.removeprefix(EVAL), value)
        for name, value in row.items()
        if name != "epoch" and value is not None and name.startswith(EVAL) == of_eval
    ]
