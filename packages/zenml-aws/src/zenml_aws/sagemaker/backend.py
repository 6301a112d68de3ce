"""TrainingSagemakerBackend: trains on Amazon SageMaker."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field, PrivateAttr, model_validator

from zenml.artifacts.store import ArtifactStore
from zenml.backends.placement import Device, Placement, Precision
from zenml.errors import Problem, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.console import Console
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml.runtime.remote_shards import RemoteShards
from zenml.runtime.remote_training import RemoteTrainingBackend
from zenml_aws.api_trouble import BusyError
from zenml_aws.artifact_store import S3ArtifactStore
from zenml_aws.console_page import console_page
from zenml_aws.emr.place import PREFIX, by_run, prefix_of
from zenml_aws.sagemaker import fields
from zenml_aws.sagemaker.access import find_problems
from zenml_aws.sagemaker.container_log import last_lines
from zenml_aws.sagemaker.explain import explained
from zenml_aws.sagemaker.jobs import TrainingJob, TrainingJobs
from zenml_aws.sagemaker.request import name_of, request
from zenml_aws.session import Service, connect, region_of

_FIRST_PAUSE, _LAST_PAUSE = 0.5, 10.0
_PATIENCE = 60
"""So often in a row SageMaker may say nothing of a job before that is given up."""
_LAST_SECONDS = 20.0
"""How long a container that has told how its training ended may take to end."""
_ANY = "0" * 16
"""Stands for a job's digest in a plan."""
_LONGEST_ARGUMENT = 256


class TrainingSagemakerBackend(RemoteTrainingBackend):
    """Run a trainer as a training job of Amazon SageMaker, on an instance that is there for as long as that takes.

    Code, data, checkpoints and the model travel through a folder of S3, which the container reaches by its role. The
    image needs ZenML, `zenml-aws` and the trainer's distribution. A spot job that is interrupted is started again by
    SageMaker, and goes on from its last checkpoint.

    Args:
        role: ARN of the role by which SageMaker runs the job: it reads and writes `job_dir`, and pulls the image.
        job_dir: `s3://bucket/folder` for what travels; in the region of the job.
        image: in ECR, with Python and ZenML in it.
        region: by default the one that the AWS tools use.
        profile: of the shared AWS config files, for this machine's own calls.
        instance_type: such as `ml.m5.xlarge`, or `ml.g5.xlarge` with a GPU.
        volume_size_gb: size of each instance's volume.
        kms_key_id: of the key for the volume and what SageMaker writes; by default Amazon's own.
        spot: use spare capacity, which SageMaker gives back when it is needed elsewhere.
        spot_wait_seconds: how long a spot job may wait for capacity, in all.
        deadline_seconds: how long the training may take.
        max_restarts: how often the job may be started again after an error that is not the training's own.
        subnet_ids: for a container in a network of yours; it must reach S3 from there.
        security_group_ids: of the same.
        device: `cpu`, `cuda`, or `auto` for the best that is there.
        precision: `float32`; or `bfloat16` or `float16` for mixed precision: weights stay float32.
        environment: more variables of the container; no secrets, as others can read them.
        python: the image's interpreter.
        extra_tags: more tags for the job.
    """

    FINGERPRINTED: ClassVar[tuple[str, ...]] = ("device", "precision")

    role: fields.Role
    job_dir: fields.Folder
    image: fields.Image
    region: fields.Region | None = None
    profile: str | None = None
    instance_type: fields.InstanceType = "ml.m5.xlarge"
    volume_size_gb: int = Field(default=30, ge=1, le=16384)
    kms_key_id: fields.Key | None = None
    spot: bool = False
    spot_wait_seconds: int = Field(default=86_400, ge=0)
    deadline_seconds: int = Field(default=86_400, ge=60, le=2_419_200)
    max_restarts: int = Field(default=3, ge=0, le=30)
    subnet_ids: list[fields.Subnet] = Field(default_factory=list, max_length=16)
    security_group_ids: list[fields.SecurityGroup] = Field(default_factory=list, max_length=5)
    device: Device = "auto"
    precision: Precision = "float32"
    environment: dict[fields.Variable, fields.Value] = Field(default_factory=dict, max_length=80)
    python: fields.Python = "python"
    extra_tags: dict[fields.TagKey, fields.TagValue] = Field(default_factory=dict, max_length=40)
    _stores: dict[str, ArtifactStore] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _fields_go_together(self) -> TrainingSagemakerBackend:
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            raise ValueError("subnet_ids and security_group_ids go together")
        if "spot_wait_seconds" in self.model_fields_set and not self.spot:
            raise ValueError("spot_wait_seconds goes with spot")
        return self

    @property
    def staging(self) -> ArtifactStore:
        """The staging location, as this machine reaches it."""
        config = self.model_dump_json()
        if config not in self._stores:
            self._stores[config] = S3ArtifactStore(path=self.job_dir, region=self.region, profile=self.profile)
        return self._stores[config]

    def placement(self) -> Placement:
        """Say on what to train."""
        return Placement(device=self.device, precision=self.precision)

    def check(self) -> Iterable[Problem]:
        """Find fields that SageMaker would not take; nothing is sent."""
        where = type(self).__name__
        if self.device == "mps":
            yield Problem("SageMaker has no mps device", f"{where}.device", "Choose cpu, cuda or auto")
        if len(self._uri(_ANY * 2, _ANY)) > _LONGEST_ARGUMENT:
            yield Problem("this is too long for a command line of SageMaker", f"{where}.job_dir", "Name a shorter one")

    def access_problems(self) -> Iterable[Problem]:
        """Look at credentials, permissions, role, region, instance type, image and `job_dir`."""
        return find_problems(self, self._connect)

    def render(self, run_id: str, labels: Mapping[str, str]) -> list[Resource]:
        """Return what is submitted for a training; the job's digest is not known before its data are there."""
        name = name_of(run_id, _ANY)
        return [Resource("CreateTrainingJob", name, self._request(name, run_id, self._uri(run_id, _ANY), labels))]

    def work(self, shards: RemoteShards) -> None:
        """Submit the training job, or find it at work, and wait until it has trained.

        Raises:
            ZenMLError: it ended without having trained; why, in words, with the last lines of its containers.
        """
        jobs, name = self._jobs(), ""
        try:
            for restarts in itertools.count():
                name = self._begin(jobs, shards)
                ended = self._watch(jobs, name, shards)
                if ended is None:
                    return
                if not ended.lost or restarts >= self.max_restarts:
                    raise ZenMLError(self._why(ended))
                self._say(f"{name}: {ended.details}: submitted again ({restarts + 1} of {self.max_restarts})")
                name = ""
        except PreemptedError:
            raise  # the run goes on elsewhere, and finds the job
        except BaseException:
            _give_up(jobs, [name] if name else jobs.live(name_of(shards.run_id, shards.id)))
            raise

    def list_jobs(self) -> list[RemoteRun]:
        """Return the runs that have training jobs which have not ended."""
        return by_run((name, f"training job/{name}", State.RUNNING) for name in self._jobs().live(PREFIX))

    def end_jobs(self, run_id: str) -> None:
        """Stop the training jobs of a run."""
        jobs = self._jobs()
        for name in [*jobs.live(prefix_of(run_id))]:
            jobs.stop(name)

    def _connect(self, service: str, region: str = "") -> Service:
        return connect(service, region or self.region, self.profile)

    def _jobs(self) -> TrainingJobs:
        return TrainingJobs(self._connect("sagemaker"))

    def _link(self, name: str) -> str:
        return console_page(self.region or region_of(self.profile), "sagemaker", f"/jobs/{name}")

    def _uri(self, run_id: str, job_id: str) -> str:
        return f"{self.job_dir}/shards/{run_id}/{job_id}"

    def _arguments(self, uri: str) -> list[str]:
        """Return what follows the interpreter on the container's command line."""
        return ["-m", "zenml.entrypoint", "train", "--job", uri]

    def _request(self, name: str, run_id: str, uri: str, labels: Mapping[str, str]) -> dict[str, object]:
        variables = {"AWS_DEFAULT_REGION": self.region} if self.region else {}
        folder = f"{self.job_dir}/shards/{run_id}"  # goes when the run ends
        return request(self, name, self._arguments(uri), folder, variables, labels)

    def _begin(self, jobs: TrainingJobs, shards: RemoteShards) -> str:
        """Return the name of the job for these shards, which goes on, or is made."""
        for life in itertools.count(1):
            name = name_of(shards.run_id, shards.id, life)
            while (found := jobs.look(name)) is not None and not (found.live or found.ended):
                time.sleep(_FIRST_PAUSE)  # two never work on the same
            if found is None:
                jobs.create(self._request(name, shards.run_id, shards.uri, shards.labels))
            if found is None or found.live:
                break
        self._say(f"{name}: {'goes on' if found else 'submitted'}: {self._link(name)}")
        return name

    def _watch(self, jobs: TrainingJobs, name: str, shards: RemoteShards) -> TrainingJob | None:
        """Wait until all has an answer, and return None; or the job, where that ended without one."""
        pause, silent, stage = _FIRST_PAUSE, 0, ""
        while True:
            try:
                seen, silent = jobs.look(name), 0
            except BusyError:
                silent += 1
                if silent > _PATIENCE:
                    raise
                seen = TrainingJob(name, "InProgress", stage)
            shards.look()
            if not shards.waiting:
                self._let_end(jobs, name)
                return None
            if seen is None:
                raise ZenMLError("the training job is gone", name, "Run again: zenml run resume")
            if seen.ended:
                return seen
            if seen.stage != stage:
                stage = seen.stage
                self._say(f"{name}: {stage}{f': {seen.message}' if seen.message else ''}")
            time.sleep(pause)
            pause = min(pause * 1.3, _LAST_PAUSE)

    def _let_end(self, jobs: TrainingJobs, name: str) -> None:
        """See to it that a job ends whose training has ended; what SageMaker does after that is not waited for."""
        until = time.monotonic() + _LAST_SECONDS
        try:
            while (seen := jobs.look(name)) is not None and seen.busy and time.monotonic() < until:
                time.sleep(_FIRST_PAUSE)
            if seen is not None and seen.busy:
                jobs.stop(name)
        except ZenMLError as error:
            Console().warn(f"{name} has trained, and it is not known whether it ended: {error}. Try: zenml gc")

    def _why(self, ended: TrainingJob) -> Problem:
        where = f"{ended.name}: {self._link(ended.name)}"
        if ended.status == "Stopped" and ended.stage == "Stopped":
            return Problem("the training job was stopped on SageMaker", where, "Run again: zenml run resume")
        return explained(ended.details, last_lines(self._connect("logs"), ended.name), where)

    @staticmethod
    def _say(text: str) -> None:
        print(text, flush=True)  # noqa: T201 - the step's log


def _give_up(jobs: TrainingJobs, names: Iterable[str]) -> None:
    """Stop jobs that nobody waits for any more."""
    try:
        for name in [*names]:
            jobs.stop(name)
    except ZenMLError as error:
        Console().warn(f"a training job could not be stopped on SageMaker: {error}. Try: zenml gc")
