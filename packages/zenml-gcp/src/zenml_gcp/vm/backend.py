"""OrchestratorGCPBackend: a pipeline on a machine of Compute Engine that is made for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from pydantic import Field, model_validator

from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.errors import ConfigError, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.job_folder import JobFolder
from zenml.runtime.remote import JobStatus, RemoteJob, RemoteOrchestratorBackend, RemoteRun, Resource, Staging
from zenml_gcp import __version__, vm_fields
from zenml_gcp.compute import Compute, lines_of
from zenml_gcp.google_api import Body, GoogleAPI, connect
from zenml_gcp.google_trouble import RefusedError, passes
from zenml_gcp.vm.access import find_problems, loopback_problems
from zenml_gcp.vm.cloud_init import NOTE
from zenml_gcp.vm.cloud_logging import container_lines
from zenml_gcp.vm.explain import is_stopped, of_absent, of_noted, of_present, state_of
from zenml_gcp.vm.instance import MARGIN, PIPELINE_LABEL, RUN_LABEL, has_built_in_gpu, instance_body, secret_body
from zenml_gcp.vm.operation import preemptions_of, recent_refusal, words_of
from zenml_gcp.vm.run_secrets import RunSecrets

_CONSOLE = "https://console.cloud.google.com"
_PAUSE = 2.0
_START_AGAIN = 60.0
"""Seconds after which a machine that could not be started again is tried once more."""


class OrchestratorGCPBackend(RemoteOrchestratorBackend):
    """Run the packaged pipeline in a container on a machine of Compute Engine, which deletes itself at the end.

    The machine runs Container-Optimized OS, and works by its service account: no credentials are sent to it. What is
    secret travels through Secret Manager. A machine that was preempted is started again by whoever looks at the run,
    and the run goes on where it was.

    Args:
        project: in which the machine is made.
        zone: of the machine: `europe-west1-b`.
        cloudsql_connection_name: `PROJECT:REGION:INSTANCE` of a Cloud SQL database; the job reaches it at `127.0.0.1`.
        cloudsql_port: where on the machine the database is reached: 3306 for MySQL, 5432 for PostgreSQL.
        cloudsql_private_ip: reach the database by its private address.
        image: with Python and ZenML in it.
        machine_type: `e2-standard-4`, `n2-highmem-8`, …
        preemptible: a spot machine: cheaper, and taken away when Google needs it.
        preemptions: how often the machine may be taken away and the run go on.
        gpu: accelerator and number: `nvidia-tesla-t4`, `nvidia-tesla-t4:2`.
        service_account: that the machine works by; by default the project's own for Compute Engine.
        disk_size_gb: of the machine's disk.
        disk_type: `pd-balanced`, `pd-ssd`, …; by default what the machine type takes.
        network: by default `default`, where no subnetwork is named.
        subnetwork: of the zone's region.
        external_ip: whether the machine has an address outside of the network.
        tags: network tags, for rules of the firewall.
        max_run_duration: how many seconds the job may take.
        machine_image: another image of the machine's system than the newest Container-Optimized OS.
        user: numbers of user and group in the container.
        secret_locations: regions in which secrets are kept; by default Google chooses.
        extra_labels: more labels for all that is made.
        endpoint_url: address of another service than Google's, such as an emulator.
    """

    project: vm_fields.Project
    zone: vm_fields.Zone
    cloudsql_connection_name: vm_fields.Connection | None = None
    cloudsql_port: int = Field(default=3306, ge=1, le=65535)
    cloudsql_private_ip: bool = False
    image: vm_fields.Image = f"zenml/zenml:{__version__}"
    machine_type: vm_fields.MachineType = "e2-standard-4"
    preemptible: bool = False
    preemptions: int = Field(default=3, ge=0)
    gpu: vm_fields.Gpu | None = None
    service_account: vm_fields.Account | None = None
    disk_size_gb: int = Field(default=50, ge=10, le=65536)
    disk_type: vm_fields.MachineType | None = None
    network: vm_fields.Name | None = None
    subnetwork: vm_fields.Name | None = None
    external_ip: bool = True
    tags: list[vm_fields.Name] = Field(default_factory=list)
    max_run_duration: int | None = Field(default=None, ge=1, le=120 * 86400 - MARGIN)
    machine_image: str | None = None
    user: vm_fields.User = "10001:10001"
    secret_locations: list[str] = Field(default_factory=list)
    extra_labels: dict[vm_fields.LabelKey, vm_fields.LabelValue] = Field(default_factory=dict)
    endpoint_url: vm_fields.Url | None = None

    @model_validator(mode="after")
    def _gpu_fits(self) -> OrchestratorGCPBackend:
        if self.gpu and has_built_in_gpu(self.machine_type):
            raise ValueError(f"machines of type {self.machine_type} have their GPUs built in: leave gpu out")
        return self

    @property
    def region(self) -> str:
        """The zone's region."""
        return self.zone.rpartition("-")[0]

    @property
    def has_gpu(self) -> bool:
        """Whether the machine has a GPU."""
        return self.gpu is not None or has_built_in_gpu(self.machine_type)

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take."""
        return self.max_run_duration

    @property
    def preemption_budget(self) -> int:
        """How often the machine may be taken away and the run go on."""
        return self.preemptions

    def check_access(self) -> None:
        """Find out whether the machine could be made.

        Raises:
            ConfigError: every problem, and how to mend it.
        """
        problems = list(find_problems(self, self._api(), None))
        if problems:
            raise ConfigError(problems)

    def stage(self, launch: Launch, *, access: bool = True) -> Staging:
        """Check that a launch can run on a machine of its own, and describe it as a job; nothing is written or made."""
        problems = list(loopback_problems(self, launch))
        if access:
            problems += find_problems(self, self._api(), launch.store)
        if problems:
            raise ConfigError(problems)
        return super().stage(launch, access=False)

    def render(self, job: RemoteJob) -> list[Resource]:
        """Return the machine, and the secret that it reads; the secret's value is no part of it."""
        name = machine_name(job.run_id)
        made = [Resource("Instance", name, instance_body(self, job, name))]
        if job.secrets:
            made.insert(0, Resource("Secret", name, secret_body(self, job)))
        return made

    def deliver_secrets(self, job: RemoteJob, values: Mapping[str, str]) -> None:
        """Put the secrets into Secret Manager, from where the machine fetches them."""
        self._secrets().put(machine_name(job.run_id), secret_body(self, job), values)

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Make the machine; one of this run that is there already counts, unless its run has ended."""
        compute = self._compute()
        for resource in resources:
            if resource.kind != "Instance" or compute.insert(self.zone, resource.body):
                continue
            found = compute.get(self.zone, resource.name)
            if found and found.get("labels", {}).get(RUN_LABEL) != job.run_id:
                what = f"there is a machine {resource.name} already, which is not of this run"
                raise ConfigError(what, self.zone, "Delete it: gcloud compute instances delete")
            if found is None or is_stopped(found) or found.get("status") == "STOPPING":  # of an earlier life of the run
                compute.delete(self.zone, resource.name, wait=True)
                if not compute.insert(self.zone, resource.body):
                    raise ZenMLError(f"the machine {resource.name} is being made by somebody else", self.zone)

    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return how the run's machine stands; one that was preempted is started again.

        A service that does not answer for a while ends no run: the reason says so.
        """
        try:
            return self._status(run_id, store)
        except ZenMLError as error:
            if not passes(error):
                raise
            return JobStatus(State.PENDING, str(error))

    def _status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        compute, name = self._compute(), machine_name(run_id)
        found = compute.get(self.zone, name)
        if found and not is_stopped(found):
            return of_present(found, self._link(name))
        operations = self._operations(compute, name)
        link = self._link(name) if found else self._log_link(name)
        ids = [(found or {}).get("id"), *(operation.get("targetId") for operation in operations)]
        machine = next(filter(None, ids), None)  # machines of earlier lives of the run had the same name
        operations = [operation for operation in operations if operation.get("targetId", machine) == machine]
        noted = of_noted(_note(store, run_id), str(machine or ""), link)
        if noted:
            return noted
        if found is None or not self._may_go_on(operations):
            return self._over(operations, link)
        refused = recent_refusal(operations, time.time() - _START_AGAIN)
        if refused is None:
            try:
                compute.start(self.zone, name)
            except ConfigError as error:
                if passes(error):
                    raise
                refused = str(error)
        if refused:
            return JobStatus(
                State.PENDING, f"its machine was preempted, and waits to be started again: {refused}", link
            )
        return JobStatus(State.PENDING, "its machine was preempted, and is started again", link)

    def _may_go_on(self, operations: Sequence[Body]) -> bool:
        """Tell whether a machine that does not run was taken away by Google, and not too often."""
        took = next((words for words in map(words_of, operations) if words), "")
        if took.startswith(("was stopped", "was deleted", "shut itself down")):
            return False
        return preemptions_of(operations) <= self.preemptions

    def _over(self, operations: Sequence[Body], link: str) -> JobStatus:
        times = preemptions_of(operations)
        if times > self.preemptions:
            what = f"its machine was preempted {times} times, more than the {self.preemptions} allowed"
            return JobStatus(State.FAILED, what, link)
        return of_absent(operations, self.max_run_duration, link)

    def logs(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Yield what the machine printed to its console; once it is gone, what its containers printed."""
        compute, name = self._compute(), machine_name(run_id)
        start, rest, last = 0, "", ""
        while found := compute.console(self.zone, name, start):
            text, after = found
            *lines, rest = lines_of(rest + text)
            yield from lines
            last = next(filter(None, reversed(lines)), last)
            if not follow or (after == start and not self._runs(compute, name)):
                yield from [rest] if rest else []
                return
            if after == start:
                time.sleep(_PAUSE)
            start = after
        kept = list(container_lines(compute.api, self.project, name))
        told = max((number for number, line in enumerate(kept, 1) if line == last), default=0)
        yield from kept[told if last else 0 :]

    def _runs(self, compute: Compute, name: str) -> bool:
        found = compute.get(self.zone, name)
        return found is not None and not is_stopped(found)

    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Delete the machine, which lets the job say how it ended; and the run's secret."""
        name = machine_name(run_id)
        self._secrets().delete(name)
        self._compute().delete(self.zone, name, wait=False)

    def list_runs(self) -> list[RemoteRun]:
        """Return the runs of which the project has a machine, in whatever zone, or a secret."""
        found: dict[str, list[tuple[str, Body]]] = {}
        for instance in self._machines(f"labels.{RUN_LABEL}:*"):
            found.setdefault(instance["labels"][RUN_LABEL], []).append((f"Instance/{instance['name']}", instance))
        for secret in self._listed_secrets(f"labels.{RUN_LABEL}:*"):
            found.setdefault(secret["labels"][RUN_LABEL], []).append((f"Secret/{secret['name']}", secret))
        return [_remote_run(run_id, made) for run_id, made in sorted(found.items())]

    def clean_up(self, run_id: str) -> None:
        """Delete whatever carries the run's label; no error where there is nothing."""
        compute = self._compute()
        chosen = f"labels.{RUN_LABEL}={run_id}"
        for secret in self._listed_secrets(chosen):
            self._secrets().delete(secret["name"])
        for instance in self._machines(chosen):
            compute.delete(str(instance["zone"]).rpartition("/")[2], instance["name"], wait=True)

    def _machines(self, labels: str) -> list[Body]:
        """Return the machines of runs; those that carry a run's label for another service, as Dataflow's, are not."""
        found = self._compute().instances(labels)
        return [instance for instance in found if instance["name"] == machine_name(instance["labels"][RUN_LABEL])]

    def _listed_secrets(self, labels: str) -> list[Body]:
        """Return the secrets of runs; none where Secret Manager is not in use."""
        try:
            return self._secrets().list(labels)
        except RefusedError as error:
            if error.reason not in ("SERVICE_DISABLED", "accessNotConfigured") and "is not enabled" not in str(error):
                raise
            return []

    def _operations(self, compute: Compute, name: str) -> list[Body]:
        """Return what was done to the machine; nothing where one may not know."""
        try:
            return compute.operations(self.zone, name)
        except RefusedError as error:
            if error.code != 403 or passes(error):
                raise
            return []

    def _api(self) -> GoogleAPI:
        return connect(self.endpoint_url)

    def _compute(self) -> Compute:
        return Compute(self._api(), self.project)

    def _secrets(self) -> RunSecrets:
        return RunSecrets(self._api(), self.project)

    def _link(self, name: str) -> str:
        query = urlencode({"project": self.project})
        return f"{_CONSOLE}/compute/instancesDetail/zones/{self.zone}/instances/{name}?{query}"

    def _log_link(self, name: str) -> str:
        query = urlencode({"query": f'labels."compute.googleapis.com/resource_name"="{name}"'})
        return f"{_CONSOLE}/logs/query;{query}?{urlencode({'project': self.project})}"


def machine_name(run_id: str) -> str:
    """Return the name of a run's machine, and of its secret."""
    return f"zenml-{run_id}"


def _note(store: ArtifactStore, run_id: str) -> str:
    folder = JobFolder(store, run_id)
    key = folder.key(NOTE)
    return store.read_bytes(key).decode(errors="replace") if store.has(key) else ""


def _remote_run(run_id: str, made: list[tuple[str, Body]]) -> RemoteRun:
    machine = next((body for name, body in made if name.startswith("Instance/")), None)
    pipeline = made[0][1].get("labels", {}).get(PIPELINE_LABEL, "")
    state = state_of(machine) if machine else State.LOST
    return RemoteRun(run_id, pipeline, state, tuple(name for name, _ in made))
