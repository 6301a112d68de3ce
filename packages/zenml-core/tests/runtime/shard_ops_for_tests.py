"""Operations for the tests of the local engine; workers import them by name."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zenml.data.shards import ShardOp, State, atomic_file
from zenml.errors import DataError, Problem


class Square(ShardOp):
    """Squares a number, notes the process, and prints to see that printing does no harm."""

    def work(self, shard: Mapping[str, Any]) -> State:
        print("noise on standard output")
        with atomic_file(self.out / f"{shard['n']}.txt") as file:
            file.write(str(shard["n"] ** 2).encode())
        return {"square": shard["n"] ** 2, "pid": os.getpid()}


class Fail(ShardOp):
    """Raises what the shard says."""

    def work(self, shard: Mapping[str, Any]) -> State:
        if shard["how"] == "data":
            raise DataError([Problem("bad cell", "a.csv, row 3", "Mend it"), Problem("another")])
        if shard["how"] == "disk":
            raise OSError(28, "No space left on device")
        raise ValueError("a bug")


class DieOnce(ShardOp):
    """Kills its own process the first time, or always."""

    def work(self, shard: Mapping[str, Any]) -> State:
        mark = Path(self.out) / f"died-{shard['n']}"
        if shard["always"] or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"n": shard["n"]}
