"""OrchestratorAWSBackend: a pipeline on an EC2 instance of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import Field, model_validator

from zenml import __version__
from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.errors import ConfigError, Problem, SpecError, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.remote import JobStatus, RemoteJob, RemoteOrchestratorBackend, RemoteRun, Resource, Staging
from zenml_aws.api_trouble import BusyError, RefusedError
from zenml_aws.console_page import console_page
from zenml_aws.ec2 import fields
from zenml_aws.ec2.access import find_problems
from zenml_aws.ec2.bucket import bucket_problems, by_role
from zenml_aws.ec2.console_log import ConsoleLog
from zenml_aws.ec2.fleet import GOING, LIVE, Body, Fleet, launched_of, life_of
from zenml_aws.ec2.launch import (
    PARAMETERS,
    PIPELINE_TAG,
    RUN_TAG,
    launch_body,
    name_of,
    parameter_body,
    tags_in,
    template_body,
)
from zenml_aws.ec2.launch_trouble import waits_for_capacity
from zenml_aws.ec2.machine import image_parameter
from zenml_aws.ec2.outcome import ending, report_in, standing
from zenml_aws.ec2.parameters import Parameters
from zenml_aws.ec2.registry import EcrImage
from zenml_aws.session import Service, connect, region_of

_PAUSE = 2.0
_GONE_WITHIN = 600.0
"""Seconds that an instance may take to end."""
_AGAIN_SECONDS = 30.0
"""Pause between two questions for capacity."""
_NO_CAPACITY: dict[str, tuple[float, str]] = {}
"""When and why EC2 refused this process another instance, by launch template."""


class OrchestratorAWSBackend(RemoteOrchestratorBackend):
    """Run the packaged pipeline in a container on an EC2 instance of its own, which ends with the run.

    A launch template, the instance, its volume and the parameters with the run's secrets carry the run's tag. The
    instance answers for its role by IMDSv2 only, its volume is encrypted, and it terminates when the run ends and at
    the deadline. One that EC2 takes away is followed by another, launched by whoever looks at the run, which goes on
    where it was; two never work on one run.

    Args:
        region: by default the one that the AWS tools use.
        instance_type: of x86 or arm; one with GPUs of NVIDIA gives the container all of them.
        image: with Python and ZenML in it; one in ECR is pulled by the role of the instance.
        iam_instance_profile: name or ARN; its role reads the run's secrets, the image, and the artifact store.
        subnet_id: by default one of the default VPC.
        security_group_ids: by default the VPC's own.
        public_ip: whether the instance gets one; by default as the subnet says.
        spot: use spare capacity, which EC2 takes back when it needs it.
        spot_max_price: US dollars an hour; by default the price on demand.
        key_name: of a key pair, to reach the instance by SSH.
        ami: by default the newest Amazon Linux 2023.
        root_device: the name of the image's root device.
        disk_size_gb: size of the volume.
        kms_key_id: of the key for the volume and the secrets; by default the account's.
        environment: more variables; no secrets, as others can read them.
        extra_tags: more tags for all that is made.
        python: the image's interpreter.
        preemptions: how often the job may be preempted and go on.
        deadline_seconds: how long the job may take; its machine ends a while later in any case.
        grace_seconds: how long the job may take to end when it is stopped.
        profile: of the shared AWS config files; by default the one that the AWS tools use.
    """

    region: fields.Region | None = None
    instance_type: fields.InstanceType = "m7i.large"
    image: fields.Image = f"zenml/zenml:{__version__}"
    iam_instance_profile: fields.Profile | None = None
    subnet_id: fields.Subnet | None = None
    security_group_ids: list[fields.SecurityGroup] = Field(default_factory=list, max_length=16)
    public_ip: bool | None = None
    spot: bool = False
    spot_max_price: fields.Price | None = None
    key_name: str | None = None
    ami: fields.AMI | None = None
    root_device: fields.Device = "/dev/xvda"
    disk_size_gb: int = Field(default=50, ge=8, le=65536)
    kms_key_id: str | None = None
    environment: dict[fields.Variable, str] = Field(default_factory=dict)
    extra_tags: dict[fields.TagKey, fields.TagValue] = Field(default_factory=dict, max_length=40)
    python: str = Field(default="python", min_length=1)
    preemptions: int = Field(default=3, ge=0)
    deadline_seconds: int | None = Field(default=None, ge=1)
    grace_seconds: int = Field(default=60, ge=1, le=90)
    profile: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> OrchestratorAWSBackend:
        if self.spot_max_price is not None and not self.spot:
            raise ValueError("spot_max_price goes with spot")
        return self

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take."""
        return self.deadline_seconds

    @property
    def preemption_budget(self) -> int:
        """How often the job may be preempted and go on."""
        return self.preemptions

    @property
    def region_name(self) -> str:
        """The region, also where the AWS tools' own is meant."""
        return self.region or region_of(self.profile)

    def check(self) -> Iterable[Problem]:
        """Tell of an instance type for which Amazon has no image with what it needs."""
        if self.ami is None and image_parameter(self.instance_type) is None:
            what = f"there is no Amazon Linux with the drivers for {self.instance_type}"
            yield Problem(what, "instance_type", "Name an image with Docker and NVIDIA's container toolkit: ami=…")

    def check_access(self) -> None:
        """Raise a ConfigError with everything that would keep the run from starting."""
        problems = [*self.check(), *find_problems(self, self._connect)]
        if problems:
            raise ConfigError(problems)

    def stage(self, launch: Launch, *, access: bool = True) -> Staging:
        """Check that a launch can run on an instance, and describe it as a job."""
        staging = super().stage(launch, access=access)
        problems = [*self._without_role(launch, staging.job)]
        if access:
            problems += bucket_problems(launch.store, self.region_name, launch.report.warn)
        if problems:
            raise SpecError(problems)
        return staging

    def run(self, launch: Launch, *, wait: bool = True) -> None:
        """Stage and submit the launch, and watch it where `wait` says so."""
        if launch.resume:
            self.clean_up(launch.run_id)  # the machine of its earlier life may not have ended yet
        super().run(launch, wait=wait)

    def render(self, job: RemoteJob) -> list[Resource]:
        """Return the parameters, without their values, the launch template, and what is asked for by it."""
        name = name_of(job.run_id)
        bodies = [{**parameter_body(self, job, secret, ""), "Value": ""} for secret in job.secrets]
        template = template_body(self, job)
        tags = tags_in(template["TagSpecifications"][0]["Tags"])
        instance = launch_body(name, tags, 1)
        instance["LaunchTemplate"] = {"LaunchTemplateName": name, "Version": "1"}
        return [
            *(Resource("Parameter", str(body["Name"]), body) for body in bodies),
            Resource("LaunchTemplate", name, template),
            Resource("Instance", name, instance),
        ]

    def deliver_secrets(self, job: RemoteJob, values: Mapping[str, str]) -> None:
        """Write the secrets to parameters of the run, encrypted; its machine reads them by its role."""
        parameters = self._parameters()
        for name, value in values.items():
            parameters.put(parameter_body(self, job, name, value))

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Make the launch template, and launch the instance; one of this run that is there already counts."""
        fleet = self._fleet()
        there = fleet.template(job.run_id)
        if there and launched_of(there):
            if self._latest(fleet, job.run_id, there) is not None:
                return
            fleet.remove_template(job.run_id)  # of an earlier life, which ended
        self._wait_until_gone(fleet, job.run_id)
        for resource in resources:
            if resource.kind == "LaunchTemplate":
                fleet.launch(fleet.make_template(job.run_id, dict(resource.body)), 1)

    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return what EC2 says about the run's instance; one that was taken away is followed by another.

        A service that does not answer for a while ends no run: the reason says so.
        """
        try:
            return self._seen(self._fleet(), run_id, JobFolder(store, run_id))
        except BusyError as error:
            return JobStatus(State.PENDING, str(error))

    def logs(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Give what the run's machines wrote to their consoles: how they got on, and the end of what the job printed.

        What the job prints is in the artifact store, while it does.
        """
        fleet = self._fleet()

        def is_over() -> bool:
            return not any(row["State"]["Name"] in (*LIVE, *GOING) for row in fleet.instances(run_id))

        return ConsoleLog(fleet, is_over).lines(run_id, follow=follow)

    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Terminate the run's instance, which gives the job its time of grace to say how it ended."""
        fleet = self._fleet()
        fleet.terminate(fleet.instances(run_id))

    def list_runs(self) -> list[RemoteRun]:
        """Return the runs of which there is an instance, a launch template or a parameter, in this region."""
        fleet, parameters = self._fleet(), self._parameters()
        states: dict[str, State] = {}
        pipelines: dict[str, str] = {}
        made: dict[str, list[str]] = {}
        for row in fleet.instances():
            if row["State"]["Name"] not in ("terminated", "shutting-down"):
                tags = tags_in(row["Tags"])
                run_id = tags[RUN_TAG]
                states[run_id] = State.RUNNING if row["State"]["Name"] == "running" else State.PENDING
                pipelines[run_id] = tags.get(PIPELINE_TAG, "")
                made.setdefault(run_id, []).append(f"Instance/{row['InstanceId']}")
        for row in fleet.templates():
            tags = tags_in(row["Tags"])
            pipelines.setdefault(tags[RUN_TAG], tags.get(PIPELINE_TAG, ""))
            made.setdefault(tags[RUN_TAG], []).append(f"LaunchTemplate/{row['LaunchTemplateName']}")
        for name in parameters.names():
            run_id = name.removeprefix(f"{PARAMETERS}/").partition("/")[0]
            if run_id not in pipelines:
                pipelines[run_id] = parameters.pipeline_of(name)
            made.setdefault(run_id, []).append(f"Parameter/{name}")
        return [
            RemoteRun(run_id, pipelines[run_id], states.get(run_id, State.LOST), tuple(made[run_id]))
            for run_id in sorted(made)
        ]

    def clean_up(self, run_id: str) -> None:
        """Remove the run's launch template, so that no instance follows; its instances; and its secrets."""
        fleet = self._fleet()
        fleet.remove_template(run_id)
        fleet.terminate(fleet.instances(run_id))
        self._parameters().remove(run_id)

    def _connect(self, service: str, region: str = "") -> Service:
        return connect(service, region or self.region_name, self.profile)

    def _fleet(self) -> Fleet:
        return Fleet(self._connect("ec2"))

    def _parameters(self) -> Parameters:
        return Parameters(self._connect("ssm"))

    def _link(self, instance: Body) -> str:
        return console_page(self.region_name, "ec2", f"InstanceDetails:instanceId={instance['InstanceId']}")

    def _without_role(self, launch: Launch, job: RemoteJob) -> Iterator[Problem]:
        """Tell what a run needs a role for, where none is named."""
        if self.iam_instance_profile:
            return
        mend = "Name an instance profile with such a role: iam_instance_profile=…"
        if job.secrets:
            yield Problem(
                "the run's secrets are read by the role of the instance, and it has none", "run.backend", mend
            )
        if EcrImage.parse(self.image):
            yield Problem("an image in ECR is pulled by the role of the instance, and it has none", "run.backend", mend)
        if by_role(launch.store):
            what = "the artifact store is reached by the role of the instance, and it has none"
            yield Problem(what, "run.backend", mend)

    def _latest(self, fleet: Fleet, run_id: str, template: Body) -> Body | None:
        """Return the instance that a template launched last, or None where it ended or is about to.

        One that is not shown was launched just now, or ended long ago: asking for it once more tells which.
        """
        shown = fleet.instances(run_id)
        latest = shown[-1] if shown and life_of(shown[-1]) >= launched_of(template) else None
        if latest is None:
            latest = fleet.launch(template, launched_of(template))
        return latest if latest and latest["State"]["Name"] in LIVE else None

    def _wait_until_gone(self, fleet: Fleet, run_id: str) -> None:
        """Wait for the end of instances of an earlier life, so that no two work on the run."""
        until = time.monotonic() + _GONE_WITHIN
        while going := [row for row in fleet.instances(run_id) if row["State"]["Name"] in GOING]:
            if time.monotonic() > until:
                raise ZenMLError(f"the instance {going[0]['InstanceId']} of an earlier life of this run does not end")
            time.sleep(_PAUSE)

    def _seen(self, fleet: Fleet, run_id: str, folder: JobFolder) -> JobStatus:
        template, shown = fleet.template(run_id), fleet.instances(run_id)
        latest = shown[-1] if shown else None
        if template and launched_of(template) > (life_of(latest) if latest else 0):
            latest = fleet.launch(template, launched_of(template)) or {
                "InstanceId": "",
                "State": {"Name": "terminated"},
            }
        if latest is None:
            return JobStatus(State.LOST, "there is no instance of it: it was removed, or never launched")
        link = self._link(latest)
        written = folder.last_status()
        there = standing(latest, link, began=written is not None)
        if there:
            return there
        waits = written is not None and written.state is State.PENDING
        report = report_in(fleet.console(latest["InstanceId"])) if latest["InstanceId"] else ""
        ended = ending(latest, report, link, waits=waits)
        if not ended.taken or folder.is_asked_to_stop:
            return ended.status if not ended.taken else JobStatus(State.CANCELED, "stopped by the user", link)
        life = max(life_of(latest), launched_of(template) if template else 0)
        return self._go_on(fleet, template, life, ended.status)

    def _go_on(self, fleet: Fleet, template: Body | None, life: int, taken: JobStatus) -> JobStatus:
        """Launch the instance that follows one that was taken away."""
        if template is None:
            return JobStatus(State.FAILED, f"{taken.reason}, and its launch template is gone", taken.link)
        if life > self.preemptions:
            reason = f"{taken.reason}: preempted {life} times, more than the {self.preemptions} allowed"
            return JobStatus(State.FAILED, reason, taken.link)
        refused_at, why = _NO_CAPACITY.get(template["LaunchTemplateId"], (0.0, ""))
        if why and time.monotonic() < refused_at + _AGAIN_SECONDS:
            return JobStatus(State.PENDING, f"{taken.reason}; it goes on when there is capacity: {why}", taken.link)
        try:
            made = fleet.launch(template, life + 1)
        except RefusedError as error:
            if not waits_for_capacity(error):
                raise
            _NO_CAPACITY[template["LaunchTemplateId"]] = time.monotonic(), str(error)
            return JobStatus(State.PENDING, f"{taken.reason}; it goes on when there is capacity: {error}", taken.link)
        link = self._link(made) if made else taken.link
        return JobStatus(State.PENDING, f"{taken.reason}; it goes on ({life} of {self.preemptions})", link)
