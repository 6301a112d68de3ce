"""What every metadata store must do for the cache: find published steps by their fingerprint, and forget them."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

from dataclasses import replace

import pytest

from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore
from zenml.testing.recorded_runs import a_run, an_artifact, complete, started, step_of


class MetadataCacheConformance:
    """Tests of one store; each begins with an empty one."""

    @pytest.fixture
    def store(self) -> MetadataStore:
        """Return an empty store."""
        raise TypeError(f"{type(self).__name__} must give the fixture `store`")

    def another(self, store: MetadataStore) -> MetadataStore:
        """Return the same store as another process would open it."""
        return type(store)(**store.model_dump())

    def test_metrics_are_seen_while_a_step_goes_on_and_gone_when_it_is_tried_again(self, store: MetadataStore) -> None:
        """The newest stand in the place of those before them; a step that is published takes no more."""
        run = started(store, 1)
        begin = {"fingerprint": "f", "inputs": (), "facts": {}}
        store.record_metrics(run, "data", {"loss": 9.0})
        store.start_step(run, "data", attempt="1", **begin)  # type: ignore[arg-type] # the same for each attempt
        store.record_metrics(run, "data", {"epoch": 1, "loss": 0.5})
        store.record_metrics(run, "data", {"epoch": 2, "loss": 0.25})
        step = step_of(store, run, "data")
        assert (step.state, dict(step.metrics)) == (State.RUNNING, {"epoch": 2.0, "loss": 0.25})
        store.end_step(run, "data", state=State.FAILED, attempt="1", error="boom")
        assert step_of(store, run, "data").metrics["epoch"] == 2.0
        store.start_step(run, "data", attempt="2", **begin)  # type: ignore[arg-type] # the same for each attempt
        assert not step_of(store, run, "data").metrics

    def test_a_complete_step_is_found_by_its_fingerprint_newest_first(self, store: MetadataStore) -> None:
        """So a cache hit takes the newest artifact that is still there."""
        for number in (1, 2, 3):
            run = started(store, number)
            complete(store, run, "data", fingerprint="same", outputs=[an_artifact("examples", f"/a/{number}")])
        found = store.find_step("same")
        assert [step.outputs[0].uri for step in found] == ["/a/3", "/a/2", "/a/1"]
        assert all(step.state is State.COMPLETE and step.fingerprint == "same" for step in found)
        assert [step.outputs[0].uri for step in store.find_step("same", limit=1)] == ["/a/3"]
        assert store.find_step("other") == []

    def test_only_complete_steps_serve_the_cache(self, store: MetadataStore) -> None:
        """Neither a running, nor a failed, nor a cached step is found."""
        run = started(store, 1)
        made = complete(store, run, "data", fingerprint="f", outputs=[an_artifact("examples", "/a/1")])
        second = started(store, 2)
        served = store.publish_step(
            second, "data", state=State.CACHED, attempt="", fingerprint="f",
            inputs=[], outputs=made, metrics={"m": 1.0}, facts={},
        )  # fmt: skip
        assert served == made
        store.start_step(second, "split", attempt="1", fingerprint="f", inputs=[], facts={})
        store.start_step(second, "trainer", attempt="1", fingerprint="f", inputs=[], facts={})
        store.end_step(second, "trainer", state=State.FAILED, attempt="1", error="boom")
        assert len(store.find_step("f")) == 1
        cached = step_of(store, second, "data")
        assert (cached.state, cached.fingerprint, cached.outputs) == (State.CACHED, "f", made)
        assert cached.started is not None
        failed = step_of(store, second, "trainer")
        assert (failed.state, failed.fingerprint, failed.error) == (State.FAILED, "f", "boom")

    def test_what_a_rejected_step_gave_is_there_until_it_is_tried_again(self, store: MetadataStore) -> None:
        """Its outputs and metrics are to be looked at; no cache serves them, and a new attempt begins without them."""
        run = started(store, 1)
        for number in (1, 2):
            store.start_step(run, "data", attempt=f"{number}", fingerprint="f", inputs=[], facts={})
            step = step_of(store, run, "data")
            assert (step.outputs, dict(step.metrics)) == ((), {})
            store.end_step(
                run, "data", state=State.FAILED, attempt=f"{number}", error="not good enough",
                outputs=[an_artifact("examples", f"/a/{number}")], metrics={"accuracy": number / 4},
            )  # fmt: skip
            step = step_of(self.another(store), run, "data")
            assert [(row.name, row.uri) for row in step.outputs] == [("examples", f"/a/{number}")]
            assert (step.state, step.error, step.metrics) == (State.FAILED, "not good enough", {"accuracy": number / 4})
        assert store.find_step("f") == []
        assert store.recorded_uris(["/a/2"]) == {"/a/2"}
        store.end_run(run, state=State.FAILED)
        store.resume_run(a_run(1))
        assert step_of(store, run, "data").outputs == ()
        complete(store, run, "data", attempt="3", outputs=[an_artifact("examples", "/a/3")])
        assert [row.uri for row in step_of(store, run, "data").outputs] == ["/a/3"]

    def test_a_forgotten_step_is_not_found_and_keeps_all_else(self, store: MetadataStore) -> None:
        """Neither are its like in other runs; the next that is made is found again."""
        for number in (1, 2):
            run = started(store, number)
            complete(store, run, "data", fingerprint="F", outputs=[an_artifact("examples", f"/a/{number}")])
            complete(store, run, "split", fingerprint=f"other-{number}")
        (before,) = [step for step in store.find_step("F") if step.outputs[0].uri == "/a/2"]
        assert store.forget_steps(["f", "none"]) == 0
        assert store.forget_steps([]) == 0
        assert store.forget_steps(["F", "F", "other-1"]) == 3
        other = self.another(store)
        assert (other.find_step("F"), other.find_step("other-1")) == ([], [])
        assert len(other.find_step("other-2")) == 1
        assert step_of(other, run, "data") == replace(before, forgotten=True)
        assert [step.forgotten for _, step in other.list_steps(type="RandomSplit")] == [False, True]
        assert other.forget_steps(["F"]) == 0
        run = started(store, 3)
        complete(store, run, "data", fingerprint="F", outputs=[an_artifact("examples", "/a/3")])
        assert [step.outputs[0].uri for step in store.find_step("F")] == ["/a/3"]

    def test_forgetting_leaves_what_goes_on_alone(self, store: MetadataStore) -> None:
        """A step that is running is published and found; a run is resumed after a step that was forgotten."""
        run = started(store, 1)
        made = complete(store, run, "data", fingerprint="f", outputs=[an_artifact("examples", "/a/1")])
        store.start_step(run, "split", attempt="1", fingerprint="f", inputs=made, facts={})
        served = started(store, 2)
        store.publish_step(
            served, "data", state=State.CACHED, attempt="", fingerprint="f",
            inputs=[], outputs=made, metrics={}, facts={},
        )  # fmt: skip
        assert self.another(store).forget_steps(["f"]) == 1
        assert step_of(store, run, "split").fingerprint == "f"
        cached = step_of(store, served, "data")
        assert (cached.state, cached.fingerprint, cached.outputs) == (State.CACHED, "f", made)
        complete(store, run, "split", fingerprint="f", start=False)
        assert [step.id for step in store.find_step("f")] == ["split"]
        store.end_run(run, state=State.FAILED)
        store.resume_run(a_run(1))
        assert [step_of(store, run, step).state for step in ("data", "split")] == [State.COMPLETE, State.COMPLETE]
        assert step_of(store, run, "data").fingerprint == "f"
        assert step_of(store, run, "data").outputs == made
        complete(store, run, "trainer", inputs=made)
        store.end_run(run, state=State.COMPLETE)
