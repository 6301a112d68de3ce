"""What every metadata store must do: inherit the class, give the `store` fixture, and run pytest."""

# ruff: noqa: S101 - a suite for pytest checks by assert
from __future__ import annotations

import math
from dataclasses import replace

import pytest

from zenml.errors import StoreError
from zenml.metadata.liveness import BEAT_SECONDS, MISSED_BEATS, seen_state
from zenml.metadata.records import Owner, State, StepRecord
from zenml.metadata.store import AttemptEnded, MetadataStore
from zenml.testing.metadata_cache import MetadataCacheConformance
from zenml.testing.recorded_runs import HERE, a_run, an_artifact, complete, run_id, started, step_of


class MetadataStoreConformance(MetadataCacheConformance):
    """Tests of one store; each begins with an empty one.

    A subclass gives the fixture `store`, an empty store, and may override `another` where a second connection to the
    same store is made otherwise than from its config.
    """

    def test_an_empty_store_lists_nothing(self, store: MetadataStore) -> None:
        """Every reading method answers before anything was recorded."""
        assert store.list_runs() == []
        assert store.list_pipelines() == []
        assert store.list_steps() == []
        assert store.get_run("r0000000000000000000") is None
        assert store.find_step("none") == []
        assert store.end_lost_runs(lambda _: False) == []

    def test_a_started_run_is_running_with_pending_steps(self, store: MetadataStore) -> None:
        """All that is given comes back, through another connection too."""
        run = a_run(1, spec="zenml: 1\nname: Ünïcode ✓\n", facts={"git": "abc", "dirty": "no", "empty": ""})
        store.start_run(run)
        found = self.another(store).get_run(run.id)
        assert found is not None
        assert found.state is State.RUNNING
        assert (found.id, found.pipeline, found.spec, found.owner) == (run.id, run.pipeline, run.spec, run.owner)
        assert found.facts == {"git": "abc", "dirty": "no"}
        assert found.started is not None
        assert found.finished is None
        assert [(step.id, step.type, step.state) for step in found.steps] == [
            ("data", "CSVDatasource", State.PENDING),
            ("split", "RandomSplit", State.PENDING),
            ("trainer", "SklearnTrainer", State.PENDING),
        ]

    def test_a_run_id_is_recorded_once(self, store: MetadataStore) -> None:
        """A second run with the same id is refused and changes nothing."""
        store.start_run(a_run(1))
        with pytest.raises(StoreError, match="recorded already"):
            store.start_run(a_run(1, pipeline="Other"))
        assert store.list_pipelines() == ["Quickstart"]

    def test_a_published_step_has_its_outputs_inputs_metrics_and_facts(self, store: MetadataStore) -> None:
        """What a step left is found with the run, names and all."""
        run = started(store, 1)
        (examples,) = complete(store, run, "data", outputs=[an_artifact("examples", "/a/1")])
        assert examples.id
        store.start_step(run, "split", attempt="1", fingerprint="f-split", inputs=[examples], facts={"host": "here"})
        running = step_of(store, run, "split")
        assert (running.state, running.attempt, running.fingerprint) == (State.RUNNING, "1", "f-split")
        assert running.inputs == (examples,)
        assert running.started is not None
        metrics = {"accuracy": 0.75, "rows": 1e12, "whole": 3, "nan": math.nan, "inf": -math.inf}
        outputs = [an_artifact("b", "/a/3"), an_artifact("a", "/a/2")]
        published = store.publish_step(
            run, "split", state=State.COMPLETE, attempt="1", fingerprint="f-split",
            inputs=[examples], outputs=outputs, metrics=metrics, facts={"code": "x"},
        )  # fmt: skip
        assert [replace(row, id=0) for row in published] == outputs
        step = step_of(self.another(store), run, "split")
        assert step.state is State.COMPLETE
        assert step.inputs == (examples,)
        assert step.outputs == tuple(sorted(published, key=lambda row: row.name))
        assert math.isnan(step.metrics["nan"])
        assert {**step.metrics, "nan": 0} == {**metrics, "nan": 0}
        assert step.facts == {"host": "here", "code": "x"}
        assert step.started == running.started
        assert step.finished is not None
        assert step.finished >= running.started

    def test_one_artifact_may_feed_two_inputs(self, store: MetadataStore) -> None:
        """Both inputs keep their names."""
        run = started(store, 1)
        (made,) = complete(store, run, "data", outputs=[an_artifact("examples", "/a/1")])
        inputs = (replace(made, name="left"), replace(made, name="right"))
        complete(store, run, "split", inputs=inputs)
        assert step_of(store, run, "split").inputs == inputs

    def test_an_input_that_no_step_made_is_recorded_once(self, store: MetadataStore) -> None:
        """It is known by its URI afterwards."""
        run = started(store, 1)
        foreign = an_artifact("examples", "/elsewhere/1")
        complete(store, run, "data", inputs=[foreign])
        complete(store, run, "split", inputs=[foreign])
        first, second = (step_of(store, run, name).inputs[0] for name in ("data", "split"))
        assert first == second
        assert replace(first, id=0) == foreign

    def test_two_steps_of_a_run_may_be_served_by_one_artifact(self, store: MetadataStore) -> None:
        """As happens where two steps are alike."""
        run = started(store, 1)
        made = complete(store, run, "data", outputs=[an_artifact("examples", "/a/1")])
        for step in ("split", "trainer"):
            store.publish_step(
                run, step, state=State.CACHED, attempt="", fingerprint="f",
                inputs=[], outputs=made, metrics={}, facts={},
            )  # fmt: skip
        assert step_of(store, run, "split").outputs == step_of(store, run, "trainer").outputs == made

    def test_a_failed_step_may_be_tried_again(self, store: MetadataStore) -> None:
        """The new attempt has nothing of the old one."""
        run = started(store, 1)
        first = an_artifact("examples", "/a/1")
        store.start_step(run, "data", attempt="1", fingerprint="f1", inputs=[first], facts={"old": "yes"})
        store.end_step(run, "data", state=State.FAILED, attempt="1", error="boom")
        second = an_artifact("examples", "/a/2")
        store.start_step(run, "data", attempt="2", fingerprint="f2", inputs=[second], facts={"new": "yes"})
        step = step_of(store, run, "data")
        assert (step.state, step.attempt, step.error, step.fingerprint) == (State.RUNNING, "2", "", "f2")
        assert step.facts == {"new": "yes"}
        assert [row.uri for row in step.inputs] == ["/a/2"]
        assert step.finished is None

    def test_an_attempt_ends_once(self, store: MetadataStore) -> None:
        """Whoever comes second publishes nothing."""
        run = started(store, 1)
        store.start_step(run, "data", attempt="1", fingerprint="f", inputs=[], facts={})
        store.end_step(run, "data", state=State.CANCELED, attempt="1")
        with pytest.raises(AttemptEnded):
            complete(
                self.another(store), run, "data", attempt="1", start=False, outputs=[an_artifact("examples", "/a/1")]
            )
        assert step_of(store, run, "data").state is State.CANCELED
        assert step_of(store, run, "data").outputs == ()
        with pytest.raises(AttemptEnded):
            store.end_step(run, "data", state=State.FAILED, attempt="1")

    def test_a_published_step_is_not_begun_or_published_again(self, store: MetadataStore) -> None:
        """Whatever the attempt is called."""
        run = started(store, 1)
        complete(store, run, "data")
        with pytest.raises(AttemptEnded):
            store.start_step(run, "data", attempt="2", fingerprint="f", inputs=[], facts={})
        with pytest.raises(AttemptEnded):
            complete(store, run, "data", attempt="2", start=False)

    @pytest.mark.parametrize(
        ("state", "of_running"),
        [(State.COMPLETE, State.FAILED), (State.FAILED, State.FAILED), (State.CANCELED, State.CANCELED)],
    )
    def test_a_run_that_ends_leaves_no_step_open(self, store: MetadataStore, state: State, of_running: State) -> None:
        """Pending steps are skipped; a running one can no longer publish."""
        run = started(store, 1)
        complete(store, run, "data")
        store.start_step(run, "split", attempt="1", fingerprint="f", inputs=[], facts={})
        store.end_run(run, state=state, error="why")
        found = store.get_run(run)
        assert found is not None
        assert (found.state, found.error) == (state, "why")
        assert found.finished is not None
        assert [step.state for step in found.steps] == [State.COMPLETE, of_running, State.SKIPPED]
        with pytest.raises(AttemptEnded):
            complete(store, run, "split", attempt="1", start=False)
        with pytest.raises(AttemptEnded):
            store.start_step(run, "trainer", attempt="1", fingerprint="f", inputs=[], facts={})
        with pytest.raises(AttemptEnded):
            store.end_run(run, state=State.COMPLETE)
        assert store.get_run(run) == found

    def test_states_that_do_not_fit_are_refused(self, store: MetadataStore) -> None:
        """They are mistakes in the caller's code."""
        run = started(store, 1)
        with pytest.raises(ValueError, match="RUNNING"):
            store.end_step(run, "data", state=State.RUNNING)
        with pytest.raises(ValueError, match="SKIPPED"):
            store.end_run(run, state=State.SKIPPED)
        with pytest.raises(ValueError, match="FAILED"):
            store.publish_step(
                run, "data", state=State.FAILED, attempt="1", fingerprint="f",
                inputs=[], outputs=[], metrics={}, facts={},
            )  # fmt: skip

    def test_an_unknown_run_or_step_is_an_error(self, store: MetadataStore) -> None:
        """The message names it."""
        run = started(store, 1)
        with pytest.raises(StoreError, match="no step nothing"):
            store.end_step(run, "nothing", state=State.FAILED)
        with pytest.raises(StoreError, match="no run rnone"):
            store.end_run("rnone", state=State.FAILED)

    def test_a_run_whose_owner_is_gone_is_written_down_as_lost(self, store: MetadataStore) -> None:
        """Its attempts are ended, so that an owner that wakes up can no longer publish."""
        lost, alive, unknown = started(store, 1), started(store, 2, host="alive"), started(store, 3, host="unknown")
        done = started(store, 4)
        store.end_run(done, state=State.COMPLETE)
        complete(store, lost, "data", outputs=[an_artifact("examples", "/a/1")])
        store.start_step(lost, "split", attempt="1", fingerprint="f", inputs=[], facts={})
        answers = {"here": False, "alive": True, "unknown": None}
        assert self.another(store).end_lost_runs(lambda owner: answers[owner.host]) == [lost]
        states = {run.id: run.state for run in store.list_runs()}
        assert states == {
            done: State.COMPLETE, unknown: State.RUNNING, alive: State.RUNNING, lost: State.LOST,
        }  # fmt: skip
        found = store.get_run(lost)
        assert found is not None
        assert [step.state for step in found.steps] == [State.COMPLETE, State.LOST, State.SKIPPED]
        with pytest.raises(AttemptEnded):
            complete(store, lost, "split", attempt="1", start=False)
        assert len(store.find_step("f-data")) == 1
        assert store.end_lost_runs(lambda owner: answers[owner.host]) == []

    def test_a_run_whose_owner_says_nothing_more_is_lost(self, store: MetadataStore) -> None:
        """Where its process cannot be looked for, the heartbeat tells, by the clock of the store."""
        run = started(store, 1)
        begun = store.get_run(run)
        assert begun is not None
        assert begun.beat is not None
        assert begun.silent is not None
        assert begun.silent < MISSED_BEATS * BEAT_SECONDS
        store.beat(run)
        going_on = store.list_runs()[0]
        assert going_on.beat is not None
        assert going_on.beat >= begun.beat
        assert seen_state(going_on, lambda _: None) is State.RUNNING
        assert self.another(store).end_lost_runs(lambda _: None) == []
        silent = replace(going_on, silent=MISSED_BEATS * BEAT_SECONDS + 1)
        assert seen_state(silent, lambda _: None) is State.LOST
        assert seen_state(silent, lambda _: True) is State.RUNNING
        store.end_run(run, state=State.COMPLETE)
        with pytest.raises(AttemptEnded):
            store.beat(run)
        ended = store.get_run(run)
        assert ended is not None
        assert ended.silent is None

    def test_a_sign_of_life_of_a_run_that_was_taken_over_is_refused(self, store: MetadataStore) -> None:
        """So its owner's heart stops."""
        run = started(store, 1)
        store.end_run(run, state=State.FAILED)
        self.another(store).resume_run(replace(a_run(1), owner=Owner("there", 77, 12.5)))
        with pytest.raises(AttemptEnded):
            store.beat(run)

    def test_a_run_that_did_not_complete_goes_on(self, store: MetadataStore) -> None:
        """Published steps stay; the others are as new, and the run has the new owner, spec and facts."""
        run = started(store, 1)
        complete(store, run, "data", outputs=[an_artifact("examples", "/a/1")])
        store.start_step(run, "split", attempt="1", fingerprint="f", inputs=[], facts={"old": "yes"})
        store.end_step(run, "split", state=State.FAILED, attempt="1", error="boom")
        store.end_run(run, state=State.FAILED, error="why")
        owner = Owner("there", 77, 12.5)
        again = replace(a_run(1, spec="zenml: 1\nname: Other\n", facts={"more": "yes"}), owner=owner)
        other = self.another(store)
        other.resume_run(again)
        found = store.get_run(run)
        assert found is not None
        assert (found.state, found.owner, found.spec, found.error, found.finished) == (
            State.RUNNING, owner, again.spec, "", None,
        )  # fmt: skip
        assert found.facts["more"] == "yes"
        assert [step.state for step in found.steps] == [State.COMPLETE, State.PENDING, State.PENDING]
        assert (found.steps[1].attempt, found.steps[1].error, found.steps[1].facts) == ("", "", {})
        assert [row.uri for row in found.steps[0].outputs] == ["/a/1"]
        for step in ("split", "trainer"):
            complete(other, run, step, attempt="2")
        other.end_run(run, state=State.COMPLETE)
        with pytest.raises(AttemptEnded):
            other.resume_run(again)

    def test_a_run_goes_on_as_often_as_it_fails(self, store: MetadataStore) -> None:
        """In one process too, which is then the same owner each time."""
        run = started(store, 1)
        for _ in range(3):
            store.end_run(run, state=State.FAILED)
            store.resume_run(a_run(1))
        store.end_run(run, state=State.COMPLETE)
        assert [row.state for row in store.list_runs()] == [State.COMPLETE]

    def test_who_lost_a_run_to_another_process_writes_nothing_more(self, store: MetadataStore) -> None:
        """Neither a step that was going on, nor a new one, nor the end of the run."""
        run = started(store, 1)
        store.start_step(run, "data", attempt="1", fingerprint="f", inputs=[], facts={})
        other = self.another(store)
        assert other.end_lost_runs(lambda _: False) == [run]
        other.resume_run(replace(a_run(1), owner=Owner("there", 77, 12.5)))
        with pytest.raises(AttemptEnded):
            complete(store, run, "data", attempt="1", start=False, outputs=[an_artifact("examples", "/a/1")])
        with pytest.raises(AttemptEnded):
            store.start_step(run, "split", attempt="1", fingerprint="f", inputs=[], facts={})
        with pytest.raises(AttemptEnded):
            complete(store, run, "split", attempt="", start=False)
        with pytest.raises(AttemptEnded):
            store.end_run(run, state=State.FAILED)
        child = self.another(store)
        child.act_for(run, Owner("there", 77, 12.5))
        complete(child, run, "data", attempt="2")
        assert step_of(store, run, "data").state is State.COMPLETE

    def test_runs_are_listed_newest_first_by_pipeline_and_limit(self, store: MetadataStore) -> None:
        """Whatever order they were recorded in: ids sort by time."""
        for number, pipeline in ((2, "B"), (1, "A"), (4, "B"), (3, "A b")):
            store.start_run(a_run(number, pipeline=pipeline))
        assert [run.id for run in store.list_runs()] == [run_id(number) for number in (4, 3, 2, 1)]
        assert [run.id for run in store.list_runs(limit=2)] == [run_id(4), run_id(3)]
        assert [run.id for run in store.list_runs(pipeline="B")] == [run_id(4), run_id(2)]
        assert [run.id for run in store.list_runs(pipeline="B", limit=1)] == [run_id(4)]
        assert [run.id for run in store.list_runs(pipeline="A")] == [run_id(1)]
        assert store.list_runs(pipeline="none") == []
        assert store.list_pipelines() == ["B", "A", "A b"]
        assert all(run.steps == () and run.pipeline and run.owner == HERE for run in store.list_runs())

    def test_pipelines_do_not_differ_in_case_alone(self, store: MetadataStore) -> None:
        """Some databases could not tell them apart."""
        store.start_run(a_run(1, pipeline="Quickstart"))
        with pytest.raises(StoreError, match="Name it Quickstart"):
            store.start_run(a_run(2, pipeline="quickStart"))
        assert [run.id for run in store.list_runs()] == [run_id(1)]

    def test_steps_are_listed_newest_first_by_type_and_limit(self, store: MetadataStore) -> None:
        """Each comes with the id of its run."""
        first, second = started(store, 1), started(store, 2)
        complete(store, first, "data")
        assert [(run, step.id) for run, step in store.list_steps(limit=4)] == [
            (second, "trainer"), (second, "split"), (second, "data"), (first, "trainer"),
        ]  # fmt: skip
        found = store.list_steps(type="CSVDatasource")
        assert [(run, step.id, step.state) for run, step in found] == [
            (second, "data", State.PENDING), (first, "data", State.COMPLETE),
        ]  # fmt: skip
        assert [run for run, _ in store.list_steps(type="CSVDatasource", limit=1)] == [second]
        assert store.list_steps(type="None") == []

    def test_artifacts_are_known_by_where_they_are(self, store: MetadataStore) -> None:
        """The steps that made and read them are found; where they are counts to the letter."""
        run = started(store, 1)
        (made,) = complete(store, run, "data", outputs=[an_artifact("examples", "/a/One")])
        complete(store, run, "split", inputs=[made], outputs=[an_artifact("examples", "/a/two")])
        assert store.recorded_uris(["/a/One", "/a/one", "/a/two", "/a/three"]) == {"/a/One", "/a/two"}
        assert store.recorded_uris([]) == set()
        found = {step.id: step for _, step in store.list_steps_with(["/a/One", "/a/three"])}
        assert found == {step: step_of(store, run, step) for step in ("data", "split")}
        assert [(run_, step.id) for run_, step in store.list_steps_with(["/a/two"])] == [(run, "split")]
        assert store.list_steps_with([]) == []

    def test_more_rows_than_one_query_takes_are_all_returned(self, store: MetadataStore) -> None:
        """Listing has no hidden bound."""
        count = 612
        for number in range(count):
            store.start_run(replace(a_run(number), steps=(StepRecord("only", "T"),)))
        assert [run.id for run in store.list_runs()] == [run_id(number) for number in reversed(range(count))]
        assert len({run for run, _ in store.list_steps()}) == count

    def test_long_and_odd_texts_come_back(self, store: MetadataStore) -> None:
        """Also where a column or an index has a bound, and when a shorter text takes the place of a long one."""
        long = "".join(f"ä✓{number}\n" for number in range(20_000))
        store.start_run(a_run(1, spec=long, facts={"long": long, "short": "x"}))
        run = run_id(1)
        store.start_step(run, "data", attempt="1", fingerprint="f", inputs=[], facts={"diff": long, "same": long})
        store.publish_step(
            run, "data", state=State.COMPLETE, attempt="1", fingerprint="f",
            inputs=[], outputs=[], metrics={}, facts={"diff": "now short"},
        )  # fmt: skip
        store.start_step(run, "split", attempt="1", fingerprint="f", inputs=[], facts={})
        store.end_step(run, "split", state=State.FAILED, attempt="1", error=long)
        store.start_step(run, "trainer", attempt="1", fingerprint="f", inputs=[], facts={})
        store.end_step(run, "trainer", state=State.FAILED, attempt="1", error="a\0b\udcffc")
        found = self.another(store).get_run(run)
        assert found is not None
        assert (found.spec, found.facts) == (long, {"long": long, "short": "x"})
        assert found.steps[0].facts == {"diff": "now short", "same": long}
        assert found.steps[1].error == long
        assert found.steps[2].error.startswith("a")
        store.start_step(run, "split", attempt="2", fingerprint="f", inputs=[], facts={})
        assert step_of(store, run, "split").error == ""

    def test_steps_and_types_that_differ_in_case_are_told_apart(self, store: MetadataStore) -> None:
        """A pipeline's name may be the beginning of another's, and a type may differ from another in case."""
        steps = (StepRecord("data", "Loader"), StepRecord("more", "loader"))
        store.start_run(replace(a_run(1, pipeline="A"), steps=steps))
        store.start_run(replace(a_run(2, pipeline="Ab"), steps=steps))
        assert [run.id for run in store.list_runs(pipeline="A")] == [run_id(1)]
        assert store.list_runs(pipeline="a") == []
        assert [step.id for _, step in store.list_steps(type="loader")] == ["more", "more"]

    def test_a_config_gives_an_equal_store(self, store: MetadataStore) -> None:
        """A spec can name the store."""
        again = MetadataStore.from_config(store.to_config())
        assert again == store
