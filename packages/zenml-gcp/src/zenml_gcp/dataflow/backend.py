"""ProcessingDataFlowBackend: an engine on Google Cloud Dataflow."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from zenml.artifacts.store import ArtifactStore
from zenml.errors import Problem, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.console import Console
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml.runtime.remote_processing import RemoteProcessingBackend
from zenml.runtime.remote_shards import FOLDER, RemoteShards
from zenml_gcp import __version__, vm_fields
from zenml_gcp.dataflow.access import find_problems, package_problems
from zenml_gcp.dataflow.job import job_body, job_name, run_of
from zenml_gcp.dataflow.service import ENDED, Dataflow
from zenml_gcp.dataflow.words import problem_of
from zenml_gcp.google_api import Body, GoogleAPI

_FIRST_PAUSE, _LAST_PAUSE = 1.0, 10.0
_NO_ID = "0" * 16


class ProcessingDataFlowBackend(RemoteProcessingBackend):
    """Work on the shards of a step as an Apache Beam pipeline on Dataflow.

    The step's inputs and its code go to the staging location, each once in a run; workers fetch what they need of
    that, and put back what they made. They reach the bucket by their own service account, and nothing that is secret
    is sent to them. Where the step fails or is stopped, so is the job.

    Args:
        project: in which the jobs run, and that pays for them.
        staging_location: `gs://bucket/folder` for what travels; it is empty again when the run has ended.
        region: where the jobs run; best the bucket's own.
        image: of the workers, with ZenML, Apache Beam and Beam's boot program as its entry point.
        machine_type: of the workers; by default Dataflow chooses.
        num_workers: how many there are at first; by default Dataflow chooses.
        max_num_workers: how many there may be.
        autoscaling_algorithm: `THROUGHPUT_BASED`, or `NONE` for always `num_workers`.
        disk_size_gb: of each worker; by default Dataflow chooses.
        service_account: that the workers work by; by default the project's own for Compute Engine.
        network: of the workers.
        subnetwork: of the region.
        external_ip: whether the workers have addresses outside of the network.
        max_run_duration: how many seconds one job may take.
        extra_labels: more labels for the jobs.
        endpoint_url: address of another service than Google's, such as an emulator.
    """

    PAUSES: ClassVar[tuple[float, float]] = (_FIRST_PAUSE, _LAST_PAUSE)
    """Seconds between two looks at a job, at first and at last."""

    project: vm_fields.Project
    staging_location: vm_fields.Folder
    region: vm_fields.Region = "europe-west1"
    image: vm_fields.Image = f"zenml/zenml:{__version__}-dataflow-worker"
    machine_type: vm_fields.MachineType | None = None
    num_workers: int | None = Field(default=None, ge=1, le=4000)
    max_num_workers: int | None = Field(default=None, ge=1, le=4000)
    autoscaling_algorithm: Literal["THROUGHPUT_BASED", "NONE"] = "THROUGHPUT_BASED"
    disk_size_gb: int | None = Field(default=None, ge=10, le=65536)
    service_account: vm_fields.Account | None = None
    network: vm_fields.Name | None = None
    subnetwork: vm_fields.Name | None = None
    external_ip: bool = True
    max_run_duration: int | None = Field(default=None, ge=1)
    extra_labels: dict[vm_fields.LabelKey, vm_fields.LabelValue] = Field(default_factory=dict)
    endpoint_url: vm_fields.Url | None = None

    @model_validator(mode="after")
    def _numbers_fit(self) -> ProcessingDataFlowBackend:
        if self.num_workers and self.max_num_workers and self.num_workers > self.max_num_workers:
            raise ValueError(f"num_workers is {self.num_workers}, more than max_num_workers, {self.max_num_workers}")
        if self.autoscaling_algorithm == "NONE" and not self.num_workers:
            raise ValueError("autoscaling_algorithm NONE needs num_workers")
        return self

    @property
    def staging(self) -> ArtifactStore:
        """The staging location."""
        return ArtifactStore(self.staging_location)

    def check(self) -> Iterable[Problem]:
        """Find packages that are missing here."""
        return package_problems(type(self).__name__)

    def access_problems(self) -> Iterable[Problem]:
        """Look at credentials, permissions, region and bucket."""
        return find_problems(self, self._api())

    def render(self, run_id: str, labels: Mapping[str, str]) -> list[Resource]:
        """Return a job as it would be sent; what follows from its shards has zeros in its place."""
        from zenml_gcp.dataflow.pipeline import build_pipeline

        if [*self.check()]:
            return []
        name, folder = job_name(run_id, _NO_ID), self.staging.uri(f"{FOLDER}/{run_id}/{_NO_ID}")
        pipeline = build_pipeline(folder, [0], self.image, "shards")
        return [Resource("Job", name, job_body(self, name, labels, folder, pipeline, _NO_ID))]

    def work(self, shards: RemoteShards) -> None:
        """Run a job on Dataflow to its end; the one that is there already for the same shards, if there is one."""
        from zenml_gcp.dataflow.pipeline import build_pipeline

        dataflow = self._dataflow()
        name = job_name(shards.run_id, shards.id)
        pipeline = build_pipeline(shards.uri, shards.waiting, self.image, shards.job.label or shards.job.op)
        shards.store.write_bytes(f"{shards.key}/pipeline.pb", pipeline.data)
        body = job_body(self, name, shards.labels, shards.uri, pipeline, uuid.uuid4().hex)
        try:
            job = dataflow.submit(body)
            self._watch(dataflow, str(job["id"]), shards)
        except PreemptedError:
            raise  # the run goes on elsewhere, and finds the job
        except BaseException:
            self._give_up(dataflow, name)
            raise

    def list_jobs(self) -> list[RemoteRun]:
        """Return the runs that have active jobs."""
        found: dict[str, list[str]] = {}
        for job in self._dataflow().jobs():
            if run_of(job["name"]):
                found.setdefault(run_of(job["name"]), []).append(f"job/{job['name']}")
        return [RemoteRun(run_id, "", State.RUNNING, tuple(names)) for run_id, names in sorted(found.items())]

    def end_jobs(self, run_id: str) -> None:
        """Stop the active jobs of a run."""
        dataflow = self._dataflow()
        for job in dataflow.jobs():
            if run_of(job["name"]) == run_id:
                dataflow.cancel(job["id"])

    def _watch(self, dataflow: Dataflow, id_: str, shards: RemoteShards) -> None:
        """Wait until a job has ended.

        Raises:
            ZenMLError: it failed, was stopped by others, or took too long.
        """
        where = shards.job.label or shards.job.op
        began, (pause, last) = time.monotonic(), self.PAUSES
        while True:
            job = dataflow.get(id_)
            state = job.get("currentState", "")
            if state in ("JOB_STATE_DONE", "JOB_STATE_UPDATED"):
                return
            if state in ENDED:
                self._tell(dataflow, job, where)
            shards.look()
            if self.max_run_duration and time.monotonic() - began > self.max_run_duration:
                what = f"the Dataflow job took longer than {self.max_run_duration} s, and was stopped"
                raise ZenMLError(what, where, f"Raise max_run_duration. See {self._page(id_)}")
            time.sleep(pause)
            pause = min(pause * 1.5, last)

    def _tell(self, dataflow: Dataflow, job: Body, where: str) -> None:
        page = self._page(job["id"])
        if job["currentState"] == "JOB_STATE_FAILED":
            try:
                said = dataflow.errors(job["id"])
            except ZenMLError as error:  # that it failed is to be told all the same
                what = f"the Dataflow job failed, and its messages cannot be read: {error}"
                raise ZenMLError(what, where, f"See {page}") from error
            raise ZenMLError([problem_of(said, where, page)])
        raise ZenMLError("the Dataflow job was stopped by somebody else", where, f"See {page}")

    def _give_up(self, dataflow: Dataflow, name: str) -> None:
        """Stop a job that nobody waits for any more, also where it is not known whether it was made."""
        try:
            job = dataflow.active(name)
            if job:
                dataflow.cancel(job["id"])
        except ZenMLError as error:
            Console().warn(f"The Dataflow job {name} could not be stopped: {error}. Try: zenml gc")

    def _page(self, id_: str) -> str:
        return f"https://console.cloud.google.com/dataflow/jobs/{self.region}/{id_}?project={self.project}"

    def _dataflow(self) -> Dataflow:
        return Dataflow(self._api(), self.project, self.region)

    def _api(self) -> GoogleAPI:
        return GoogleAPI(self.endpoint_url)
