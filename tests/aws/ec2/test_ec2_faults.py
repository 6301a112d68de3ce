"""The API fails at every call in turn, in every way: what was asked for is done once, or told and left clean."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aws_double import AwsDouble, Fault
from ec2_jobs import REGION, SLEEP, Make, Watcher, begin, job, leaving_nothing

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ZenMLError
from zenml.metadata.records import State
from zenml.testing.late_answers import let_time_fly
from zenml_aws import session
from zenml_aws.api_trouble import BusyError, RefusedError
from zenml_aws.ec2.backend import OrchestratorAWSBackend

Act = Callable[[OrchestratorAWSBackend, str, ArtifactStore], object]

ACTS: dict[str, Act] = {
    "check": lambda backend, _, __: backend.check_access(),
    "status": lambda backend, run_id, store: backend.status(run_id, store),
    "logs": lambda backend, run_id, _: list(backend.logs(run_id, follow=False)),
    "list": lambda backend, _, __: backend.list_runs(),
    "clean up": lambda backend, run_id, _: backend.clean_up(run_id),
}
PASSING = ("throttled", "500", "503", "cut-before", "cut-after")
WAYS = (*PASSING, "late")


def calls_of(aws: AwsDouble, act: Callable[[], object]) -> int:
    """Return how many calls something makes."""
    before = len(aws.calls)
    act()
    return len(aws.calls) - before


def test_a_submission_launches_one_instance_whichever_call_fails(aws: AwsDouble, backend: Make) -> None:
    aws.world.bad_images["none:1"] = "no such image"  # the machines end soon, and call nothing
    made = backend(image="none:1")
    count = 6
    for number in range(1, count + 1):
        for how in PASSING[number % 3 :: 3]:
            before = len(aws.machines)
            aws.faults[:] = [fault := Fault(how, at=number)]
            run_id = begin(made, job(secrets=("TOKEN",)), TOKEN="hidden")
            assert fault.seen > count
            assert len(aws.machines) == before + 1
            assert {each for each in aws.left(REGION) if run_id in each} == {
                f"zenml-{run_id}",
                f"/zenml/{run_id}/TOKEN",
            }
    aws.faults.clear()
    with leaving_nothing(aws):
        for run in made.list_runs():
            made.clean_up(run.run_id)


@pytest.mark.parametrize("operation", ["PutParameter", "CreateLaunchTemplate", "RunInstances", "CreateTags"])
def test_a_submission_that_fails_for_good_is_found_by_its_tag(operation: str, aws: AwsDouble, backend: Make) -> None:
    made = job(SLEEP, secrets=("TOKEN",))
    aws.faults[:] = [Fault("cut-after", operation=operation, times=99)]
    with pytest.raises(BusyError, match="the service broke the connection off"):
        begin(backend(), made, TOKEN="hidden")
    aws.faults.clear()
    assert len(aws.machines) == (operation in ("RunInstances", "CreateTags"))
    (there,) = backend().list_runs()
    assert (there.run_id, there.pipeline) == (made.run_id, "tried")
    with leaving_nothing(aws):
        backend().clean_up(made.run_id)
        backend().clean_up(made.run_id)
    assert backend().list_runs() == []


@pytest.mark.parametrize("name", sorted({*ACTS} - {"check"}))
def test_every_call_is_tried_again(name: str, aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    run_id = begin(backend(), job(SLEEP, secrets=("TOKEN",)), TOKEN="hidden")
    aws.running_machine()
    count = calls_of(aws, lambda: ACTS[name](backend(), run_id, store))
    assert count
    for number in range(1, count + 1):
        aws.faults[:] = [Fault(PASSING[number % len(PASSING)], at=number)]
        ACTS[name](backend(), run_id, store)


def each_once(how: str) -> list[Fault]:
    """Return the faults that let every call fail when it is made first, and succeed when it is made again."""
    return [Fault(how, at=at) for at in range(1, 200, 2)]


@pytest.mark.parametrize("name", ACTS)
def test_every_call_may_fail_once_in_any_way(
    name: str, aws: AwsDouble, backend: Make, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    run_id = begin(backend(), job(SLEEP, secrets=("TOKEN",)), TOKEN="hidden")
    aws.running_machine()
    for how in WAYS[1::2] if name == "check" else WAYS:  # each check takes as long as all else together
        aws.faults[:] = each_once(how)
        ACTS[name](backend(), run_id, store)
        assert aws.faults[0].seen >= 2


def test_a_submission_whose_every_call_fails_once_launches_one_instance(
    aws: AwsDouble, backend: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_time_fly(monkeypatch)
    aws.world.bad_images["none:1"] = "no such image"
    for how in WAYS:
        before = len(aws.machines)
        aws.faults[:] = each_once(how)
        run_id = begin(backend(image="none:1"), job(secrets=("TOKEN",)), TOKEN="hidden")
        assert len(aws.machines) == before + 1
        aws.faults.clear()
        backend().clean_up(run_id)


def test_a_service_that_does_not_answer_for_a_while_ends_no_run(
    aws: AwsDouble, backend: Make, store: ArtifactStore
) -> None:
    watch = Watcher(aws, backend(), store)
    run_id = begin(backend(), job())
    for how, text in (("503", "the service cannot do that now"), ("cut-before", "broke the connection off")):
        aws.faults[:] = [Fault(how, times=99)]
        assert watch.told(run_id, text).state is State.PENDING
    aws.faults.clear()
    assert watch.end(run_id).state is State.COMPLETE
    aws.denied.add("DescribeInstances")
    with pytest.raises(RefusedError, match="you may not ec2:DescribeInstances"):
        watch.now(run_id)


@pytest.mark.parametrize("name", sorted({*ACTS} - {"status"}))
def test_what_never_gets_better_is_told(name: str, aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    aws.faults.append(Fault("500", times=999))
    with pytest.raises(ZenMLError, match=r"the service cannot do that now.*Run again later"):
        ACTS[name](backend(), "r0000000000000000000", store)


def test_an_answer_that_never_comes_is_given_up(aws: AwsDouble, backend: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_READ_SECONDS", 3)
    monkeypatch.setenv("AWS_DOUBLE_READS", "soon")  # another client, with that bound
    aws.faults.append(fault := Fault("time-out", operation="DescribeInstances"))
    assert backend().list_runs() == []
    assert fault.seen > 1


def test_a_refusal_is_not_tried_again(aws: AwsDouble, backend: Make) -> None:
    aws.denied.add("RunInstances")
    with pytest.raises(RefusedError, match="you may not ec2:RunInstances"):
        begin(backend(), job())
    assert aws.operations().count("RunInstances") == 1
    with pytest.raises(RefusedError, match="Ask for a policy"):
        begin(backend(), job())


def test_a_followed_log_goes_on_to_the_end_of_the_run(aws: AwsDouble, backend: Make) -> None:
    run_id = begin(backend(), job("import time\nfor n in range(5):\n    print(n, flush=True)\n    time.sleep(0.1)"))
    aws.faults[:] = [Fault("503", at=at) for at in (2, 3, 9)]
    lines = list(backend().logs(run_id, follow=True))
    assert lines[0] == f"zenml: run {run_id}: preparing"
    assert lines[-6:] == ["0", "1", "2", "3", "4", "zenml-report: ended 0 false"]
    assert len(lines) == len(set(lines))
