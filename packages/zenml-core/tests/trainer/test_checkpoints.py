from __future__ import annotations

import pytest

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError
from zenml.steps.trainer.checkpoints import Checkpoints
from zenml.steps.trainer.history import History


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(str(tmp_path / "store"))


def kept(store, **more):
    parts = {"config": {"lr": 0.1}}
    return Checkpoints(
        store, "r0000.trainer", **{"fingerprint": "a" * 64, "parts": parts, "history": History(), **more}
    )


def write(text):
    return lambda folder: (folder / "weights.txt").write_text(text)


def test_the_last_two_are_kept_and_the_newest_is_found_by_another_process(store):
    mine = kept(store)
    for step in (1, 2, 10):
        mine.save(step, write(f"step {step}"))
    found = kept(store).latest()
    assert found.step == 10
    assert (found.path / "weights.txt").read_text() == "step 10"
    assert len(store.folders("Checkpoint/r0000.trainer")) == 2


def test_there_is_none_before_the_first(store):
    assert kept(store).latest() is None


def test_a_checkpoint_brings_back_the_epochs(store):
    mine = kept(store)
    mine.history.add(1, {"loss": 0.5})
    mine.history.add(2, {"loss": float("nan")})
    mine.save(2, write("x"))
    mine.history.add(3, {"loss": 0.3})
    other = kept(store)
    other.latest()
    assert other.history.epochs == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None}]


def test_one_that_was_being_written_is_nobodys_and_the_one_before_it_stays(store):
    mine = kept(store)
    mine.save(1, write("whole"))

    def killed(folder):
        (folder / "weights.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine.save(2, killed)
    left = store.new(type("Checkpoint", (), {}), "r0000.trainer", "r0000.trainer.checkpoint-000000000002")
    (left.path / "weights.txt").write_text("half")
    assert kept(store).latest().step == 1
    mine.save(2, write("whole again"))
    assert kept(store).latest().step == 2


def test_a_damaged_one_gives_way_to_the_one_before_it(store, tmp_path):
    mine = kept(store)
    mine.save(1, write("first"))
    mine.save(2, write("second"))
    (newest,) = (tmp_path / "store").rglob("*-000000000002/weights.txt")
    newest.write_text("damaged")
    assert kept(store).latest().step == 1


def test_one_of_another_training_is_refused_with_what_differs(store):
    kept(store).save(3, write("x"))
    other = kept(store, fingerprint="b" * 64, parts={"config": {"lr": 0.2}})
    what = r"aaaaaaaaaaaa, and this is the training bbbbbbbbbbbb: config lr: 0\.1 → 0\.2"
    with pytest.raises(ConfigError, match=rf"{what}\. .*; or run the pipeline anew, without resume"):
        other.latest()


def test_clearing_leaves_nothing(store, tmp_path):
    mine = kept(store)
    mine.save(1, write("x"))
    mine.clear()
    assert mine.latest() is None
    assert not list((tmp_path / "store").rglob("*"))


def test_a_process_that_is_not_the_first_saves_nothing(store):
    kept(store, writes=False).save(1, write("x"))
    assert kept(store).latest() is None


def test_they_travel_to_another_process_as_json(store):
    mine = kept(store)
    mine.save(4, write("x"))
    other = Checkpoints.from_json(mine.to_json(), History(), writes=False)
    assert other.latest().step == 4
