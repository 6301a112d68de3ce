"""Pipelines on EC2, from `run(backend=…)` to a trained model in a bucket and a COMPLETE run in a database."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_double
import ec2_jobs
import pytest
import yaml
from aws_double import AwsDouble, Fault
from aws_double.instance_metadata import ROLE_KEY
from aws_double.models import problems
from database_servers import PASSWORD
from ec2_jobs import REGION, Make, leaving_nothing, small
from planted_secrets import Planted, command_lines, files_below, objects_in
from quickstart_for_tests import quickstart

from zenml.artifacts.store import ArtifactStore
from zenml.errors import ConfigError, SpecError
from zenml.metadata.records import State
from zenml.metadata.store import MetadataStore
from zenml.repo import Repository
from zenml.runtime.run import Run
from zenml.runtime.submitted import Submitted
from zenml.spec.model import ComponentSpec

pytestmark = pytest.mark.xdist_group("mariadb")

KEY = "planted-key-1729"


@pytest.fixture(autouse=True)
def _data(project: Path, diabetes: Path) -> None:
    shutil.copy(diabetes, project)


@pytest.fixture
def keyed_bucket(bucket: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
    """The bucket, with keys that only this machine knows."""
    monkeypatch.setenv("TEST_ACCESS_KEY", "test-access-key")
    monkeypatch.setenv("TEST_SECRET_KEY", KEY)
    keys = {"access_key": "env:TEST_ACCESS_KEY", "secret_key": "env:TEST_SECRET_KEY"}
    return ArtifactStore.from_spec(ComponentSpec(type="s3", config={**spec_of(bucket).config, **keys}))


def spec_of(store: ArtifactStore) -> ComponentSpec:
    written = store.to_spec()
    assert isinstance(written, ComponentSpec)
    return written


def digests(run: Run) -> dict[str, str]:
    return {f"{name}.{out}": row.digest for name, step in run.steps.items() for out, row in step.outputs.items()}


def test_a_pipeline_trains_a_model_by_the_role_of_its_machine(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    with leaving_nothing(aws):
        run = quickstart("diabetes.csv", "There").run(backend=backend(), metadata_store=metadata, artifact_store=bucket)
    assert run.state is State.COMPLETE
    recorded = metadata.get_run(run.id)
    assert recorded is not None
    assert recorded.state is State.COMPLETE
    here = quickstart("diabetes.csv", "Here").run()
    assert run.metrics == here.metrics
    assert digests(run) == digests(here)
    assert run.steps["trainer"].outputs["model"].uri.startswith("s3://")
    assert not list(Submitted.all(Path.cwd()))
    fetched = [key for key, call in aws.calls if call.operation == "GetParametersByPath"]
    assert fetched == [ROLE_KEY]


def test_a_planted_secret_is_in_a_parameter_alone_and_gone_after_the_run(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, keyed_bucket: ArtifactStore, project: Path
) -> None:
    where = {"metadata_store": metadata, "artifact_store": keyed_bucket}
    run = quickstart("diabetes.csv", "Planted").run(backend=backend(), wait=False, **where)
    machine = aws.running_machine()
    coded = [base64.b64encode(value.encode()).decode() for value in (KEY, PASSWORD)]
    planted = Planted(KEY, PASSWORD)
    assert planted.seen_in(command_lines()) == []
    environments = [(machine.folder / "docker" / "containers" / "zenml" / "config.json").read_text()]
    sent = [call for _, call in aws.calls if call.operation != "PutParameter"]
    assert planted.seen_in([machine.user_data, *machine.calls, *environments, *map(repr, sent)]) == []
    put = [call.params for _, call in aws.calls if call.operation == "PutParameter"]
    assert set(coded) <= {params["Value"] for params in put}
    assert {params["Type"] for params in put} == {"SecureString"}
    aws.wait_for(lambda: backend().look(run.id, keyed_bucket).state.ended)
    aws.wait_for(machine.over.is_set)
    assert run.state is State.COMPLETE
    assert not [name for name in aws.left(REGION) if name.startswith("/zenml")]  # the machine removed them itself
    printed = "\n".join(backend().logs(run.id, follow=True))
    assert "trainer" in printed
    with leaving_nothing(aws):
        backend().clean_up(run.id)
    kept = [*objects_in(keyed_bucket), *files_below(project, machine.folder)]
    assert len(kept) > 40
    assert planted.seen_in([*kept, printed]) == []


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from ec2_jobs import small
from zenml.artifacts.store import ArtifactStore
from zenml.backends.base import BaseBackend
from zenml.metadata.store import MetadataStore
from zenml.spec.model import ComponentSpec
from zenml_aws.ec2.backend import OrchestratorAWSBackend

small("Left").run(
    backend=OrchestratorAWSBackend(**{options!r}),
    metadata_store=MetadataStore.from_config({metadata!r}),
    artifact_store=ArtifactStore.from_spec(ComponentSpec(**{store!r})),
)
"""


@pytest.mark.parametrize("killed_at", ["PutParameter", "RunInstances", "CreateTags"])
def test_a_client_that_is_killed_leaves_nothing_that_is_not_found_again(
    killed_at: str, aws: AwsDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore, project: Path
) -> None:
    text = SCRIPT.format(
        path=[str(Path(ec2_jobs.__file__).parent), str(Path(aws_double.__file__).parents[1])],
        options=backend().to_config()["config"],
        metadata=metadata.to_config(),
        store=spec_of(bucket).model_dump(),
    )
    (project / "script.py").write_text(text)
    fault = Fault("time-out", operation=killed_at, at=1 if killed_at == "CreateTags" else 2)  # the first is a trial
    aws.faults.append(fault)
    with subprocess.Popen([sys.executable, "script.py"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
        aws.wait_for(lambda: fault.seen >= fault.at or client.poll() is not None)
        client.kill()
        assert client.stderr
        assert client.wait() == -signal.SIGKILL, client.stderr.read()
    aws.faults.clear()
    (found,) = Submitted.all(project)
    assert found.backend == backend()
    there: Any = backend().list_runs()
    if killed_at == "CreateTags":  # the instance was launched already
        aws.wait_for(lambda: backend().look(found.run_id, found.store).state.ended)
        assert Run(found.run_id, metadata, found.store).state is State.COMPLETE
        assert len(aws.machines) == 1
    else:
        assert not aws.machines
        assert [row.run_id for row in there] == ([] if killed_at == "PutParameter" else [found.run_id])
    with leaving_nothing(aws):
        Repository.get_instance().garbage(older_than=0, unknown_runs=True).delete()
    assert not list(Submitted.all(project))


def test_a_run_ends_well_while_every_other_call_fails(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    hows = ("throttled", "500", "503", "cut-before", "cut-after")
    aws.faults.extend(Fault(hows[number % 5], at=1 + 2 * number) for number in range(1000))
    with leaving_nothing(aws):
        run = small("Shaken").run(backend=backend(), metadata_store=metadata, artifact_store=bucket)
    assert run.state is State.COMPLETE
    assert len(aws.machines) == 1
    assert not list(Submitted.all(Path.cwd()))


def test_a_machine_that_vanishes_is_followed_by_another(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore
) -> None:
    where = {"metadata_store": metadata, "artifact_store": bucket}
    run = small("Taken").run(backend=backend(spot=True), wait=False, **where)
    aws.running_machine().cut("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: taken")
    aws.wait_for(lambda: backend(spot=True).look(run.id, bucket) and len(aws.machines) == 2)
    aws.wait_for(lambda: backend(spot=True).look(run.id, bucket).state.ended)
    assert run.state is State.COMPLETE
    with leaving_nothing(aws):
        backend(spot=True).clean_up(run.id)


def test_a_plan_is_what_aws_takes_and_makes_nothing(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, keyed_bucket: ArtifactStore, project: Path
) -> None:
    quickstart("diabetes.csv", "Planned").to_yaml(project / "planned.yaml")
    spec = yaml.safe_load((project / "planned.yaml").read_text())
    spec["run"] = {
        "backend": backend(deadline_seconds=3600, spot=True).to_config(),
        "metadata_store": metadata.to_config(),
        "artifact_store": spec_of(keyed_bucket).model_dump(),
    }
    (project / "planned.yaml").write_text(yaml.safe_dump(spec))
    command = [sys.executable, "-m", "zenml.cli.main", "pipeline", "plan", "planned.yaml", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    resources = json.loads(done.stdout)["resources"]
    calls = {"Parameter": ("ssm", "PutParameter"), "LaunchTemplate": ("ec2", "CreateLaunchTemplate")}
    calls["Instance"] = ("ec2", "RunInstances")
    assert [resource["kind"] for resource in resources] == ["Parameter"] * 3 + ["LaunchTemplate", "Instance"]
    for resource in resources:
        assert problems(*calls[resource["kind"]], resource["body"]) == []
    assert not [value for value in (PASSWORD, KEY) if value in done.stdout + done.stderr]
    assert aws.calls == []
    assert not list(objects_in(keyed_bucket))


def test_what_a_run_lacks_is_told_before_anything_is_made(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore, project: Path
) -> None:
    with pytest.raises(SpecError) as error:
        quickstart("diabetes.csv").run(backend=backend())
    assert "zenml config metadata set mysql" in str(error.value)
    assert "zenml config artifacts set s3://" in str(error.value)
    where = {"metadata_store": metadata, "artifact_store": bucket}
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/none:1"
    with pytest.raises(ConfigError) as other:
        quickstart("diabetes.csv").run(backend=backend(instance_type="m7i.larg", image=image), **where)
    assert "there is no instance type m7i.larg in eu-central-1" in str(other.value)
    assert "has no repository team/none" in str(other.value)
    with pytest.raises(SpecError) as third:
        quickstart("diabetes.csv").run(backend=backend(iam_instance_profile=None), **where)
    for part in ("the run's secrets are read", "the artifact store is reached"):
        assert f"{part} by the role of the instance, and it has none" in str(third.value)
    assert aws.left(REGION) == []
    assert not list(Submitted.all(project))


def test_a_refused_launch_fails_the_call_and_leaves_nothing(
    aws: AwsDouble, backend: Make, metadata: MetadataStore, bucket: ArtifactStore, project: Path
) -> None:
    aws.instances.no_capacity[:] = ["InsufficientInstanceCapacity"] * 99
    where = {"metadata_store": metadata, "artifact_store": bucket}
    with leaving_nothing(aws), pytest.raises(ConfigError, match=r"no capacity for this instance type.*Try another"):
        quickstart("diabetes.csv").run(backend=backend(), **where)
    assert not list(Submitted.all(project))
