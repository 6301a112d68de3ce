"""Records runs in a store until told to stop; started as a process of its own by the tests."""

from __future__ import annotations

import sys
import threading

from zenml.metadata.records import State
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.testing.recorded_runs import an_artifact, complete, started


def record(path: str, first: int, count: int) -> None:
    store = SQLiteMetadataStore(path=path)
    for number in range(first, first + count):
        run = started(store, number)
        (made,) = complete(store, run, "data", fingerprint="shared", outputs=[an_artifact("examples", f"/a/{number}")])
        complete(store, run, "split", inputs=[made], outputs=[an_artifact("split", f"/b/{number}")])
        store.find_step("shared")
        store.end_run(run, state=State.COMPLETE)
        print(run, flush=True)


if __name__ == "__main__":
    threading.Thread(target=lambda: sys.stdin.read(), daemon=True).start()
    record(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
