"""Operations that the conformance suite of processing backends runs; workers import them by name."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zenml.data.shards import ShardOp, State, atomic_file
from zenml.errors import DataError, Problem


class Arrays(ShardOp):
    """Leaves a state with arrays of several types and shapes among JSON values, and an output file."""

    def work(self, shard: Mapping[str, Any]) -> State:
        """Make them of the shard's number; print, because an operation may."""
        number = int(shard["number"])
        sys.stdout.write("an operation prints\n")
        sys.stdout.flush()
        with atomic_file(self.out / f"shard-{number:05d}") as file:
            file.write(str(number).encode())
        return arrays(number, float(self.params["scale"]))


def arrays(number: int, scale: float) -> State:
    """Return the state that `Arrays` leaves for a shard."""
    return {
        "number": number,
        "text": "Zürich ✓",
        "nothing": None,
        "sums": np.arange(number, dtype=np.float64) * scale / 3,
        "nested": [{"counts": np.full((2, 3), number, np.int64)}, {"flags": np.array([True, False])}],
        "odd": np.array([np.nan, np.inf, -0.0], np.float32),
    }


class Raise(ShardOp):
    """Raises what the shard says, or leaves an empty state."""

    def work(self, shard: Mapping[str, Any]) -> State:
        """Raise it."""
        how = shard.get("raise")
        if how == "data":
            raise DataError([Problem("a bad cell", "a.csv, row 3", "Mend it"), Problem("another")])
        if how == "system":
            raise OSError(28, "No space left on device", "shard-00001.arrow")
        if how == "bug":
            raise ValueError("a bug")
        if how == "exit":
            sys.exit(3)
        return {}


class RefuseToOpen(ShardOp):
    """Raises when it is made."""

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        raise DataError("nothing can be opened", str(out.name), "Give up")

    def work(self, shard: Mapping[str, Any]) -> State:
        """Never comes about."""
        return {}


class Opened(ShardOp):
    """Tells one opening of the job from another."""

    def __init__(self, params: Mapping[str, Any], out: Path) -> None:
        super().__init__(params, out)
        self._opening = str(uuid.uuid4())

    def work(self, shard: Mapping[str, Any]) -> State:
        """Tell it."""
        return {"opened": self._opening}


class Vanish(ShardOp):
    """Loses its worker, as when a machine is taken away, the first `times` times that it works on the shard `number`.

    A file in the folder `place`, named without its first slash, tells of each time that a shard is worked on.
    """

    def work(self, shard: Mapping[str, Any]) -> State:
        """Kill this process, or leave the shard's number."""
        place, number = Path("/", self.params["place"]), int(shard["number"])
        before = len(list(place.glob(f"{number}-*")))
        (place / f"{number}-{before}").touch()
        if number == self.params["number"] and before < self.params["times"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"number": number}
