"""ProcessingEMRBackend: an engine on Amazon EMR."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field, PrivateAttr, model_validator

from zenml.artifacts.store import ArtifactStore
from zenml.errors import Problem, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.console import Console
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml.runtime.remote_processing import RemoteProcessingBackend
from zenml.runtime.remote_shards import RemoteShards
from zenml.runtime.step_work import current_work
from zenml_aws.api_trouble import BusyError
from zenml_aws.artifact_store import S3ArtifactStore
from zenml_aws.emr import fields
from zenml_aws.emr.access import find_problems
from zenml_aws.emr.cluster import Cluster
from zenml_aws.emr.explain import explained
from zenml_aws.emr.place import Job, Place, Submission, prefix_of
from zenml_aws.emr.release import DEFAULT, release_problem
from zenml_aws.emr.serverless import Serverless
from zenml_aws.emr.spark import setting_problems, settings_of, text_of

_FIRST_PAUSE, _LAST_PAUSE = 0.2, 10.0
_PATIENCE = 60
"""So often in a row EMR may say nothing of a job before that is given up."""

_OF_A_MADE_APPLICATION = ("release_label", "image", "subnet_ids", "security_group_ids")

_ANY = "0" * 16
"""Stands for a job's digest in a plan."""


class ProcessingEMRBackend(RemoteProcessingBackend):
    """Work on shards as a PySpark application on EMR Serverless, or on an EMR cluster.

    Inputs, code and results travel through a folder of S3, which the driver and the executors reach by their role. The
    application needs a Python with ZenML in it: `environment`, `image`, or one that is there already (`python`).

    Args:
        staging_location: `s3://bucket/folder` for what travels, and for logs; in the region of EMR.
        region: by default the one that the AWS tools use.
        profile: of the shared AWS config files, for this machine's own calls.
        application_id: an application of EMR Serverless; without one, and without a cluster, one is made for the run
            and deleted when that ends.
        execution_role_arn: the role of the job; EMR Serverless needs one, a cluster takes one where it knows roles.
        release_label: of the application that is made.
        image: of the application that is made, in ECR.
        subnet_ids: of the application that is made, where its workers need a network of yours.
        security_group_ids: of the same.
        cluster_id: a running EMR cluster; the job is a step of it.
        environment: an archive in S3 of a Python environment that can be moved, with `bin/python` in it.
        python: the interpreter, where it is in the image or on the cluster's machines.
        conf: Spark's settings by name.
        executors: most executors at a time.
        executor_cores: cores of each.
        executor_memory: memory of each, as `4g`.
        driver_cores: cores of the driver.
        driver_memory: memory of the driver.
        deadline_seconds: seconds that one job may take.
        extra_tags: more tags for jobs on EMR Serverless, and for the application that is made.
    """

    staging_location: fields.Folder
    region: fields.Region | None = None
    profile: str | None = None
    application_id: fields.ApplicationId | None = None
    execution_role_arn: fields.Role | None = None
    release_label: fields.Release | None = None
    image: fields.Image | None = None
    subnet_ids: list[fields.Subnet] = Field(default_factory=list, max_length=16)
    security_group_ids: list[fields.SecurityGroup] = Field(default_factory=list, max_length=5)
    cluster_id: fields.ClusterId | None = None
    environment: fields.Archive | None = None
    python: fields.Python | None = None
    conf: dict[str, fields.Setting] = Field(default_factory=dict)
    executors: int | None = Field(default=None, ge=1)
    executor_cores: int | None = Field(default=None, ge=1)
    executor_memory: fields.Memory | None = None
    driver_cores: int | None = Field(default=None, ge=1)
    driver_memory: fields.Memory | None = None
    deadline_seconds: int | None = Field(default=None, ge=60)
    extra_tags: dict[fields.TagKey, fields.TagValue] = Field(default_factory=dict, max_length=40)
    _stores: dict[str, ArtifactStore] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _fields_go_together(self) -> ProcessingEMRBackend:
        if self.cluster_id and self.application_id:
            raise ValueError("application_id and cluster_id exclude each other")
        named = "cluster_id" if self.cluster_id else "application_id" if self.application_id else ""
        idle = [name for name in _OF_A_MADE_APPLICATION if getattr(self, name)]
        if named and idle:
            raise ValueError(f"{', '.join(idle)}: these are for an application that is made, and {named} names one")
        if not self.cluster_id and not self.execution_role_arn:
            raise ValueError("EMR Serverless needs execution_role_arn: the role by which the job reaches S3")
        if self.environment and (self.image or self.python):
            raise ValueError("environment brings its own Python, so neither image nor python goes with it")
        if not named and not (self.environment or self.image):
            raise ValueError("EMR has no ZenML: give environment (an archive in S3) or image (in ECR)")
        if self.security_group_ids and not self.subnet_ids:
            raise ValueError("security_group_ids goes with subnet_ids")
        if self.cluster_id and self.extra_tags:
            raise ValueError("extra_tags: steps of a cluster carry no tags")
        return self

    @property
    def release(self) -> str:
        """The release of the application that is made."""
        return self.release_label or DEFAULT

    @property
    def staging(self) -> ArtifactStore:
        """The staging location."""
        config = self.model_dump_json()
        if config not in self._stores:
            self._stores[config] = self.store_at(self.staging_location)
        return self._stores[config]

    def store_at(self, path: str) -> ArtifactStore:
        """Return a folder of S3, as this machine reaches it."""
        return S3ArtifactStore(path=path, region=self.region, profile=self.profile)

    @property
    def place(self) -> Place:
        """Where jobs run."""
        return Cluster(self) if self.cluster_id else Serverless(self)

    def check(self) -> Iterable[Problem]:
        """Find settings and releases that EMR would not take; nothing is sent."""
        name = type(self).__name__
        yield from setting_problems(self.conf, f"{name}.conf")
        if told := release_problem(self.release_label or ""):
            yield Problem(told, f"{name}.release_label")

    def access_problems(self) -> Iterable[Problem]:
        """Look at credentials, region, application or cluster, staging location and environment."""
        return find_problems(self, self.place)

    def work(self, shards: RemoteShards) -> None:
        """Submit the application for a staged job, or find it at work, and wait for its end.

        Raises:
            ZenMLError: it failed; why, in words, with the last lines of the driver's log where there are any.
        """
        submission, place = self.submission(shards), self.place
        key = _main_key()
        if not self.staging.has(key):
            self.staging.write_bytes(key, _main().read_bytes())
        label, job = shards.job.label or shards.job.op, ""
        try:
            job = place.submit(submission)
            ended = _watch(place, job, label)
        except PreemptedError:
            raise  # the run goes on elsewhere, and finds the job
        except BaseException:
            _give_up(place, submission, job)
            raise
        finally:
            if current_work() is None:  # no run ends that would remove what was made for it
                _tidy(place, shards.run_id)
        if ended.state is not State.COMPLETE:
            raise ZenMLError(_why(place, ended, f"{label} ({submission.name} on {place.where})"))

    def list_jobs(self) -> list[RemoteRun]:
        """Return the runs that have jobs on EMR which have not ended, or for which an application was made."""
        return self.place.held()

    def end_jobs(self, run_id: str) -> None:
        """Cancel the jobs of a run, and delete the application that was made for it."""
        self.place.end(run_id)

    def render(self, run_id: str, labels: Mapping[str, str]) -> list[Resource]:
        """Return what is submitted for a job; which jobs a step has, and their names, is not known before it runs."""
        uri = f"{self.staging_location}/shards/{run_id}/{_ANY}"
        return self.place.render(self._submission(run_id, _ANY, (uri, "1"), labels))

    def submission(self, shards: RemoteShards) -> Submission:
        """Return what is submitted for a staged job."""
        return self._submission(shards.run_id, shards.id, (shards.uri, str(shards.count)), shards.labels)

    def _submission(
        self, run_id: str, job_id: str, arguments: tuple[str, ...], labels: Mapping[str, str]
    ) -> Submission:
        name = f"{prefix_of(run_id)}{job_id}"
        return Submission(
            run_id,
            name,
            f"{self.staging_location}/{_main_key()}",
            (*arguments, str(self.deadline_seconds or 0)),
            {**labels, **self.extra_tags},
            f"{self.staging_location}/logs",
            {**settings_of(self), "spark.app.name": name},
            text_of(self.conf),
        )


def _watch(place: Place, job: str, label: str) -> Job:
    """Return a job that has ended; when it begins to run, its page is told."""
    pause, told, silent = _FIRST_PAUSE, State.PENDING, 0
    while True:
        try:
            seen, silent = place.look(job), 0
        except BusyError:
            silent += 1
            if silent > _PATIENCE:
                raise
            seen = Job(job, "", told)
        if seen.state.ended:
            return seen
        if seen.state is not told:
            link = place.link(job)
            Console().log(f"{label}: runs on {place.where}{f': {link}' if link else ''}")
            told = seen.state
        time.sleep(pause)
        pause = min(pause * 1.3, _LAST_PAUSE)


def _why(place: Place, job: Job, where: str) -> Problem:
    if job.state is State.CANCELED and "time" not in job.details:
        return Problem(f"the job was cancelled on EMR{f': {job.details}' if job.details else ''}", where, "Run again")
    return explained(job.details, place.last_words(job.id), where)


def _give_up(place: Place, submission: Submission, job: str) -> None:
    """Cancel a job that nobody waits for any more, also where it is not known whether it was begun."""
    try:
        for id_ in [job] if job else [row.id for row in place.jobs(submission.name)]:
            place.cancel(id_)
    except ZenMLError as error:
        Console().warn(f"{submission.name} could not be cancelled on {place.where}: {error}. Try: zenml gc")


def _tidy(place: Place, run_id: str) -> None:
    try:
        place.end(run_id)
    except ZenMLError as error:
        Console().warn(f"What was made for {run_id} on {place.where} is still there: {error}. Try: zenml gc")


def _main() -> Path:
    return Path(__file__).with_name("application.py")


def _main_key() -> str:
    """Return the key of the application's main file; another version of it has another one."""
    return f"emr/{hashlib.sha256(_main().read_bytes()).hexdigest()[:16]}.py"
