"""What every training backend must do: inherit the class, give the fixtures, and run pytest."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from zenml.backends.interfaces import TrainingBackend
from zenml.datasources.csv import CSVDatasource
from zenml.errors import RunFailed
from zenml.metadata.records import State
from zenml.pipelines import TrainingPipeline
from zenml.repo import Repository
from zenml.runtime.child import child_environment
from zenml.runtime.remote_training import RemoteTrainingBackend
from zenml.runtime.run import Run
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.steps.trainer.loading import load_model
from zenml.steps.trainer.network import NetworkTrainer

_ROWS = 400
_PATIENCE_SECONDS = 300.0
_LOOK_SECONDS = 0.05
_MOMENT_SECONDS = 0.3
_LOSS_TOLERANCE = 0.001


class TrainingBackendConformance:
    """Tests of one training backend, with the trainers of a framework that it runs.

    A subclass gives the fixtures `backend` and `trainer`, and sets `EPOCHS`; one that trains elsewhere inherits
    `RemoteTrainingBackendConformance`.
    """

    EPOCHS = 120
    """So many that a training takes a moment."""

    @pytest.fixture
    def backend(self) -> TrainingBackend:
        """Return the backend."""
        raise TypeError(f"{type(self).__name__} must give the fixture `backend`")

    @pytest.fixture
    def trainer(self) -> Callable[..., NetworkTrainer]:
        """Return the class of a network trainer, or what makes one of fields of `NetworkTrainer`."""
        raise TypeError(f"{type(self).__name__} must give the fixture `trainer`")

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return an empty repository, which is the working directory, with a table in it."""
        (tmp_path / "repository" / ".zenml").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "repository")
        chance = np.random.default_rng(5)
        rows = chance.normal(size=(_ROWS, 3))
        ill = rows @ [1.5, -1.0, 0.5] + chance.normal(size=_ROWS) > 0
        lines = [f"{a:.4f},{b:.4f},{c:.4f},{int(y)}" for (a, b, c), y in zip(rows, ill, strict=True)]
        Path("table.csv").write_text("\n".join(["a,b,c,ill", *lines]) + "\n")
        return Path.cwd()

    def test_a_training_that_was_killed_goes_on_to_the_model_of_one_that_nothing_disturbed(
        self, backend: TrainingBackend, trainer: Callable[..., NetworkTrainer], folder: Path
    ) -> None:
        """The bundles are the same, byte for byte; and nearly the one that this process makes."""
        config = {"epochs": self.EPOCHS, "metrics": ["accuracy"]}
        whole = pipeline(trainer(**config).with_backend(backend)).run()
        assert [row["epoch"] for row in whole.steps["trainer"].history] == list(range(1, self.EPOCHS + 1))
        model = whole.steps["trainer"].outputs["model"]
        assert load_model(model.path).bundle.labels[0].classes == (0, 1)

        killed = kill_while_it_trains(pipeline(trainer(**config).with_cache(False).with_backend(backend)), backend)
        assert killed.state is State.LOST
        self.lose(backend, killed)
        resumed = resume(killed)
        assert resumed.id == killed.id
        assert "going on after epoch" in resumed.logs("trainer")
        assert resumed.steps["trainer"].history == whole.steps["trainer"].history
        assert resumed.steps["trainer"].outputs["model"].digest == model.digest
        assert not checkpoints(backend), "checkpoints are left"

    def test_it_comes_near_the_training_in_this_process(
        self, backend: TrainingBackend, trainer: Callable[..., NetworkTrainer], folder: Path
    ) -> None:
        """The losses of the epochs are nearly the same: sums may be rounded in another order, and no more."""
        config = {"epochs": 5, "dropout_chance": 0.0} if "dropout_chance" in _fields(trainer) else {"epochs": 5}
        here = pipeline(trainer(**config)).run().steps["trainer"].history
        there = pipeline(trainer(**config).with_backend(backend)).run().steps["trainer"].history
        for mine, other in zip(here, there, strict=True):
            assert mine["loss"] == pytest.approx(other["loss"], rel=_LOSS_TOLERANCE)

    def test_what_the_training_raises_reaches_the_caller(
        self, backend: TrainingBackend, trainer: Callable[..., NetworkTrainer], folder: Path
    ) -> None:
        """A loss that the label does not go with is told with its mend, and the step is FAILED."""
        text = Path("table.csv").read_text().replace(",1\n", ",2\n", 3)
        Path("table.csv").write_text(text)
        with pytest.raises(RunFailed, match="needs a label of two classes, and this one has 3: 0, 1, 2"):
            pipeline(trainer(epochs=1, loss="binary_crossentropy").with_backend(backend)).run()
        run = Repository.get_instance().get_runs()[0]
        assert run.steps["trainer"].state is State.FAILED

    def lose(self, backend: TrainingBackend, run: Run) -> None:
        """Let what trains be lost too after its client was killed; where it ends with it, nothing is to be done."""

    def test_a_config_gives_an_equal_backend(self, backend: TrainingBackend) -> None:
        """A spec names it."""
        assert TrainingBackend.from_config(backend.to_config()) == backend

    def test_its_configuration_is_found_sound(self, backend: TrainingBackend) -> None:
        """Nothing is found that is wrong."""
        assert list(backend.check()) == []


def pipeline(trainer: NetworkTrainer) -> TrainingPipeline:
    """Return a pipeline that trains on the table `table.csv` of the working directory."""
    made = TrainingPipeline(name="Training")
    made.add_datasource(CSVDatasource(name="table", path="table.csv"))
    made.add_split(RandomSplit(split_map={"train": 0.7, "eval": 0.3}))
    made.add_preprocesser(StandardPreprocesser(labels=["ill"]))
    made.add_trainer(trainer)
    return made


class RemoteTrainingBackendConformance(TrainingBackendConformance):
    """Tests of a backend that trains elsewhere: a job outlives its client, and nothing stays when it is over."""

    def lose(self, backend: TrainingBackend, run: Run) -> None:
        """End the jobs of the run, as a preemption does from which no service goes on by itself."""
        assert isinstance(backend, RemoteTrainingBackend)
        backend.end_jobs(run.id)

    def test_a_client_that_was_killed_finds_its_training_again(
        self, backend: RemoteTrainingBackend, trainer: Callable[..., NetworkTrainer], folder: Path
    ) -> None:
        """The resumed run makes no second job, and has the output and the epochs of the one that is there."""
        config = {"epochs": self.EPOCHS}
        whole = pipeline(trainer(**config).with_backend(backend)).run().steps["trainer"]
        killed = kill_while_it_trains(pipeline(trainer(**config).with_cache(False).with_backend(backend)), backend)
        resumed = resume(killed)
        assert "going on after epoch" not in resumed.logs("trainer")
        assert resumed.steps["trainer"].history == whole.history
        assert resumed.steps["trainer"].outputs["model"].digest == whole.outputs["model"].digest

    def test_nothing_is_left_of_trainings_that_ended(
        self, backend: RemoteTrainingBackend, trainer: Callable[..., NetworkTrainer], folder: Path
    ) -> None:
        """Neither jobs nor files, whether it ended well or not; what it printed is in the step's log."""
        run = pipeline(trainer(epochs=2).with_backend(backend)).run()
        assert "epoch 2: loss" in run.logs("trainer")
        with pytest.raises(RunFailed):
            pipeline(trainer(epochs=2, loss="mae", class_weight="balanced").with_backend(backend)).run()
        assert backend.list_runs() == []
        assert not backend.staging.list("shards")


def checkpoints(backend: TrainingBackend) -> list[str]:
    """Return the checkpoints that are kept of trainings in the repository that is the working directory."""
    found = [str(path) for path in Path(".zenml", "artifacts").glob("Checkpoint/*/*/manifest.json")]
    if isinstance(backend, RemoteTrainingBackend):
        found += [key for key in backend.staging.list("shards") if fnmatch(key, "*/checkpoints/*/manifest.json")]
    return found


def kill_while_it_trains(made: TrainingPipeline, backend: TrainingBackend) -> Run:
    """Run a pipeline in another process, kill that some time after its first checkpoint, and return the run."""
    file = Path("pipeline.yaml").absolute()
    made.to_yaml(file)
    code = f"from zenml.pipelines import Pipeline\nPipeline.from_yaml({str(file)!r}).run()"
    process = _start(code)
    patience = time.monotonic() + _PATIENCE_SECONDS
    while not checkpoints(backend):
        if _has_ended(process, _LOOK_SECONDS) or time.monotonic() > patience:
            raise AssertionError("no checkpoint was saved while it trained")
    assert not _has_ended(process, random.uniform(0, _MOMENT_SECONDS)), "the training was too short to be killed"  # noqa: S311 - any moment
    process.kill()
    process.wait()
    return Repository.get_instance().get_runs()[0]


def resume(run: Run) -> Run:
    """Let a run go on in another process, and return it as it then is."""
    process = _start(f"from zenml.cli.main import run\nraise SystemExit(run(['run', 'resume', {run.id!r}]))")
    assert process.wait(_PATIENCE_SECONDS) == 0
    found = Repository.get_instance().get_run(run.id)
    assert found.state is State.COMPLETE
    return found


def _start(code: str) -> subprocess.Popen[bytes]:
    Path("start_pipeline.py").write_text(code + "\n")
    return subprocess.Popen([sys.executable, "start_pipeline.py"], stdin=subprocess.DEVNULL, env=child_environment())


def _has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _fields(trainer: Callable[..., NetworkTrainer]) -> frozenset[str]:
    return frozenset(type(trainer()).model_fields)
