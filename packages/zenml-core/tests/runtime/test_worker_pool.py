from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from zenml.data.answers import WorkerFailedError
from zenml.data.shards import ShardJob, fold_order
from zenml.errors import DataError
from zenml.runtime.processing_base import ProcessingBaseBackend
from zenml.runtime.worker_pool import POOL, WorkerDiedError

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _operations_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(HERE)
    yield
    POOL.close()


def job(name: str, shards: list[dict[str, object]], out: Path) -> ShardJob:
    return ShardJob(f"shard_ops_for_tests:{name}", tuple(shards), str(out))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_result_does_not_depend_on_the_workers(workers: int, tmp_path: Path) -> None:
    work = job("Square", [{"n": n} for n in range(7)], tmp_path)
    states = fold_order(work, ProcessingBaseBackend(workers=workers).map(work))
    assert [state["square"] for state in states] == [n * n for n in range(7)]
    assert (tmp_path / "6.txt").read_text() == "36"
    assert (os.getpid() in {state["pid"] for state in states}) == (workers == 1)


def test_workers_are_kept_for_the_next_job_and_end_when_closed(tmp_path: Path) -> None:
    work = job("Square", [{"n": n} for n in range(8)], tmp_path)
    backend = ProcessingBaseBackend(workers=2)
    first = {state["pid"] for state in fold_order(work, backend.map(work))}
    second = {state["pid"] for state in fold_order(work, backend.map(work))}
    assert second <= first
    POOL.close()
    assert not any(psutil.pid_exists(pid) for pid in first)


def test_what_an_operation_raises_reaches_the_caller_with_its_problems(tmp_path: Path) -> None:
    work = job("Fail", [{"how": "data"}, {"how": "data"}], tmp_path)
    with pytest.raises(DataError) as caught:
        list(ProcessingBaseBackend(workers=2).map(work))
    assert [str(problem) for problem in caught.value.problems] == ["a.csv, row 3: bad cell. Mend it", "another"]


def test_a_bug_in_an_operation_shows_the_workers_traceback(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailedError, match=r"ValueError: a bug(.|\n)*shard_ops_for_tests"):
        list(ProcessingBaseBackend(workers=2).map(job("Fail", [{"how": "bug"}], tmp_path)))


def test_an_operating_system_error_keeps_its_number(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        list(ProcessingBaseBackend(workers=2).map(job("Fail", [{"how": "disk"}], tmp_path)))
    assert caught.value.errno == 28


def test_a_shard_whose_worker_was_killed_is_tried_again(tmp_path: Path) -> None:
    work = job("DieOnce", [{"n": n, "always": False} for n in range(3)], tmp_path)
    states = fold_order(work, ProcessingBaseBackend(workers=2).map(work))
    assert [state["n"] for state in states] == [0, 1, 2]


def test_a_shard_that_kills_every_worker_ends_in_an_error_that_says_so(tmp_path: Path) -> None:
    work = job("DieOnce", [{"n": 0, "always": True}], tmp_path)
    with pytest.raises(WorkerDiedError, match=r"SIGKILL \(out of memory\?\), 3 times over.*workers=1"):
        list(ProcessingBaseBackend(workers=2).map(work))


def test_an_operation_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    work = ShardJob("no_such_module:Op", ({"n": 1},), str(tmp_path))
    with pytest.raises(WorkerFailedError, match="no_such_module"):
        list(ProcessingBaseBackend(workers=2).map(work))


def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, os\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "from zenml.data.shards import ShardJob, fold_order\n"
        "from zenml.runtime.processing_base import ProcessingBaseBackend\n"
        f"job = ShardJob('shard_ops_for_tests:Square', ({{'n': 1}}, {{'n': 2}}), {str(tmp_path)!r})\n"
        "pids = {state['pid'] for state in fold_order(job, ProcessingBaseBackend(workers=2).map(job))}\n"
        "print(*pids, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    workers = [psutil.Process(int(pid)) for pid in done.stdout.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
