"""The Spark application that EMR runs: it works on the shards of a staged job, on executors.

This file is put into S3 as it is, and imports nothing of this distribution before it runs there. What an operation
raises is an answer like any other, which the client finds beside the job; so the application fails only where Spark,
or the Python that it was given, does.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Iterable, Iterator

LATE = 124
"""Exit code of an application that took longer than it may."""


def main(uri: str, count: int, deadline: int) -> None:
    """Work on all shards of a job.

    Args:
        uri: of the job.
        count: how many shards it has.
        deadline: how many seconds that may take; 0 for no bound.
    """
    if deadline:
        watch = threading.Timer(deadline, give_up, (deadline,))
        watch.daemon = True
        watch.start()
    python = f"Python {platform.python_version()} at {sys.executable}"
    try:
        from zenml.runtime.remote_shards_worker import work_on
    except ImportError as error:
        sys.exit(f"zenml-emr: {python} lacks ZenML: {error}")
    from pyspark import SparkContext

    context = SparkContext.getOrCreate()
    say(f"{count} shards, {python}, Spark {context.version}")

    def work(numbers: Iterable[int]) -> Iterator[int]:
        return work_on(uri, numbers)

    done = context.parallelize(range(count), count).mapPartitions(work).count()  # a process opens the job once
    say(f"{done} answers")
    context.stop()


def give_up(deadline: int) -> None:
    """End this process, and the application with it."""
    say(f"the deadline of {deadline} s has passed")
    os._exit(LATE)


def say(text: str) -> None:
    """Write a line to the driver's log."""
    sys.stderr.write(f"zenml-emr: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
