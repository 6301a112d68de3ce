"""What every orchestrator must do: inherit the class, give the `backend` fixture, and run pytest."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.config.repository import make_root
from zenml.datasources.csv import CSVDatasource
from zenml.errors import RunFailed, ZenMLError
from zenml.metadata.records import State
from zenml.metadata.sqlite import SQLiteMetadataStore
from zenml.metadata.store import MetadataStore
from zenml.pipelines.pipeline import Pipeline
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.needs import requirements_of
from zenml.runtime.remote import RemoteOrchestratorBackend
from zenml.runtime.requirements import Need, Requirements
from zenml.runtime.run import Run
from zenml.runtime.submitted import Submitted
from zenml.secrets import Secret
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit

STEPS = "job_steps_of_a_user"
"""The module of steps in the user's repository."""

KEY = "a-key-that-nobody-else-may-see"
"""The secret that is planted."""

PATIENCE = 300.0
"""Seconds after which a run that should have got further counts as stuck."""


class OrchestratorConformance:
    """Tests of one orchestrator; what it runs sees this machine's temporary files.

    A subclass gives the fixture `backend`, and the fixture `stores` where it cannot reach local files.
    """

    @pytest.fixture
    def backend(self) -> OrchestratorBackend:
        """Return the orchestrator."""
        raise TypeError(f"{type(self).__name__} must give the fixture `backend`")

    @pytest.fixture
    def stores(self, repository: Path) -> tuple[MetadataStore, ArtifactStore]:
        """Return stores that it reaches, empty."""
        folder = repository / ".zenml"
        return SQLiteMetadataStore(path=str(folder / "metadata.db")), ArtifactStore(str(folder / "artifacts"))

    @pytest.fixture
    def repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """A user's repository with steps and data, in which the test runs."""
        root = tmp_path / "repository"
        root.mkdir()
        shutil.copy(Path(__file__).with_name("job_steps.py"), root / f"{STEPS}.py")
        rows = "".join(f"{number % 7},{number * 0.5},{'yes' if number % 3 else 'no'}\n" for number in range(400))
        (root / "rows.csv").write_text(f"age,height,answer\n{rows}")
        (root / ".env").write_text("PASSWORD=none-of-your-business\n")
        monkeypatch.chdir(root)
        monkeypatch.syspath_prepend(root)
        monkeypatch.delenv("ZENML_SECRETS_FILE", raising=False)
        make_root(root)
        yield root
        sys.modules.pop(STEPS, None)

    @pytest.fixture
    def submit(
        self, repository: Path, backend: OrchestratorBackend, stores: tuple[MetadataStore, ArtifactStore]
    ) -> Callable[..., Run]:
        """Return what runs a pipeline with the backend and the stores."""
        metadata, artifacts = stores

        def run(pipeline: Pipeline, **options: Any) -> Run:
            chosen = options.pop("backend", backend)
            return pipeline.run(backend=chosen, metadata_store=metadata, artifact_store=artifacts, **options)

        return run

    def test_it_gives_the_metrics_and_digests_that_a_run_in_process_gives(
        self, repository: Path, submit: Callable[..., Run]
    ) -> None:
        """From a table to a measure, by steps of ZenML and of the user's."""
        there = submit(pipeline())
        here = pipeline().run(
            metadata_store=SQLiteMetadataStore(path=str(repository / "other.db")),
            artifact_store=ArtifactStore(str(repository / "other")),
        )
        assert there.state is State.COMPLETE
        assert there.metrics == here.metrics
        assert digests(there) == digests(here)
        assert {step.state for step in there.steps.values()} <= {State.COMPLETE, State.CACHED}

    def test_a_second_run_comes_from_the_cache(self, submit: Callable[..., Run]) -> None:
        """Whatever the orchestrator did to the spec changes no fingerprint."""
        submit(pipeline())
        again = submit(pipeline())
        assert [step.state for step in again.steps.values()] == [State.CACHED] * 4

    def test_a_step_that_fails_is_told_with_its_reason(self, repository: Path, submit: Callable[..., Run]) -> None:
        """The run is recorded as FAILED, what was published stays, and nothing is left of the job."""
        shut = pipeline().add_step(gate(fails_without=str(repository / "open")), id="gate")
        with pytest.raises(RunFailed, match="ZeroDivisionError: the gate is shut") as caught:
            submit(shut)
        assert "step gate" in str(caught.value)

    def test_a_failed_run_goes_on_from_its_last_published_step(
        self,
        repository: Path,
        submit: Callable[..., Run],
        stores: tuple[MetadataStore, ArtifactStore],
    ) -> None:
        """It keeps its id."""
        shut = pipeline().add_step(gate(fails_without=str(repository / "open")), id="gate")
        with pytest.raises(RunFailed) as caught:
            submit(shut)
        failed = Run(str(caught.value.run_id), *stores)
        before = failed.steps["judge"].record
        (repository / "open").touch()
        run = submit(shut, resume=failed.id)
        assert (run.id, run.state) == (failed.id, State.COMPLETE)
        assert run.steps["judge"].record == before

    def test_what_steps_print_is_kept(self, submit: Callable[..., Run]) -> None:
        """In the artifact store, by step."""
        run = submit(pipeline())
        assert "the total is" in run.logs("judge")

    def test_a_secret_reaches_the_step_and_nothing_else(
        self,
        repository: Path,
        submit: Callable[..., Run],
        stores: tuple[MetadataStore, ArtifactStore],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Not the record, the logs, the package, or any other file of the artifact store; nor does `.env` travel."""
        monkeypatch.setenv("KEY_OF_THE_SUITE", KEY)
        run = submit(Pipeline(name="Secrets").add_step(steps().Keyholder(key=Secret("env:KEY_OF_THE_SUITE")), id="key"))
        seen = run.steps["key"].outputs["seen"].path
        assert (seen / "digest.txt").read_text() == hashlib.sha256(KEY.encode()).hexdigest()
        assert KEY not in (seen / "arguments.txt").read_text()
        assert KEY not in json.dumps(run.to_json())
        assert "env:KEY_OF_THE_SUITE" in run.record.spec
        for text in contents(stores[1]):
            assert KEY.encode() not in text
            assert b"none-of-your-business" not in text


class RemoteOrchestratorConformance(OrchestratorConformance):
    """Further tests, of an orchestrator that runs pipelines elsewhere.

    A subclass also says how its platform takes a machine away (`preempt`) and, where it can bound the time of a job,
    gives a backend with a bound (`bounded`).
    """

    def preempt(self, backend: RemoteOrchestratorBackend, run: Run) -> None:
        """Take the run's machine away as its platform would, and let the platform start the job again."""
        status = JobFolder(run.store, run.id).read_status()
        assert status is not None
        os.kill(status.supervisor.pid, signal.SIGTERM)

    def bounded(self, backend: RemoteOrchestratorBackend, seconds: int) -> RemoteOrchestratorBackend | None:
        """Return the backend with so many seconds for a job; None where it knows no such bound."""
        return None

    @pytest.fixture
    def remote(self, backend: OrchestratorBackend) -> RemoteOrchestratorBackend:
        """The backend."""
        assert isinstance(backend, RemoteOrchestratorBackend)
        return backend

    def test_only_the_code_travels(self, repository: Path, submit: Callable[..., Run], remote: Any) -> None:
        """No data, no `.env`, nothing of `.zenml`."""
        run = submit(Pipeline(name="Files").add_step(steps().Keyholder(key=Secret("x", literal=True)), id="key"))
        seen = run.steps["key"].outputs["seen"].path
        names = (seen / "files.txt").read_text().split("\n")
        assert f"{STEPS}.py" in names
        assert not [name for name in names if name.startswith((".env", ".zenml/"))]

    def test_all_that_is_made_carries_the_run_and_nothing_is_left(
        self, submit: Callable[..., Run], remote: RemoteOrchestratorBackend, repository: Path
    ) -> None:
        """Labels name the run and the pipeline; when the run was waited for, all is removed."""
        run = submit(pipeline())
        assert run.id not in {row.run_id for row in remote.list_runs()}
        assert list(Submitted.all(repository)) == []
        remote.clean_up(run.id)

    def test_a_run_that_is_canceled_keeps_what_it_published(
        self, repository: Path, submit: Callable[..., Run], remote: RemoteOrchestratorBackend
    ) -> None:
        """And says that it was stopped."""
        run = submit(pipeline().add_step(gate(file=str(repository / "never")), id="gate"), wait=False)
        until(lambda: run.steps["gate"].state is State.RUNNING)
        run.cancel()
        until(lambda: remote.look(run.id, run.store).state.ended)
        assert remote.look(run.id, run.store).state is State.CANCELED
        assert run.state is State.CANCELED
        assert [str(step.state) for step in run.steps.values()] == ["COMPLETE"] * 4 + ["CANCELED"]
        remote.clean_up(run.id)
        assert run.id not in {row.run_id for row in remote.list_runs()}

    def test_a_run_that_is_preempted_goes_on_where_it_was(
        self, repository: Path, submit: Callable[..., Run], remote: RemoteOrchestratorBackend
    ) -> None:
        """By itself, from its last published step."""
        counter = repository / "counter"
        waiting = gate(file=str(repository / "open"), counter=str(counter))
        run = submit(pipeline().add_step(waiting, id="gate"), wait=False)
        until(lambda: counter.exists() and run.steps["gate"].state is State.RUNNING)
        judged = run.steps["judge"].record
        self.preempt(remote, run)
        until(lambda: looked(remote, run) and len(counter.read_text().splitlines()) == 2)
        (repository / "open").touch()
        until(lambda: remote.look(run.id, run.store).state.ended)
        assert run.state is State.COMPLETE
        assert run.steps["judge"].record == judged
        remote.clean_up(run.id)

    def test_a_job_that_is_submitted_twice_runs_once(
        self, repository: Path, submit: Callable[..., Run], remote: RemoteOrchestratorBackend
    ) -> None:
        """A call whose answer was lost is made again."""
        counter = repository / "counter"
        real = type(remote).submit

        def twice(self: RemoteOrchestratorBackend, *given: Any) -> None:
            real(self, *given)
            real(self, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(remote), "submit", twice)
            run = submit(pipeline().add_step(gate(counter=str(counter)), id="gate"))
        assert run.state is State.COMPLETE
        assert counter.read_text() == "attempt\n"

    def test_a_job_that_takes_too_long_is_ended(
        self, repository: Path, submit: Callable[..., Run], remote: RemoteOrchestratorBackend
    ) -> None:
        """The run fails, and says why."""
        bounded = self.bounded(remote, 8)
        if bounded is None:
            pytest.skip(f"{type(remote).__name__} knows no deadline")
        with pytest.raises(RunFailed, match="deadline"):
            submit(pipeline().add_step(gate(file=str(repository / "never")), id="gate"), backend=bounded)

    def test_a_process_that_is_killed_fails_the_run(
        self, repository: Path, submit: Callable[..., Run], remote: RemoteOrchestratorBackend
    ) -> None:
        """As the system does when memory is out."""
        hard = gate(fails_without=str(repository / "open"), ends_hard=True)
        with pytest.raises(RunFailed, match=r"SIGKILL|out of memory"):
            submit(pipeline().add_step(hard, id="gate"))

    @pytest.mark.parametrize(
        ("lacks", "told"),
        [
            ({"needs": (Need("zenml-nowhere", "1.0", ("step judge",)),)}, "zenml-nowhere is not installed where"),
            ({"core": "0.1.0"}, "zenml-core is .* there and 0.1.0 here"),
        ],
    )
    def test_what_is_not_installed_there_is_told_before_a_step_runs(
        self,
        repository: Path,
        submit: Callable[..., Run],
        remote: RemoteOrchestratorBackend,
        monkeypatch: pytest.MonkeyPatch,
        lacks: dict[str, Any],
        told: str,
    ) -> None:
        """A plugin that the image lacks, and a ZenML of another version: before submitting where that is known here."""
        counter = repository / "counter"

        def lacking(*given: Any) -> Requirements:
            return replace(requirements_of(*given), **lacks)

        monkeypatch.setattr("zenml.runtime.staging.requirements_of", lacking)
        with pytest.raises(ZenMLError, match=told):
            submit(Pipeline(name="Lacking").add_step(steps().Judged(counter=str(counter)), id="judge"))
        assert not counter.exists()
        assert list(remote.list_runs()) == []

    def test_a_run_that_is_left_alone_is_found_again(
        self, repository: Path, submit: Callable[..., Run], remote: RemoteOrchestratorBackend
    ) -> None:
        """A client that was killed after it submitted loses nothing."""
        run = submit(pipeline(), wait=False)
        (left,) = Submitted.all(repository)
        assert left.run_id == run.id
        assert left.backend == remote
        until(lambda: remote.look(run.id, left.store).state.ended)
        assert Run(run.id, run.metadata, left.store).state is State.COMPLETE
        remote.clean_up(run.id)


def steps() -> Any:
    """Return the user's module of steps."""
    return __import__(STEPS)


def gate(**config: Any) -> Any:
    """Return a gate; see `job_steps`."""
    return steps().Gate(**config)


def pipeline() -> Pipeline:
    """Return a pipeline from a table to a measure, in four steps."""
    made = Pipeline(name="Of the suite")
    made.add_step(CSVDatasource(name="rows", path="rows.csv"), id="data")
    made.add_step(RandomSplit(split_map={"train": 0.7, "eval": 0.3}), id="split")
    made.add_step(StandardPreprocesser(features=["age", "height"], labels=["answer"]), id="preprocesser")
    made.add_step(steps().Judge(), id="judge")
    return made


def digests(run: Run) -> dict[str, str]:
    """Return the content digest of every output of a run."""
    return {f"{id_}.{name}": row.digest for id_, step in run.steps.items() for name, row in step.outputs.items()}


def contents(store: ArtifactStore) -> Iterator[bytes]:
    """Yield every file of a store."""
    for folder in store.transport.folders(""):
        for name in store.transport.sizes(folder):
            yield store.read_bytes(f"{folder}/{name}")


def looked(backend: RemoteOrchestratorBackend, run: Run) -> bool:
    """Look at a run, as whoever waits for it does; its client may be who starts a preempted job again."""
    assert not backend.look(run.id, run.store).state.ended
    return True


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the run got stuck")
        time.sleep(0.05)
