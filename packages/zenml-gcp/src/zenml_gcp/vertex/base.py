"""GCAIPTrainingBackend: what the training backends on Vertex AI have in common."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from zenml.artifacts.store import ArtifactStore
from zenml.backends.placement import Device, Placement, Precision
from zenml.errors import ConfigError, Problem, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.canceling import PreemptedError
from zenml.runtime.remote_job import RemoteRun, Resource
from zenml.runtime.remote_shards import FOLDER, RemoteShards
from zenml.runtime.remote_training import RemoteTrainingBackend
from zenml_gcp import __version__, vm_fields
from zenml_gcp.google_api import GoogleAPI, connect
from zenml_gcp.google_trouble import RefusedError
from zenml_gcp.vertex.access import find_problems
from zenml_gcp.vertex.job import NAMES, job_body, job_name, run_of
from zenml_gcp.vertex.machines import accelerator, machine_problems, offer
from zenml_gcp.vertex.service import CustomJobs
from zenml_gcp.vertex.watch import watch
from zenml_gcp.vertex.words import refusal_of

_NO_ID = "0" * 16
_WEEK = 7 * 24 * 3600

Accelerator = Annotated[str, AfterValidator(accelerator)]
"""`NVIDIA_TESLA_T4`, `NVIDIA_L4`, …; `nvidia-tesla-t4` and `T4` are understood."""


class GCAIPTrainingBackend(RemoteTrainingBackend):
    """Base of the backends that train in a CustomJob of Vertex AI, the successor of AI Platform.

    The trainer's data and code go to `job_dir`, where it leaves checkpoints while it trains, and its model. The job
    works by a service account, and nothing that is secret is sent to it.
    """

    PAUSES: ClassVar[tuple[float, float]] = (1.0, 5.0)
    """Seconds between two looks at a job, at first and at last."""

    project: vm_fields.Project
    job_dir: vm_fields.Folder
    region: vm_fields.Region = "europe-west1"
    machine_type: vm_fields.MachineType = "n1-standard-4"
    image: vm_fields.Image = f"zenml/zenml:{__version__}-cuda"
    spot: bool = False
    max_restarts: int = Field(default=3, ge=0)
    max_running_time: int = Field(default=_WEEK, ge=60, le=4 * _WEEK)
    service_account: vm_fields.Account | None = None
    network: vm_fields.PeeredNetwork | None = None
    disk_size_gb: int = Field(default=100, ge=100, le=64000)
    disk_type: Literal["pd-ssd", "pd-standard", "hyperdisk-balanced"] | None = None
    device: Device = "auto"
    precision: Precision = "float32"
    extra_labels: dict[vm_fields.LabelKey, vm_fields.LabelValue] = Field(default_factory=dict)
    endpoint_url: vm_fields.Url | None = None

    @abstractmethod
    def accelerators(self) -> tuple[str | None, int]:
        """Return the type of each machine's accelerators, if it has any, and their number."""

    @property
    def staging(self) -> ArtifactStore:
        """The store at `job_dir`."""
        return ArtifactStore(self.job_dir)

    def placement(self) -> Placement:
        """Say on what each machine trains."""
        return Placement(device=self.device if self.accelerators()[0] else "cpu", precision=self.precision)

    def check(self) -> Iterable[Problem]:
        """Find machines and accelerators that there are not, or that do not go together."""
        where = type(self).__name__
        yield from super().check()
        kind, count = self.accelerators()
        yield from machine_problems(self.machine_type, kind, count, spot=self.spot, where=where)
        if self.device == "mps":
            yield Problem("Vertex AI has no mps devices", f"{where}.device", "Choose cuda, cpu or auto")
        if self.precision == "float16" and (kind is None or self.device == "cpu"):
            yield Problem("float16 needs an accelerator", f"{where}.precision", "Choose bfloat16 or float32")

    def access_problems(self) -> Iterable[Problem]:
        """Look at credentials, permissions, region, bucket and service account."""
        return find_problems(self, self._api())

    def render(self, run_id: str, labels: Mapping[str, str]) -> list[Resource]:
        """Return the job as it would be sent; what follows from what is staged has zeros in its place."""
        uri = self.staging.uri(f"{FOLDER}/{run_id}/{_NO_ID}")
        body = job_body(self, run_id, _NO_ID, labels, self._command(uri), {})
        return [Resource("CustomJob", str(body["displayName"]), body)]

    def work(self, shards: RemoteShards) -> None:
        """Train in a job on Vertex AI; in the one that is there already for the same training, if there is one."""
        jobs = self._jobs()
        body = job_body(
            self, shards.run_id, shards.id, shards.labels, self._command(shards.uri), dict(shards.environment)
        )
        try:
            taken = self._train(jobs, body, shards)
            for number in range(1, self.max_restarts + 1):
                if taken is None:
                    break
                print(f"its machine was taken away; another one goes on ({number} of {self.max_restarts})")  # noqa: T201 - the step's log
                taken = self._train(jobs, body, shards)
            if taken is not None:
                raise taken
        except PreemptedError:
            raise  # the run goes on elsewhere, and finds the job
        except BaseException:
            with contextlib.suppress(ZenMLError):  # `zenml gc` finds a job that cannot be stopped now
                for job in jobs.active(job_name(shards.run_id, shards.id)):
                    jobs.cancel(str(job["name"]))
            raise

    def list_jobs(self) -> list[RemoteRun]:
        """Return the runs that have jobs which have not ended."""
        found: dict[str, list[str]] = {}
        for job in self._jobs().active(NAMES):
            name = str(job["displayName"])
            if run_of(name):
                found.setdefault(run_of(name), []).append(f"job/{name}")
        return [RemoteRun(run_id, "", State.RUNNING, tuple(names)) for run_id, names in sorted(found.items())]

    def end_jobs(self, run_id: str) -> None:
        """Stop the jobs of a run that have not ended."""
        jobs = self._jobs()
        for job in jobs.active(job_name(run_id, "")):
            jobs.cancel(str(job["name"]))

    def _train(self, jobs: CustomJobs, body: Mapping[str, object], shards: RemoteShards) -> ZenMLError | None:
        """Submit the job and wait for it; return how its machine was taken away, if it was."""
        try:
            name = str(jobs.submit(body)["name"])
        except RefusedError as error:
            known = refusal_of(error.code, error.problems[0].what, type(self).__name__, offer(*self.accelerators()))
            if known is None:
                raise
            raise ConfigError([known]) from error
        link = self._page(name)
        print(f"Vertex AI trains: {link}")  # noqa: T201 - the step's log
        return watch(self, jobs, name, link, shards)

    def _command(self, uri: str) -> list[str]:
        if self.machines() == 1:
            return ["python", "-m", "zenml.entrypoint", "train", "--job", uri]
        return ["python", "-m", "zenml_gcp.vertex.replica", uri]

    def _page(self, name: str) -> str:
        base = "https://console.cloud.google.com/ai/platform/locations"
        return f"{base}/{self.region}/training/{name.rpartition('/')[2]}?project={self.project}"

    def _jobs(self) -> CustomJobs:
        return CustomJobs(self._api(), self.project, self.region)

    def _api(self) -> GoogleAPI:
        return connect(self.endpoint_url)
