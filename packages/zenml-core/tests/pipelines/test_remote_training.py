"""Runs whose trainer works on machines that share a bucket with this process, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from zenml.datasources import CSVDatasource
from zenml.errors import RunFailed
from zenml.pipelines import TrainingPipeline
from zenml.repo import Repository
from zenml.steps.preprocesser import StandardPreprocesser
from zenml.steps.split import RandomSplit
from zenml.steps.trainer.base import Trainer
from zenml.testing.linear_network import kept_weights
from zenml.testing.remote_training import FreshMachinesBackend

OWN = """
import os
import signal
import threading
import time

from zenml.testing.linear_network import LinearNetwork


class OwnNetwork(LinearNetwork):
    def fit(self, training):
        from own_words import WORD  # imported where it is used

        print(WORD, "from process", os.getpid())
        return super().fit(training)


class DyingNetwork(LinearNetwork):
    mark: str
    machine: bool = True

    def fit(self, training):
        if not os.path.exists(self.mark) and training.placement.rank == 0:
            threading.Thread(target=self._die, args=(training,), daemon=True).start()
        return super().fit(training)

    def _die(self, training):
        while not training.checkpoints.latest():
            time.sleep(0.01)
        open(self.mark, "w").close()
        os.killpg(0, signal.SIGKILL) if self.machine else os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def own(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with a table, and with a trainer of its own."""
    chance = np.random.default_rng(5)
    rows = [f"{a:.3f},{b:.3f},{int(a + b > 0)}" for a, b in chance.normal(size=(200, 2))]
    (project / "table.csv").write_text("\n".join(["a,b,ill", *rows]) + "\n")
    (project / "own_network.py").write_text(OWN)
    (project / "own_words.py").write_text("WORD = 'hello'\n")
    monkeypatch.syspath_prepend(project)
    yield project
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


def pipeline(trainer: Trainer) -> TrainingPipeline:
    made = TrainingPipeline(name="Elsewhere")
    made.add_datasource(CSVDatasource(name="Table", path="table.csv"))
    made.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    made.add_preprocesser(StandardPreprocesser(labels=["ill"]))
    made.add_trainer(trainer)
    return made


def weights(run) -> np.ndarray:
    return kept_weights(run.steps["trainer"].outputs["model"].path)


def test_a_trainer_of_the_user_s_own_is_sent_there_and_what_it_prints_comes_back(own: Path, bucket: Path) -> None:
    from own_network import OwnNetwork

    run = pipeline(OwnNetwork(epochs=2).with_backend(FreshMachinesBackend(staging_location=str(bucket)))).run()
    assert "hello from process" in run.logs("trainer")
    assert [row["epoch"] for row in run.steps["trainer"].history] == [1, 2]
    assert not [path for path in bucket.rglob("*") if path.is_file()]


@pytest.mark.parametrize("several", [False, True], ids=["a machine", "a process of several"])
def test_where_a_machine_is_lost_another_goes_on_from_the_last_checkpoint(
    own: Path, bucket: Path, several: bool
) -> None:
    from own_network import DyingNetwork

    counts = {"machine_count": 2, "process_count": 2} if several else {}
    backend = FreshMachinesBackend(staging_location=str(bucket), max_restarts=1, **counts)
    config = {"epochs": 12, "epoch_seconds": 0.05, "machine": not several}
    disturbed = pipeline(DyingNetwork(mark=str(own / "died"), **config).with_backend(backend)).run()
    assert "going on after epoch" in disturbed.logs("trainer")
    (own / "was there").touch()
    whole = pipeline(DyingNetwork(mark=str(own / "was there"), **config).with_backend(backend)).run()
    assert np.array_equal(weights(disturbed), weights(whole))
    assert disturbed.steps["trainer"].history == whole.steps["trainer"].history


def test_a_run_whose_machines_were_lost_goes_on_from_the_checkpoint_when_it_is_resumed(own: Path, bucket: Path) -> None:
    from own_network import DyingNetwork

    backend = FreshMachinesBackend(staging_location=str(bucket))
    trainer = DyingNetwork(epochs=12, epoch_seconds=0.05, mark=str(own / "died"))
    with pytest.raises(RunFailed, match="the machines were lost"):
        pipeline(trainer.with_backend(backend)).run()
    assert not [path for path in bucket.rglob("*") if path.is_file()]
    failed = Repository.get_instance().get_runs()[0]
    resumed = pipeline(trainer).run(resume=failed)
    assert "going on after epoch" in resumed.logs("trainer")


def test_a_process_that_trained_alone_and_was_killed_is_told_at_once(own: Path, bucket: Path) -> None:
    from own_network import DyingNetwork

    backend = FreshMachinesBackend(staging_location=str(bucket), max_restarts=3)
    trainer = DyingNetwork(epochs=50, epoch_seconds=0.05, mark=str(own / "died"), machine=False)
    with pytest.raises(RunFailed, match=r"the training was ended by SIGKILL \(out of memory\?\)"):
        pipeline(trainer.with_backend(backend)).run()


def test_a_trainer_pinned_to_a_commit_trains_elsewhere_as_it_was_there(
    own: Path, bucket: Path, git: Callable[..., str]
) -> None:
    git(own, "init", "--quiet")
    (own / ".gitignore").write_text(".zenml/\n")
    git(own, "add", ".")
    git(own, "commit", "--quiet", "-m", "first")
    commit = git(own, "rev-parse", "HEAD")
    (own / "own_words.py").write_text("WORD = 'changed'\n")
    from own_network import OwnNetwork

    backend = FreshMachinesBackend(staging_location=str(bucket))
    run = pipeline(OwnNetwork(epochs=2).with_version(commit).with_backend(backend)).run()
    assert "hello from process" in run.logs("trainer")
