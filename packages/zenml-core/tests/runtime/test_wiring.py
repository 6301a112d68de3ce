from __future__ import annotations

from zenml.artifacts.types import Evaluation, Examples, Model
from zenml.runtime.wiring import sort_by_flow, wire
from zenml.steps.base import Step, StepContext


class Source(Step):
    outputs = {"examples": Examples}

    def run(self, context: StepContext) -> None: ...


class Change(Source):
    inputs = {"examples": Examples}


class Train(Step):
    inputs = {"examples": Examples}
    outputs = {"model": Model}

    def run(self, context: StepContext) -> None: ...


class Judge(Step):
    inputs = {"examples": Examples, "model": Model}
    outputs = {"evaluation": Evaluation}

    def run(self, context: StepContext) -> None: ...


def test_an_input_takes_the_last_producer_in_the_data_flow() -> None:
    sources, problems = wire(
        [("data", Source()), ("split", Change()), ("trainer", Train()), ("evaluator", Judge())], {}
    )
    assert not problems
    assert sources["trainer"] == {"examples": "split.examples"}
    assert sources["evaluator"] == {"examples": "split.examples", "model": "trainer.model"}


def test_two_independent_producers_are_an_error_that_lists_both() -> None:
    _, problems = wire([("a", Source()), ("b", Source()), ("trainer", Train())], {})
    assert [str(row) for row in problems] == [
        "trainer.inputs.examples: several steps could feed it with Examples: a.examples, b.examples. Name one in inputs"
    ]


def test_a_given_input_decides() -> None:
    sources, problems = wire([("a", Source()), ("b", Source()), ("t", Train())], {"t": {"examples": "a.examples"}})
    assert not problems
    assert sources["t"] == {"examples": "a.examples"}


def test_every_wrong_input_is_told() -> None:
    given = {
        "t": {"exampels": "data.examples", "examples": "dta.examples"},
        "j": {"examples": "data.exmples", "model": "data.examples"},
    }
    _, problems = wire([("data", Source()), ("t", Train()), ("j", Judge())], given)
    assert [str(row) for row in problems] == [
        "t: Train has no input 'exampels'. Did you mean examples?",
        "t.inputs.examples: there is no step 'dta'. Did you mean data?",
        "j.inputs.examples: step 'data' has no output 'exmples'. Did you mean examples?",
        "j.inputs.model: takes Model, but data.examples is Examples",
    ]


def test_an_input_that_nothing_feeds_is_an_error() -> None:
    _, problems = wire([("data", Source()), ("j", Judge())], {})
    assert "no step before it gives Model" in str(problems[0])


def test_what_a_broken_step_would_feed_is_left_open() -> None:
    steps = [("t", Train()), ("j", Judge())]
    sources, problems = wire(steps, {"t": {"examples": "data.examples"}, "j": {"model": "x.model"}}, ["data"])
    assert [str(row) for row in problems] == ["j.inputs.model: there is no step 'x'"]
    assert sources == {"t": {}, "j": {}}


def test_steps_that_wait_for_each_other_are_an_error() -> None:
    order, problems = sort_by_flow(["a", "b", "c"], {"a": {"x": "b.y"}, "b": {"x": "a.y"}, "c": {}})
    assert order == ["c"]
    assert "wait for each other: a, b" in str(problems[0])
