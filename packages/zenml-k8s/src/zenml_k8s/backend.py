"""OrchestratorKubernetesBackend: a pipeline as a Job on a Kubernetes cluster."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from zenml import __version__
from zenml.artifacts.store import ArtifactStore
from zenml.backends.launch import Launch
from zenml.errors import ConfigError, Problem, SpecError, ZenMLError
from zenml.metadata.records import State
from zenml.runtime.remote import JobStatus, RemoteJob, RemoteOrchestratorBackend, RemoteRun, Resource, Staging
from zenml_k8s import fields
from zenml_k8s.access import find_problems
from zenml_k8s.cluster import Body, Cluster, connect
from zenml_k8s.explain import status_of
from zenml_k8s.log_stream import LogStream
from zenml_k8s.manifest import PIPELINE_LABEL, RUN_LABEL, job_manifest, secret_manifest
from zenml_k8s.trouble import RefusedError, UnreachableError, passes

IMAGE = f"zenml/zenml:{__version__}"
"""The image where none is named."""

_PAUSE = 0.2
_MARGIN = 60.0
"""Seconds that a cluster may take to delete a Job beyond its grace."""


class OrchestratorKubernetesBackend(RemoteOrchestratorBackend):
    """Run the packaged pipeline as a Job on a Kubernetes cluster.

    The Job, and a Secret for what is secret, carry the run's label; the Secret belongs to the Job and goes with it. The
    pod may run in a namespace that enforces the Pod Security standard `restricted`. A preempted or evicted pod is
    started again and goes on where it was.

    Args:
        kubernetes_config_path: the kubeconfig; by default what `KUBECONFIG` names, `~/.kube/config`, or the service
            account of the pod that this process runs in.
        context: of the kubeconfig; by default its current one.
        namespace: by default the context's.
        image: with Python and ZenML in it, and a numeric user that is not root.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`.
        image_pull_secrets: names of Secrets for the image's registry.
        service_account: of the pod; its token is mounted only where one is named.
        resources: `{"requests": {…}, "limits": {…}}` with cpu, memory, nvidia.com/gpu, …
        node_selector: labels of the nodes that may run it.
        tolerations: taints that it puts up with, in Kubernetes' words.
        priority_class: name of its PriorityClass.
        env_from: Secrets and ConfigMaps whose keys become variables, in Kubernetes' words.
        mounts: volume claims by the path at which they are mounted; a local artifact store below one is reached.
        scratch_size: most that the job may write to its own disk.
        run_as_user: numeric user, where the image names none.
        ttl_seconds_after_finished: how long the ended Job is kept.
        preemptions: how often it may be preempted or evicted and go on.
        backoff_limit: how often it starts again after an end that is neither a preemption nor a failed pipeline.
        active_deadline_seconds: how long it may run; the Job, with what it waits for, may take `grace_seconds` longer.
        grace_seconds: how long it may take to end when it is stopped.
        extra_labels: more labels for all that is made.
        extra_annotations: more annotations for all that is made.
        job_prefix: what the names of Jobs begin with; the run's id follows.
    """

    kubernetes_config_path: str | None = None
    context: str | None = None
    namespace: fields.Namespace | None = None
    image: fields.Image = IMAGE
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: list[fields.ObjectName] = Field(default_factory=list)
    service_account: fields.ObjectName | None = None
    resources: fields.Resources = Field(default_factory=lambda: fields.Resources())
    node_selector: dict[fields.Key, fields.LabelValue] = Field(default_factory=dict)
    tolerations: list[fields.Toleration] = Field(default_factory=list)
    priority_class: fields.ObjectName | None = None
    env_from: list[fields.EnvSource] = Field(default_factory=list)
    mounts: dict[fields.MountPath, fields.ObjectName] = Field(default_factory=dict)
    scratch_size: fields.Quantity | None = None
    run_as_user: int | None = Field(default=None, ge=1)
    ttl_seconds_after_finished: int | None = Field(default=3600, ge=0)
    preemptions: int = Field(default=3, ge=0)
    backoff_limit: int = Field(default=0, ge=0)
    active_deadline_seconds: int | None = Field(default=None, ge=1)
    grace_seconds: int = Field(default=60, ge=1)
    extra_labels: dict[fields.Key, fields.LabelValue] = Field(default_factory=dict)
    extra_annotations: dict[fields.Key, str] = Field(default_factory=dict)
    job_prefix: fields.Prefix = "zenml-"

    @field_validator("env_from")
    @classmethod
    def _one_source(cls, value: list[fields.EnvSource]) -> list[fields.EnvSource]:
        for source in value:
            if ("secretRef" in source) == ("configMapRef" in source):
                raise ValueError("each source is {'secretRef': {'name': …}} or {'configMapRef': {'name': …}}")
        return value

    @property
    def deadline(self) -> int | None:
        """How many seconds the job may take."""
        return self.active_deadline_seconds

    @property
    def preemption_budget(self) -> int:
        """How often the job may be preempted, or vanish, and go on; its supervisor cannot tell what made it vanish."""
        return self.preemptions + self.backoff_limit

    @property
    def reaches_local_files(self) -> bool:
        """Whether there are mounts; `stage` sees to it that the stores are below them."""
        return bool(self.mounts)

    def stage(self, launch: Launch, *, access: bool = True) -> Staging:
        """Check that a launch can run on the cluster, and describe it as a job."""
        staging = super().stage(launch, access=access)
        far = [path for path in staging.job.local_files if not self._is_mounted(path)]
        if far:
            mend = "Mount a volume claim there: mounts={PATH: CLAIM}; or set a store that other machines reach"
            raise SpecError([Problem(f"{path} is not below any of mounts", "run.backend", mend) for path in far])
        return staging

    def check_access(self) -> None:
        """Raise a ConfigError with everything that would keep a Job from being made, or from starting."""
        problems = find_problems(self, self._cluster())
        if problems:
            raise ConfigError(problems)

    def render(self, job: RemoteJob) -> list[Resource]:
        """Return the Job, and the Secret that it takes secret variables from."""
        name = self._name(job.run_id)
        made = [Resource("Job", name, job_manifest(self, job, name))]
        if job.secrets:
            made.insert(0, Resource("Secret", name, secret_manifest(self, job, name)))
        return made

    def deliver_secrets(self, job: RemoteJob, values: Mapping[str, str]) -> None:
        """Make the run's Secret; it is given to the Job once that is there."""
        cluster, name = self._cluster(), self._name(job.run_id)
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        if cluster.create("secrets", {**secret_manifest(self, job, name), "data": data}) is None:
            # Of a try that was cut off, or of an earlier life, with whose Job it must not go.
            cluster.merge("secrets", name, {"data": data, "metadata": {"ownerReferences": None}})

    def submit(self, job: RemoteJob, resources: Sequence[Resource]) -> None:
        """Make the Job, or find it made."""
        cluster = self._cluster()
        for resource in resources:
            if resource.kind == "Job":
                made = self._make_job(cluster, job.run_id, resource)
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": made["metadata"]["name"]}
        owner["uid"] = made["metadata"]["uid"]
        for resource in resources:
            owned = {"metadata": {"ownerReferences": [owner]}}
            if resource.kind == "Secret" and cluster.merge("secrets", resource.name, owned) is None:
                raise ZenMLError(f"the Secret {resource.name} was deleted meanwhile", cluster.address, "Run again")

    def status(self, run_id: str, store: ArtifactStore) -> JobStatus:
        """Return what the cluster says about the Job, its pods and the events around them.

        A cluster that does not answer for a while ends no run: the reason says so.
        """
        cluster = self._cluster()
        try:
            job = cluster.get("jobs", self._name(run_id))
            return _seen(cluster, job, self._pods(cluster, run_id))
        except (RefusedError, UnreachableError) as error:
            if not passes(error):
                raise
            return JobStatus(State.PENDING, str(error))

    def logs(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Give the lines that the job printed, those of every pod that was started for it."""
        cluster = self._cluster()

        def is_over() -> bool:
            job = cluster.get("jobs", self._name(run_id))
            return _seen(cluster, job, self._pods(cluster, run_id)).state.ended

        return LogStream(cluster, lambda: self._pods(cluster, run_id), is_over).lines(follow=follow)

    def cancel(self, run_id: str, store: ArtifactStore) -> None:
        """Delete the Job after its pod, which is given the time of grace to say how it ended."""
        self._cluster().delete("jobs", self._name(run_id), "Foreground")

    def list_runs(self) -> list[RemoteRun]:
        """Return the runs of which there is a Job or a Secret."""
        cluster = self._cluster()
        jobs, secrets, pods = (_by_run(cluster.list(kind, RUN_LABEL)) for kind in ("jobs", "secrets", "pods"))
        found = []
        for run_id in sorted({*jobs, *secrets}):
            made = [*jobs.get(run_id, ()), *secrets.get(run_id, ())]
            kinds = ["Job"] * len(jobs.get(run_id, ())) + ["Secret"] * len(secrets.get(run_id, ()))
            names = tuple(f"{kind}/{body['metadata']['name']}" for kind, body in zip(kinds, made, strict=True))
            pipeline = made[0]["metadata"]["labels"].get(PIPELINE_LABEL, "")
            job = next(iter(jobs.get(run_id, ())), None)
            found.append(RemoteRun(run_id, pipeline, _seen(cluster, job, pods.get(run_id, [])).state, names))
        return found

    def clean_up(self, run_id: str) -> None:
        """Delete whatever carries the run's label; no error where there is nothing."""
        cluster = self._cluster()
        for resource in ("jobs", "secrets"):
            for body in cluster.list(resource, f"{RUN_LABEL}={run_id}"):
                cluster.delete(resource, body["metadata"]["name"])

    def _cluster(self) -> Cluster:
        return connect(self.kubernetes_config_path, self.context, self.namespace)

    def _is_mounted(self, path: str) -> bool:
        return any(Path(path).is_relative_to(place) for place in self.mounts)

    def _name(self, run_id: str) -> str:
        return f"{self.job_prefix}{run_id}"

    def _pods(self, cluster: Cluster, run_id: str) -> list[Body]:
        pods = cluster.list("pods", f"{RUN_LABEL}={run_id}")
        return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def _make_job(self, cluster: Cluster, run_id: str, resource: Resource) -> Body:
        """Make the Job; one that is there already counts, unless it failed in an earlier life of the run."""
        name = resource.name
        found = cluster.get("jobs", name)
        if found and _is_of(found, run_id) and _is_spent(found):
            if "deletionTimestamp" not in found["metadata"]:
                cluster.delete("jobs", name, "Foreground")
            self._wait_until_gone(cluster, found)  # and with it its pod, so that no two work on the run
            found = None
        found = found or cluster.create("jobs", resource.body) or cluster.get("jobs", name)
        if found is None:
            raise ConfigError(f"the Job {name} was deleted while it was made", cluster.address, "Run again")
        if not _is_of(found, run_id):
            what = f"there is a Job {name} already, which is not of this run"
            raise ConfigError(what, cluster.address, "Choose another job_prefix=…")
        return found

    def _wait_until_gone(self, cluster: Cluster, job: Body) -> None:
        until = time.monotonic() + self.grace_seconds + _MARGIN
        while (found := cluster.get("jobs", job["metadata"]["name"])) and _uid(found) == _uid(job):
            if time.monotonic() > until:
                name = job["metadata"]["name"]
                raise ZenMLError(f"the Job {name} of an earlier life of this run does not go", cluster.address)
            time.sleep(_PAUSE)


def _uid(body: Body) -> str:
    return str(body["metadata"]["uid"])


def _is_of(job: Body, run_id: str) -> bool:
    return bool((job["metadata"].get("labels") or {}).get(RUN_LABEL) == run_id)


def _is_spent(job: Body) -> bool:
    """Tell whether a Job will do no more, and did not do what it was for."""
    return "deletionTimestamp" in job["metadata"] or status_of(job, [], []).state is State.FAILED


def _events(cluster: Cluster, job: Body, pods: Sequence[Body]) -> list[Body]:
    """Return the events about a Job and its latest pod; about all of its pods where none is left."""
    about = [f"involvedObject.uid={_uid(body)}" for body in [job, *pods[-1:]]]
    about += [] if pods else ["involvedObject.kind=Pod"]
    name = job["metadata"]["name"]
    try:
        found = [event for fields in about for event in cluster.list("events", fields=fields)]
    except RefusedError as error:
        if error.code != 403:
            raise
        return []  # it is explained with less detail
    return [event for event in found if str(event["involvedObject"]["name"]).startswith(name)]


def _by_run(bodies: Sequence[Body]) -> dict[str, list[Body]]:
    """Return objects by the run that their label names."""
    found: dict[str, list[Body]] = {}
    for body in bodies:
        found.setdefault(str(body["metadata"]["labels"][RUN_LABEL]), []).append(body)
    return found


def _seen(cluster: Cluster, job: Body | None, pods: Sequence[Body]) -> JobStatus:
    """Return how a run stands, by its Job and its pods; events are asked for where these do not say enough."""
    if job is None:
        return status_of(job, pods, [])
    owned = [pod for pod in pods if _uid(job) in [row["uid"] for row in pod["metadata"].get("ownerReferences", ())]]
    seen = status_of(job, owned, [])
    if seen.state in (State.RUNNING, State.COMPLETE):
        return seen
    return status_of(job, owned, _events(cluster, job, owned))
