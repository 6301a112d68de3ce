from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from zenml.metadata.records import State
from zenml.metadata.sqlite import SQLiteMetadataStore

SCRIPT = Path(__file__).parent / "record_runs.py"


def recorder(store: SQLiteMetadataStore, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), store.path, str(first), str(count)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_processes_that_make_and_fill_one_file_together_lose_nothing(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(path=str(tmp_path / "metadata.db"))
    processes, each = 5, 12
    running = [recorder(store, number * 1_000, each) for number in range(processes)]
    ends = [process.communicate() for process in running]
    assert [errors for _, errors in ends] == [""] * processes
    runs = store.list_runs()
    assert sorted(run.id for run in runs) == sorted(line for output, _ in ends for line in output.split())
    assert len(runs) == processes * each
    assert all(run.state is State.COMPLETE for run in runs)
    found = store.find_step("shared", limit=1_000)
    assert len({step.outputs[0].uri for step in found}) == processes * each
    whole = store.get_run(runs[0].id)
    assert whole is not None
    assert [step.state for step in whole.steps] == [State.COMPLETE, State.COMPLETE, State.SKIPPED]
    assert whole.steps[1].inputs[0].id == whole.steps[0].outputs[0].id
    assert store._database is not None
    with store._database.transaction(write=False) as connection:
        names = list(connection.exec_driver_sql("SELECT name FROM Type").scalars())
    assert len(names) == len(set(names))


def test_a_process_killed_while_it_writes_leaves_whole_records_only(tmp_path: Path) -> None:
    store = SQLiteMetadataStore(path=str(tmp_path / "metadata.db"))
    seed = 20_261_121
    chance = random.Random(seed)
    for round_ in range(4):
        process = recorder(store, round_ * 1_000, 900)
        assert process.stdout is not None
        assert process.stderr is not None
        said = [process.stdout.readline().strip() for _ in range(chance.randrange(1, 30))]
        process.kill()
        said += process.stdout.read().split()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        states = {run.id: run.state for run in store.list_runs()}
        assert all(states[run] is State.COMPLETE for run in said), f"seed {seed}"
        lost = store.end_lost_runs(lambda _: False)
        assert len(lost) <= 1
        assert all(run.state is not State.RUNNING for run in store.list_runs())
        for step in store.find_step("shared", limit=10_000):
            assert len(step.outputs) == 1
    assert store._database is not None
    with store._database.transaction(write=False) as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
