"""What training through this project costs over bare PyTorch and TensorFlow: time, time to the first batch, memory.

Each framework is measured in processes of its own, on one core: `threads=1` is what trainers take, with which sums are
the same everywhere; what reads ahead may use another core, in the bare frameworks too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.timing import Row, compiled_environment
from benchmarks.training_data import WIDTH, write_arrays, write_shards

ROWS = 1_000_000
BATCHES = (8192, 256)
PAIRS = 9
BUDGET, FLAT = 1.02, 1.10
NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}
PACKAGES = {"torch": "zenml_pytorch", "tensorflow": "zenml_tensorflow"}


def measure(rows: int = ROWS, pairs: int = PAIRS) -> list[Row]:
    """Return the rows of the table; those of a framework only where it is installed.

    Args:
        rows: of the table; memory is measured on ten times as many too.
        pairs: how many counted rounds.
    """
    frameworks = [name for name, package in PACKAGES.items() if importlib.util.find_spec(package) and _is_there(name)]
    found = []
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name, "small"), Path(name, "large")
        if frameworks:
            for folder, count in ((small, rows), (large, 10 * rows)):
                write_shards(folder / "train", count)
                write_shards(folder / "eval", count // 10)
            write_arrays(small, rows)
        for framework in frameworks:
            command = ["training_pairs", framework, str(small), str(pairs), *map(str, BATCHES)]
            found += _times(framework, rows, json.loads(_run(command)))
            found.append(_memory(framework, rows, small, large))
    return found


def _is_there(framework: str) -> bool:
    return importlib.util.find_spec(framework) is not None


def _times(framework: str, rows: int, measured: dict[str, Any]) -> list[Row]:
    name, found = NAMES[framework], []
    for size, ways in measured["pairs"].items():
        for way, row in ways.items():
            what = f"{name}, {rows:,} x {WIDTH}, batches of {int(size):,}: an epoch, over {way}"
            note = (
                f"processor time {row['work']:.2f} x; bare over bare {row['low']:.2f} to {row['high']:.2f}; "
                f"{rows / row['epoch'] / 1e6:.2f} M rows/s"
            )
            found.append(Row(what, row["ratio"], BUDGET, "x", note, scales=False))
    for size, first in measured["first"].items():
        what = f"{name}, {rows:,} x {WIDTH}: from files to the first batch of {int(size):,}"
        note = f"the bare loader, from .npy: {first['bare'] * 1000:.0f} ms"
        found.append(Row(what, first["ours"] * 1000, None, "ms", note))
    return found


def _memory(framework: str, rows: int, small: Path, large: Path) -> Row:
    def peak(folder: Path, epochs: int) -> float:
        return float(_run(["training_memory", framework, str(folder), str(epochs)]))

    before, less, more = peak(small, 0), peak(small, 2), peak(large, 1)
    what = f"{NAMES[framework]}, peak RSS of a training: {10 * rows:,} rows over {rows:,}"
    note = f"{more:.0f} MB, {less:.0f} MB; the framework imported: {before:.0f} MB"
    return Row(what, more / less, FLAT, "x", note, scales=False)


def _run(command: list[str]) -> str:
    """Run a module of this package in a process of its own; return the last line that it prints."""
    module, *arguments = command
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=root,
        env={**compiled_environment(), "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout.splitlines()[-1]
