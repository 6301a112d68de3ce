from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zenml.artifacts.store import ArtifactStore
from zenml.data.answers import WorkerFailedError
from zenml.data.shards import ShardJob, fold_order
from zenml.errors import StoreError, ZenMLError
from zenml.runtime import remote_shards_pieces, remote_shards_worker
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.identifiers import new_run_id
from zenml.runtime.remote_shards import RemoteShards, answer_key, encode_answer, remove_run, staged_runs
from zenml.runtime.remote_shards_pieces import Pieces, Sent
from zenml.runtime.remote_shards_worker import work_on
from zenml.runtime.step_work import StepWork, working_on
from zenml.spec.model import PipelineSpec

OPS = "remote_ops_for_tests"


@pytest.fixture(autouse=True)
def _operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    yield
    sys.modules.pop(OPS, None)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "bucket"))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[StepWork]:
    """A step at work."""
    work = StepWork(new_run_id(), "split", PipelineSpec(name="A Pipeline", steps=[]), tmp_path)
    with pytest.MonkeyPatch.context() as monkeypatch:
        package, requirements = _no_code(tmp_path)
        monkeypatch.setattr(StepWork, "code", lambda *_: (package, requirements))
        with working_on(work):
            yield work


def _no_code(folder: Path) -> tuple[object, object]:
    from zenml.runtime.package import build_package
    from zenml.runtime.requirements import Requirements

    return build_package(folder, ()), Requirements(())


def copying(folder: Path, count: int = 3, **fields: object) -> ShardJob:
    """Return a job that reads and writes in all ways."""
    files = folder / "files"
    (files / "inner" / "deeper").mkdir(parents=True, exist_ok=True)
    (files / "inner" / "a.txt").write_text("alpha")
    (files / "inner" / "deeper" / "b.txt").write_text("beta")
    for number in range(count):
        (files / f"{number}.txt").write_text(f"text {number}")
    shards = [{"n": number, "file": str(files / f"{number}.txt")} for number in range(count)]
    params = {
        "notes": str(folder / "notes"),
        "deep": {"folder": str(files / "inner")},
        "word": str(files / "0.txt"),  # a value that looks like a path, and is none
        **fields,
    }
    return ShardJob(f"{OPS}:Copy", tuple(shards), str(folder / "out"), params, "copy")


def preempted(job: ShardJob, store: ArtifactStore, *numbers: int) -> RemoteShards:
    """Work on some shards, and leave the job as a machine does that is taken away."""
    shards = RemoteShards.stage(job, store)
    list(work_on(shards.uri, numbers))
    shards.__exit__(PreemptedError, PreemptedError(), None)
    return shards


def keys(store: ArtifactStore) -> list[str]:
    return store.list("shards")


def test_what_an_operation_names_is_sent_and_what_it_writes_comes_back(store: ArtifactStore, tmp_path: Path) -> None:
    job = copying(tmp_path)
    job.shards[0]["table"] = {"url": "gs://elsewhere/x.csv", "label": ""}  # type: ignore[index] # a dict
    job.shards[1]["table"] = {"url": job.shards[1]["file"], "label": ""}  # type: ignore[index] # see above
    with RemoteShards.stage(job, store) as shards:
        told = json.loads(store.read_bytes(f"{shards.key}/job.json"))
        (tmp_path / "files").rename(tmp_path / "hidden")
        assert list(work_on(shards.uri, [2, 0, 1, 0])) == [2, 0, 1, 0]
        (tmp_path / "hidden").rename(tmp_path / "files")
        assert shards.waiting == []
        states = fold_order(job, shards.collect())
    assert [state["text"] for state in states] == ["TEXT 0", "TEXT 1", "TEXT 2"]
    assert states[0]["inside"] == {"a.txt": "alpha", "b.txt": "beta"}
    assert {state["word"] for state in states} == {str(tmp_path / "files" / "0.txt")}
    assert states[0]["table"] == {"url": "gs://elsewhere/x.csv", "label": ""}
    assert states[1]["table"]["label"] == job.shards[1]["file"]
    assert states[1]["table"]["url"] not in (job.shards[1]["file"], "")
    written = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in (tmp_path / "out").rglob("*.txt")}
    assert written == {f"out/copies/{n}-{n}.txt": f"TEXT {n}" for n in range(3)}
    assert sorted(path.name for path in (tmp_path / "notes").iterdir()) == ["note-0", "note-1", "note-2"]
    assert keys(store) == []
    assert set(told["paths"]["writes"]) == {job.out, job.params["notes"]}


def test_files_are_sent_once_in_a_run_and_outputs_not_again(
    store: ArtifactStore, tmp_path: Path, run: StepWork
) -> None:
    def pieces() -> set[str]:
        return set(store.list(f"shards/{run.run_id}/pieces"))

    with RemoteShards.stage(copying(tmp_path), store) as first:
        before = pieces()
        list(work_on(first.uri, range(3)))
        first.collect()
    again = copying(tmp_path, deep={"folder": str(tmp_path / "out" / "copies")})
    produced = pieces()
    with RemoteShards.stage(again, store):
        assert pieces() == produced
    assert len(before) == 2, "the code, and all small files in one piece"
    assert first.labels == {"zenml-run": run.run_id, "zenml-pipeline": "a-pipeline"}
    assert [key for key in keys(store) if "/pieces/" not in key] == []
    assert staged_runs(store) == [run.run_id]
    remove_run(store, run.run_id)
    assert keys(store) == []


def test_a_run_that_goes_on_finds_what_was_done(store: ArtifactStore, tmp_path: Path, run: StepWork) -> None:
    shards = preempted(copying(tmp_path), store, 1)
    with RemoteShards.stage(copying(tmp_path), store) as again:
        assert (again.id, again.waiting) == (shards.id, [0, 2])
        list(work_on(again.uri, again.waiting))
        assert len(again.collect()) == 3
    with RemoteShards.stage(copying(tmp_path, word="other"), store) as other:
        assert other.id != shards.id


def test_an_error_stops_the_other_shards_and_names_the_client_s_files(store: ArtifactStore, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.touch()
    shards = tuple({"file": str(file), "breaks": number == 1} for number in range(4))
    job = ShardJob(f"{OPS}:Break", shards, str(tmp_path / "out"), {}, "break")
    with RemoteShards.stage(job, store) as staged:
        assert list(work_on(staged.uri, range(4))) == [0, 1]
        assert list(work_on(staged.uri, [2, 3])) == []
        for tell in (staged.look, staged.collect):
            with pytest.raises(WorkerFailedError, match=f"cannot read {file}, nor write {tmp_path / 'out'}"):
                tell()
    assert list(work_on(staged.uri, [2])) == []
    assert not (tmp_path / "out").exists()


def test_what_failed_is_done_again_by_the_next_attempt(store: ArtifactStore, tmp_path: Path, run: StepWork) -> None:
    file = tmp_path / "a.txt"
    file.touch()
    shards = ({"file": str(file), "breaks": False}, {"file": str(file), "breaks": True})
    job = ShardJob(f"{OPS}:Break", shards, str(tmp_path / "out"), {}, "break")
    preempted(job, store, 0, 1)
    with RemoteShards.stage(job, store) as again:
        assert again.waiting == [1]
        again.look()


def test_shards_that_nobody_worked_on_are_told(store: ArtifactStore, tmp_path: Path) -> None:
    with RemoteShards.stage(copying(tmp_path), store) as shards:
        list(work_on(shards.uri, [1]))
        with pytest.raises(ZenMLError, match="copy: 2 of 3 shards were not worked on, the first of them 0"):
            shards.collect()
        shards.stop()
        assert list(work_on(shards.uri, [])) == []


def test_a_package_or_piece_that_was_changed_is_refused(store: ArtifactStore, tmp_path: Path) -> None:
    with RemoteShards.stage(copying(tmp_path), store) as shards:
        for key in store.list(f"shards/{shards.run_id}/pieces"):
            store.write_bytes(key, b"other")
        with pytest.raises(StoreError, match="changed after it was sent"):
            list(work_on(shards.uri, [0]))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_no_answer_writes_elsewhere(store: ArtifactStore, tmp_path: Path, name: str) -> None:
    with RemoteShards.stage(copying(tmp_path, 1), store) as shards:
        list(work_on(shards.uri, [0]))
        (sent,) = Pieces(store, f"shards/{shards.run_id}/pieces").send([b"evil"])
        evil = encode_answer([[0, name, sent.to_json()]], b"+" + b"\0" * 8)
        store.write_bytes(answer_key(shards.key, 0), evil)
        with pytest.raises(StoreError, match="would be written elsewhere"):
            shards.collect()
    assert not list(tmp_path.rglob("evil"))


def test_a_worker_keeps_its_inputs_up_to_a_size(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(remote_shards_worker.SIZE_VARIABLE, "22 B")
    job = copying(tmp_path, 6)
    with RemoteShards.stage(job, store) as shards:
        list(work_on(shards.uri, range(6)))
        worker = remote_shards_worker._workers[shards.uri]
        assert worker._inputs is not None
        assert len(worker._inputs.paths) == 3, "the folder of the params, and the two last files"
        assert [state["text"] for state in fold_order(job, shards.collect())] == [f"TEXT {n}" for n in range(6)]
        import remote_ops_for_tests

        assert remote_ops_for_tests.Copy.made == 1


def test_what_cannot_be_staged_leaves_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    job = copying(tmp_path)
    with pytest.raises(TypeError):
        RemoteShards.stage(ShardJob(job.op, job.shards, job.out, {**job.params, "bad": object()}), store)
    assert keys(store) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 16))
def test_files_come_back_as_they_were_whatever_their_sizes(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], size: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(remote_shards_pieces, "PIECE", size)
        pieces = Pieces(ArtifactStore(str(folder / "bucket")), "pieces")
        sent = pieces.send(contents)
        assert [pieces.read(each) for each in sent] == contents
        again = [Sent.from_json(json.loads(json.dumps(each.to_json()))) for each in sent]
        assert again == sent
        places = [folder / "back" / str(number) for number in range(len(contents))]
        pieces.fetch(list(zip(sent, places, strict=True)))
        assert [place.read_bytes() for place in places] == contents
        named = pieces.store.list("pieces")
        assert all(len(pieces.store.read_bytes(key)) <= size for key in named)
        other = Pieces(pieces.store, "pieces")
        other.look()
        other.send(contents)
        assert pieces.store.list("pieces") == named
