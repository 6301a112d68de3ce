"""`kill -9` at any moment: nothing half-written shows, the run is LOST at once, and the next run finishes."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil

from zenml.repo import Repository

ROUNDS = int(os.environ.get("ZENML_KILL_ROUNDS", "5"))
SEED = int(os.environ.get("ZENML_KILL_SEED", str(random.SystemRandom().randrange(10**6))))

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from quickstart_for_tests import quickstart
from zenml.backends.processing import ProcessingBaseBackend
from zenml.datasources import CSVDatasource
from zenml.pipelines import TrainingPipeline
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit

two = ProcessingBaseBackend(workers=2)
split = RandomSplit(split_map={{"train": 0.7, "eval": 0.3}}).with_backend(two)
pipeline = quickstart({data!r}, split=split)
pipeline.steps["data"].with_backend(two)
pipeline.seed = int(sys.argv[1])
pipeline.run()
"""


def start(script: Path, seed: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(script), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> str:
    _, errors = process.communicate()
    return errors.decode()


def test_the_next_run_always_finishes(project: Path, diabetes: Path) -> None:
    print(f"ZENML_KILL_SEED={SEED}")
    chance = random.Random(SEED)
    script = project / "train.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), data=str(diabetes)))
    began = time.monotonic()
    whole = start(script, 0)
    said = finish(whole)
    assert whole.returncode == 0, said
    duration = time.monotonic() - began

    for number in range(1, ROUNDS + 1):
        moment = chance.uniform(0, duration)
        victim = start(script, number)
        told = f"round {number}, {moment:.3f} s of {duration:.3f} s, seed {SEED}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            victim.wait(timeout=moment)
        family = kill(victim, chance, child=number % 2 == 0)
        said = finish(victim)
        check_store(told, dead=victim.returncode == -9)
        _, alive = psutil.wait_procs(family, timeout=20)
        assert not alive, f"{told}: processes are left: {alive}"

        again = start(script, number)
        said = finish(again)
        assert again.returncode == 0, f"{told}: {said}"
        records = Repository.get_instance().metadata_store.list_runs()
        assert records[0].state == "COMPLETE", told
        assert not [row.id for row in records if not row.state.ended], f"{told}: still running in the store"
        check_store(told, dead=False)
        leftovers = list((project / ".zenml").glob("tmp/*"))
        assert not leftovers, f"{told}: {leftovers}"


def kill(process: subprocess.Popen[bytes], chance: random.Random, *, child: bool) -> list[psutil.Process]:
    """Kill the process or one of its children; return all its processes."""
    try:
        main = psutil.Process(process.pid)
        family = main.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    target = chance.choice(family) if child and family else main
    with contextlib.suppress(psutil.NoSuchProcess):
        target.kill()
    return family


def check_store(told: str, *, dead: bool) -> None:
    """Every artifact that is recorded is whole, and a run that was killed is LOST at once."""
    repo = Repository.get_instance()
    if not (repo.root / ".zenml/metadata.db").exists():
        return
    for run in repo.get_runs():
        assert not (dead and run.state == "RUNNING"), told
        for step in run.steps.values():
            for output in step.outputs.values():
                repo.artifact_store.verify(repo.artifact_store.open(output.uri))
