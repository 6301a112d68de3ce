"""A worker process of the local engine: `python -m zenml.runtime.worker`.

It reads one JSON object per line from standard input: `{"job": …}` opens a shard job, `{"shard": n}` works on a shard
of it. Each shard is answered with a frame: length (8 bytes, little endian) and a `ShardWorker`'s answer.
When the pipe closes, the process ends at once, whatever it is doing.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import sys
import threading
from typing import BinaryIO

from zenml.data.answers import ShardWorker
from zenml.secrets.stream import redact_output


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what an operation prints must not end up among the answers
    redact_output()
    _limit_threads()
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    worker: ShardWorker | None = None
    while True:
        request = json.loads(lines.get())
        if "job" in request:
            worker = ShardWorker(json.dumps(request["job"]))
        elif worker is not None:
            answer = worker.answer(request["shard"])
            answers.write(struct.pack("<Q", len(answer)) + answer)
            answers.flush()


def _listen(pipe: BinaryIO, lines: queue.SimpleQueue[bytes]) -> None:
    for line in pipe:
        lines.put(line)
    os._exit(0)


def _limit_threads() -> None:
    import pyarrow as pa

    threads = int(os.environ.get("ZENML_WORKER_THREADS", "1"))
    pa.set_cpu_count(threads)
    pa.set_io_thread_count(max(1, threads))


if __name__ == "__main__":
    main()
