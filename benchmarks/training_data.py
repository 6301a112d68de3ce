"""The table that trainings are measured on, as arrays in files and as the transform step leaves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

WIDTH = 20
LABEL = "y"

_SHARD_ROWS = 1 << 18
_BATCH_ROWS = 1 << 16


def write_shards(folder: Path, rows: int) -> None:
    """Write the table as a split of transformed examples, a piece at a time."""
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, rows, _SHARD_ROWS)):
        features, labels = _piece(number, min(_SHARD_ROWS, rows - start))
        columns = {f"x{place:02d}": features[:, place] for place in range(WIDTH)}
        table = pa.table({**columns, LABEL: labels})
        path = str(folder / f"shard-{number:05d}.arrow")
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=_BATCH_ROWS)


def write_arrays(folder: Path, rows: int) -> None:
    """Write the same rows as `features.npy` and `labels.npy`."""
    starts = range(0, rows, _SHARD_ROWS)
    pieces = [_piece(number, min(_SHARD_ROWS, rows - start)) for number, start in enumerate(starts)]
    np.save(folder / "features.npy", np.concatenate([features for features, _ in pieces]))
    np.save(folder / "labels.npy", np.concatenate([labels for _, labels in pieces]))


def read_arrays(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return features and labels as models take them, (rows, width) and (rows, 1), both float32."""
    return np.load(folder / "features.npy"), np.load(folder / "labels.npy").astype(np.float32)[:, None]


def _piece(number: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng([1729, number])
    features = chance.standard_normal((rows, WIDTH), np.float32)
    return features, (features[:, 0] + features[:, 1] > chance.standard_normal(rows)).astype(np.int64)
