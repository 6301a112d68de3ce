from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zenml.errors import ConfigError, StoreError
from zenml.metadata.records import State
from zenml.testing.recorded_runs import an_artifact, complete, started

sys.path.insert(0, str(Path(__file__).parent))  # where the tests' own modules lie

RECORD = """
import sys
from zenml.metadata.records import State
from zenml.testing.recorded_runs import an_artifact, complete, started
from zenml_mlmd.store import MLMDMetadataStore

store = MLMDMetadataStore(path=sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 4):
    run = started(store, number)
    complete(store, run, "data", fingerprint="shared", outputs=[an_artifact("examples", f"/a/{number}")])
    store.end_run(run, state=State.COMPLETE)
"""


def test_exactly_one_place_is_given() -> None:
    from zenml_mlmd.store import MLMDMetadataStore

    for config in ({}, {"path": "a.db", "server": "here:1"}, {"server": "here"}):
        with pytest.raises(ConfigError):
            MLMDMetadataStore(**config)


def test_a_server_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    from mlmd_server import running

    from zenml_mlmd.store import MLMDMetadataStore

    path = tmp_path / "metadata.db"
    with running(path) as server:
        store = MLMDMetadataStore(server=server)
        run = started(store, 1)
    thread = threading.Thread(target=lambda: complete(store, run, "data", outputs=[an_artifact("examples", "/a")]))
    thread.start()
    with running(path, int(server.rpartition(":")[2])):
        thread.join()
        store.end_run(run, state=State.COMPLETE)
        found = store.get_run(run)
    assert found is not None
    assert [step.state for step in found.steps] == [State.COMPLETE, State.SKIPPED, State.SKIPPED]


def test_a_server_that_is_not_there_is_one_clear_error() -> None:
    from zenml_mlmd.store import MLMDMetadataStore

    with pytest.raises(StoreError, match="does not answer") as caught:
        MLMDMetadataStore(server="127.0.0.1:1", timeout=2).list_runs()
    assert len(caught.value.problems) == 1


def test_processes_that_make_and_fill_one_file_together_lose_nothing(tmp_path: Path) -> None:
    from zenml_mlmd.store import MLMDMetadataStore

    path = str(tmp_path / "metadata.db")
    environment = {**os.environ, "GLOG_minloglevel": "3"}
    processes = [
        subprocess.Popen([sys.executable, "-c", RECORD, path, str(first)], env=environment) for first in (0, 100, 200)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    store = MLMDMetadataStore(path=path)
    assert [run.state for run in store.list_runs()] == [State.COMPLETE] * 12
    assert store.list_pipelines() == ["Quickstart"]
    assert len({step.outputs[0].uri for step in store.find_step("shared", limit=50)}) == 12
