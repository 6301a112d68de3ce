"""Small jobs on the double: what is launched, really runs, and ends."""

from __future__ import annotations

import json

from aws_double import AwsDouble
from ec2_jobs import TELLING, YIELDING, Make, Watcher, begin, job, leaving_nothing

from zenml.artifacts.store import ArtifactStore
from zenml.metadata.records import State


def test_a_job_runs_on_an_instance_that_ends_with_it(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    backend().check_access()
    with leaving_nothing(aws):
        run_id = begin(backend(), job(TELLING, secrets=("TOKEN",)), TOKEN="hidden")
        assert Watcher(aws, backend(), store).end(run_id).state is State.COMPLETE
        (machine,) = aws.machines
        assert "hidden" in machine.console
        assert "hidden" not in json.dumps(machine.calls) + machine.user_data
        backend().clean_up(run_id)


def test_a_machine_that_is_taken_away_is_followed_by_one_other(
    aws: AwsDouble, backend: Make, store: ArtifactStore
) -> None:
    watch = Watcher(aws, backend(spot=True), store)
    with leaving_nothing(aws):
        run_id = begin(backend(spot=True), job(YIELDING))
        first = aws.running_machine()
        first.take_away()
        watch.told(run_id, "EC2 took the spot instance back")
        second = aws.running_machine()
        assert second is not first
        assert len(aws.machines) == 2
        backend().clean_up(run_id)
