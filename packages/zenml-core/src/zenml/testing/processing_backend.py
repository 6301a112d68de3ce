"""What every processing backend must do: inherit the class, give the `backend` fixture, and run pytest."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.backends.interfaces import ProcessingBackend
from zenml.backends.reporter import Advance
from zenml.data.shards import ShardJob, State, encode_state, fold_order
from zenml.datasources.csv import CSVDatasource
from zenml.errors import DataError
from zenml.steps.base import Step, StepContext
from zenml.steps.preprocesser.standard import StandardPreprocesser
from zenml.steps.split.random_split import RandomSplit
from zenml.testing.shard_ops import arrays

_OPS = "zenml.testing.shard_ops"


class ProcessingBackendConformance:
    """Tests of one engine; all of its workers share this machine's files.

    A subclass gives the fixture `backend`.
    """

    @pytest.fixture
    def backend(self) -> ProcessingBackend:
        """Return the engine."""
        raise TypeError(f"{type(self).__name__} must give the fixture `backend`")

    def test_it_gives_the_bytes_that_work_in_process_gives(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """Commit, split and preprocess a table of all types with missing cells: every file of every artifact."""
        table = write_mixed_table(tmp_path / "data", rows=1200, files=4)
        here = run_data_steps(table, tmp_path / "here")
        there = run_data_steps(table, tmp_path / "there", backend)
        shards = here["data"].artifacts["examples"].properties["splits"]["all"]["shards"]
        assert len(shards) >= 4
        for step, expected in here.items():
            assert there[step].files() == expected.files(), step
            assert there[step].properties == expected.properties, step

    def test_it_keeps_the_same_bad_rows_that_work_in_process_keeps(
        self, backend: ProcessingBackend, tmp_path: Path
    ) -> None:
        """Rows that are left out while a table is read are the same ones, in the same order, with the same bytes."""
        table = write_mixed_table(tmp_path / "data", rows=400, files=3)
        for path in sorted((tmp_path / "data").iterdir()):
            path.write_text(path.read_text("utf-8") + "many,,,,,1\n1,2\n", "utf-8")
        source = CSVDatasource(name="table", path=table, on_bad_rows="quarantine")
        here = run_step(source, {}, tmp_path / "here")
        there = run_step(source, {}, tmp_path / "there", backend)
        assert "examples/quarantine/shard-00002.arrow" in here.files()
        assert there.files() == here.files()
        assert there.properties == here.properties

    def test_every_shard_gives_its_state_whatever_comes_first_or_twice(
        self, backend: ProcessingBackend, tmp_path: Path
    ) -> None:
        """The states are folded in the order of the shards, and the output files are there and nothing else."""
        numbers = [5, 0, 9, 3, 1, 7, 2, 8, 4, 6, 11, 10, 12]
        job = _job("Arrays", [{"number": number} for number in numbers], tmp_path / "out", {"scale": 0.7})
        messages = list(backend.map(job))
        states = fold_order(job, messages)
        assert [state["number"] for state in states] == numbers
        again = fold_order(job, [*reversed(messages), *messages[:3]])
        assert [encode_state(state) for state in again] == [encode_state(state) for state in states]
        written = {path.name: path.read_text() for path in (tmp_path / "out").iterdir() if path.suffix != ".partial"}
        assert written == {f"shard-{number:05d}": str(number) for number in numbers}

    def test_it_leaves_nothing_beside_the_output(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """An engine's own files are gone when it is done, after a failure too."""
        list(backend.map(_job("Arrays", [{"number": 1}, {"number": 2}], tmp_path / "out", {"scale": 1.0})))
        with pytest.raises(DataError):
            list(backend.map(_job("Raise", [{"raise": "data"}], tmp_path / "out")))
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_arrays_in_a_state_survive(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """Type, shape and every bit of them, also in nested lists and objects."""
        job = _job("Arrays", [{"number": number} for number in range(4)], tmp_path / "out", {"scale": 0.1})
        for number, state in enumerate(fold_order(job, backend.map(job))):
            assert encode_state(state) == encode_state(arrays(number, 0.1))
            assert state["nested"][0]["counts"].shape == (2, 3)

    def test_a_large_state_survives(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """A few megabytes are nothing unusual."""
        job = _job("Arrays", [{"number": 500_000}], tmp_path / "out", {"scale": 0.1})
        (state,) = fold_order(job, backend.map(job))
        assert np.array_equal(state["sums"], arrays(500_000, 0.1)["sums"])

    def test_an_operation_s_error_reaches_the_caller_with_its_problems(
        self, backend: ProcessingBackend, tmp_path: Path
    ) -> None:
        """It is the same error as in process: its class, and every problem with its place and mend."""
        job = _job("Raise", [{}, {"raise": "data"}, {}], tmp_path / "out")
        with pytest.raises(DataError) as caught:
            list(backend.map(job))
        assert [str(problem) for problem in caught.value.problems] == ["a.csv, row 3: a bad cell. Mend it", "another"]

    def test_an_error_at_opening_reaches_the_caller(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """An operation may find out when it is made that it cannot work."""
        with pytest.raises(DataError, match=r"^out: nothing can be opened\. Give up$"):
            list(backend.map(_job("RefuseToOpen", [{}, {}], tmp_path / "out")))

    def test_a_system_error_keeps_its_number_and_file(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """A full disk is told as a full disk."""
        with pytest.raises(OSError, match="No space left on device") as caught:
            list(backend.map(_job("Raise", [{"raise": "system"}], tmp_path / "out")))
        assert (caught.value.errno, caught.value.filename) == (28, "shard-00001.arrow")

    def test_a_bug_is_told(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """With what was raised, as an exception of any class."""
        with pytest.raises(Exception, match="a bug"):
            list(backend.map(_job("Raise", [{}, {"raise": "bug"}], tmp_path / "out")))

    def test_an_operation_that_cannot_be_imported_is_told(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """By the name of the module that is missing."""
        with pytest.raises(Exception, match="no_such_module"):
            list(backend.map(ShardJob("no_such_module:Op", ({"n": 1},), str(tmp_path / "out"))))

    def test_it_works_after_a_failure(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """A failed job leaves no trace in the next one."""
        with pytest.raises(DataError):
            list(backend.map(_job("Raise", [{"raise": "data"}] * 3, tmp_path / "out")))
        job = _job("Raise", [{}, {}], tmp_path / "out")
        assert fold_order(job, backend.map(job)) == [{}, {}]

    def test_a_job_is_opened_less_often_than_once_per_shard(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """Opening may be dear, so a worker opens once for all of its shards."""
        job = _job("Opened", [{}] * 64, tmp_path / "out")
        states = fold_order(job, backend.map(job))
        assert len({state["opened"] for state in states}) <= 16

    def test_a_job_without_shards_gives_no_states(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """Nor an error."""
        job = _job("Arrays", [], tmp_path / "out", {"scale": 1.0})
        assert fold_order(job, backend.map(job)) == []

    def test_it_works_from_a_thread(self, backend: ProcessingBackend, tmp_path: Path) -> None:
        """An orchestrator may not run steps in the main thread."""
        found: list[list[State]] = []
        jobs = [_job("Arrays", [{"number": n}, {"number": 3}], tmp_path / f"out-{n}", {"scale": 1.0}) for n in (1, 2)]
        threads = [
            threading.Thread(target=lambda job=job: found.append(fold_order(job, backend.map(job)))) for job in jobs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted([state["number"] for state in states] for states in found) == [[1, 3], [2, 3]]

    def test_a_config_gives_an_equal_backend(self, backend: ProcessingBackend) -> None:
        """A spec can name the engine."""
        again = ProcessingBackend.from_config(backend.to_config())
        assert again == backend
        assert hash(again) == hash(backend)
        assert again.to_config() == backend.to_config()

    def test_its_configuration_is_found_sound(self, backend: ProcessingBackend) -> None:
        """What is checked before a pipeline runs."""
        assert list(backend.check()) == []


@dataclass
class StepOutputs:
    """What a step that was run gave: its artifacts by output name."""

    artifacts: dict[str, StoredArtifact] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, object]:
        """The artifacts' properties by output name."""
        return {name: dict(artifact.properties) for name, artifact in self.artifacts.items()}

    def files(self) -> dict[str, str]:
        """Return the SHA-256 of every file by output and path, without what ended processes left half-written."""
        return {
            f"{name}/{path.relative_to(artifact.path).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
            for name, artifact in self.artifacts.items()
            for path in sorted(artifact.path.rglob("*"))
            if path.is_file() and path.suffix != ".partial"
        }


class _Silent:
    """Reporter that says nothing."""

    def log(self, message: str) -> None:
        """Drop it."""

    def warn(self, message: str) -> None:
        """Drop it."""

    @contextmanager
    def progress(self, label: str, total: float) -> Iterator[Advance]:
        """Show nothing."""
        yield _advance


def _advance(units: float = 1) -> None:
    """Do nothing."""


def run_step(
    step: Step, inputs: Mapping[str, StoredArtifact], folder: Path, engine: ProcessingBackend | None = None
) -> StepOutputs:
    """Run one step without a store; its shards are worked on by `engine`, or one after the other in this process."""

    def run_job(job: ShardJob) -> list[State]:
        if engine is not None:
            return fold_order(job, engine.map(job))
        opened = job.open()
        return fold_order(job, (opened.work(number) for number in range(len(job.shards))))

    new = {name: NewArtifact(kind, folder / name) for name, kind in step.outputs.items()}
    for place in (folder / "scratch", *(artifact.path for artifact in new.values())):
        place.mkdir(parents=True)
    step.run(StepContext(inputs, new, 1729, run_job, folder / "scratch", _Silent()))
    return StepOutputs(
        {
            name: StoredArtifact(row.type.__name__, row.path.as_uri(), f"sha256:{'0' * 64}", row.path, row.properties)
            for name, row in new.items()
        }
    )


def run_data_steps(
    source: str, folder: Path, engine: ProcessingBackend | None = None, preprocesser: Step | None = None
) -> dict[str, StepOutputs]:
    """Commit CSV files, split and preprocess them on an engine; return the outputs by step."""
    data = run_step(CSVDatasource(name="table", path=source), {}, folder / "data", engine)
    split = run_step(RandomSplit(tfrecord=True), data.artifacts, folder / "split", engine)
    preprocesser = preprocesser or StandardPreprocesser(labels=["label"])
    return {
        "data": data,
        "split": split,
        "preprocesser": run_step(preprocesser, split.artifacts, folder / "preprocesser", engine),
    }


def write_mixed_table(folder: Path, *, rows: int, files: int) -> str:
    """Write a generated table of integers, floats, booleans and texts with missing cells; return its files' pattern."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(11)
    for number in range(files):
        lines = ["number,amount,flag,city,note,label"]
        for row in range(number, rows, files):
            count = "" if chance.random() < 0.1 else str(chance.integers(-1000, 1000))
            amount = "" if chance.random() < 0.1 else repr(float(chance.normal()))
            flag, city = chance.choice(["true", "false", ""]), chance.choice(["Zürich", "Oslo", "", "Lima"])
            lines.append(f'{count},{amount},{flag},{city},"line {row % 7}\nof ""two""",{row % 2}')
        (folder / f"part-{number}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return str(folder / "part-*.csv")


def _job(op: str, shards: list[dict[str, object]], out: Path, params: Mapping[str, object] | None = None) -> ShardJob:
    return ShardJob(f"{_OPS}:{op}", tuple(shards), str(out), params or {}, f"conformance: {op}")
