"""PyTorch: the trainer's loop, and the loops that people write without it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.training_data import WIDTH, read_arrays
from benchmarks.training_loops import OBJECTIVE, Bare, Bench, Firsts, Loops, Work, view_of
from zenml_pytorch.learner import TorchLearner

LOADER, MEMORY = "a DataLoader over a TensorDataset", "a loop over permuted tensors in memory"

_SHARE = 5
"""What part of an epoch the DataLoader is measured for, which takes so much longer than all else."""


def loops(folder: Path, size: int) -> Loops:
    """Return epochs over the table in a folder; the networks and optimizers are the same."""
    torch.set_num_threads(1)
    features, labels = map(torch.from_numpy, read_arrays(folder))

    def loader() -> Work:
        rows = DataLoader(TensorDataset(features, labels), batch_size=size, shuffle=True)
        return _epoch(lambda: islice(rows, len(features) // size // _SHARE))

    def memory() -> Work:
        def rows() -> Iterable[Any]:
            order = torch.randperm(len(features))
            for start in range(0, len(features), size):
                taken = order[start : start + size]
                yield features[taken], labels[taken]

        return _epoch(rows)

    view, network = view_of(folder, size), _network()
    learner = TorchLearner(Bench(), OBJECTIVE, network, _optimizer(network), "sigmoid", torch.device("cpu"))  # type: ignore[arg-type] # it uses no more of a training
    numbers = count(1)

    def ours() -> None:
        number = next(numbers)
        learner.train(number, view.epoch(number))

    share = (len(features) // size // _SHARE) * size / len(features)
    bare = {LOADER: Bare((loader(), loader()), share), MEMORY: Bare((memory(), memory()))}
    return Loops(ours, bare)


def firsts(folder: Path, size: int) -> Firsts:
    """Return what reads until the first batch."""

    def ours() -> None:
        [torch.from_numpy(array) for array in next(view_of(folder, size).epoch(1))]

    def bare() -> None:
        rows = TensorDataset(*map(torch.from_numpy, read_arrays(folder)))
        next(iter(DataLoader(rows, batch_size=size, shuffle=True)))

    return Firsts(ours, bare)


def _network() -> Any:
    torch.manual_seed(1)
    layers = [torch.nn.Linear(WIDTH, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))


def _optimizer(network: Any) -> Any:
    return torch.optim.Adam(network.parameters(), lr=0.001, fused=True)


def _epoch(batches: Any) -> Work:
    """Return an epoch in bare PyTorch over what is called for its batches."""
    network, function = _network(), torch.nn.BCEWithLogitsLoss()
    optimizer = _optimizer(network)

    def epoch() -> None:
        network.train()
        total = torch.zeros(())
        for given, wanted in batches():
            optimizer.zero_grad(set_to_none=True)
            loss = function(network(given), wanted)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(given)
        total.item()

    return epoch
