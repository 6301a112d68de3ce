"""What training through this project costs over a bare PyTorch loop on the same arrays, in memory."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.timing import Row
from zenml.backends.placement import Placement

ROWS, WIDTH = 1_000_000, 20
BATCHES = (256, 8192)
PAIRS = 9
BUDGET = 1.02


def measure(rows: int = ROWS) -> list[Row]:
    """Return the rows of the table; none where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return []
    torch.set_num_threads(1)
    features, labels = _table(rows)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder, "train"), features, labels)
        for size in BATCHES:
            found += _pairs(Path(folder), features, labels, size)
    return found


def _pairs(folder: Path, features: np.ndarray, labels: np.ndarray, size: int) -> list[Row]:
    bare, again = _bare(features, labels, size), _bare(features, labels, size)
    ours, first = _ours(folder, size)
    for epoch in (bare, ours, again):
        epoch()
    ratios, spread = [], []
    for _ in range(PAIRS):
        taken = [_seconds(epoch) for epoch in (bare, ours, again)]
        ratios.append(2 * taken[1] / (taken[0] + taken[2]))
        spread.append(taken[0] / taken[2])
    low, high = min(spread), max(spread)
    what = f"PyTorch, {len(labels):,} rows of {WIDTH}, batches of {size:,}, over a bare loop"
    note = f"median of {PAIRS} pairs; bare over bare {low:.3f} to {high:.3f}; first batch after {first * 1000:.0f} ms"
    return [Row(what, statistics.median(ratios), BUDGET, "x", note, scales=False)]


def _table(rows: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(1729)
    features = chance.standard_normal((rows, WIDTH), np.float32)
    return features, (features[:, 0] + features[:, 1] > chance.standard_normal(rows)).astype(np.int64)


def _write(folder: Path, features: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir()
    table = pa.table({**{f"x{place:02d}": features[:, place] for place in range(WIDTH)}, "y": labels})
    for number, start in enumerate(range(0, len(labels), 1 << 18)):
        path = str(folder / f"shard-{number:05d}.arrow")
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table.slice(start, 1 << 18), max_chunksize=1 << 16)


def _network() -> Any:
    import torch

    torch.manual_seed(1)
    layers = [torch.nn.Linear(WIDTH, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))


def _bare(features: np.ndarray, labels: np.ndarray, size: int) -> Callable[[], None]:
    """Return an epoch of a loop in bare PyTorch over tensors in memory."""
    import torch

    network = _network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)
    function = torch.nn.BCEWithLogitsLoss()
    given, wanted = torch.from_numpy(features), torch.from_numpy(labels).float()[:, None]

    def epoch() -> None:
        network.train()
        total = torch.zeros(())
        order = torch.randperm(len(given))
        for start in range(0, len(given), size):
            rows = order[start : start + size]
            optimizer.zero_grad(set_to_none=True)
            loss = function(network(given[rows]), wanted[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        total.item()

    return epoch


def _ours(folder: Path, size: int) -> tuple[Callable[[], None], float]:
    """Return an epoch of the trainer's loop over the split in a folder, and the seconds to its first batch."""
    import torch

    from zenml.steps.trainer.objective import Objective
    from zenml.steps.trainer.prediction import LabelInfo
    from zenml.steps.trainer.reader import SplitReader
    from zenml_pytorch.learner import TorchLearner

    began = time.perf_counter()
    reader = SplitReader(folder / "train", ["y"])
    objective = Objective("binary_crossentropy", (LabelInfo("y", "classification", (0, 1), (0, 1)),))
    view = reader.batch_view(size, seed=1, prepare=objective.arrays)
    next(view.epoch(1))
    first = time.perf_counter() - began
    network = _network()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, fused=True)
    learner = TorchLearner(_Training(), objective, network, optimizer, "sigmoid", torch.device("cpu"))
    numbers = count(1)

    def epoch() -> None:
        number = next(numbers)
        learner.train(number, view.epoch(number))

    return epoch, first


class _Training:
    """What of a training the loop uses."""

    placement = Placement()

    def epoch_seed(self, epoch: int) -> int:
        return epoch


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
