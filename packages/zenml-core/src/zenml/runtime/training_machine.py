"""A machine that trains for a staged job: `python -m zenml.entrypoint train --job URI`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from zenml.runtime.remote_shards_worker import work_on
from zenml.runtime.training_shard import MachineLostError

_EXIT_LOST = 75  # EX_TEMPFAIL of sysexits.h: try again


def train_staged(uri: str, machine: int, master: str) -> int:
    """Do one machine's part of a training; return the exit code: 0 where its answer is in the store.

    Args:
        uri: of the staged job.
        machine: the number of this machine, from 0.
        master: `HOST:PORT` of machine 0; empty where there is no other.
    """
    if master:
        os.environ["MASTER_ADDR"], _, os.environ["MASTER_PORT"] = master.rpartition(":")

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise MachineLostError("asked to stop")

    signal.signal(signal.SIGTERM, stop)
    try:
        for _ in work_on(uri, [machine]):
            return 0
    except MachineLostError as lost:
        print(f"The training stops here: {lost}", file=sys.stderr)  # noqa: T201 - the log of the machine
        return _EXIT_LOST
    print("The training is over, and wants nothing of this machine", file=sys.stderr)  # noqa: T201 - the same
    return 0
