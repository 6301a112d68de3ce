"""The node: schedules pods, pulls their images, and runs each one's command as a fresh process."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from kube_double.container import Container, Misconfigured, environment_of
from kube_double.objects import Body, Objects, now
from kube_double.validation import quantity

_IMAGE = re.compile(
    r"([a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*"
    r"(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_BACK_OFF = 0.3
"""Seconds after which a failed pull is said to back off; a real kubelet takes ten."""

ENDED = ("Succeeded", "Failed")


class Node:
    """The one node of the cluster.

    Args:
        objects: where the pods are.
        folder: for the scratch folders of pods.
        clock: seconds that only grow.
    """

    def __init__(self, objects: Objects, folder: Path, clock: Callable[[], float]) -> None:
        self.pull_errors: dict[str, str] = {}
        """Images that cannot be pulled, each with what the registry says."""
        self.cached_images: set[str] = set()
        """Images that are there for the pull policy `Never`."""
        self.root_images: set[str] = set()
        """Images whose user is root."""
        self.unschedulable = ""
        """Why no pod fits, where none is to fit."""
        self.labels: dict[str, str] = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        self.capacity: dict[str, Decimal] = {"cpu": Decimal(8), "memory": quantity("32Gi")}
        self.taints: list[Body] = []
        self.containers: dict[str, Container] = {}
        self._objects, self._folder, self._clock = objects, folder, clock
        self._pulls: dict[str, float] = {}

    def tick(self) -> None:
        """Take every pod one step further."""
        for pod in self._objects.all("pods"):
            phase = pod["status"].get("phase")
            if phase in ENDED:
                continue
            if pod["metadata"]["uid"] in self.containers:
                self._watch(pod)
            elif pod["metadata"].get("deletionTimestamp"):
                self._end(pod, "Failed")
            elif not pod["spec"].get("nodeName"):
                self._schedule(pod)
            else:
                self._begin(pod)

    def stop(self) -> None:
        """Kill whatever runs."""
        for container in self.containers.values():
            container.stop()

    def out_of_memory(self, pod: Body) -> None:
        """Kill a pod's processes as the kernel does where they exceed the memory limit."""
        self.containers[pod["metadata"]["uid"]].kill(out_of_memory=True)

    def press(self, pod: Body, resource: str = "memory") -> None:
        """End a pod as the kubelet does where its node runs low on something: the pod stays, as Failed."""
        with self._objects.changed:
            condition(pod, "DisruptionTarget", "TerminationByKubelet", "The node was low on resource")
            pod["status"] |= {"reason": "Evicted", "message": f"The node was low on resource: {resource}. "}
            self.containers[pod["metadata"]["uid"]].terminate(0.0)
            self._objects.event(pod, "Evicted", pod["status"]["message"])

    def _schedule(self, pod: Body) -> None:
        why = self.unschedulable or self._misfit(pod["spec"], pod["metadata"]["namespace"])
        if why:
            message = f"0/1 nodes are available: {why}."
            found = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            if pod["status"].get("conditions") != [found]:
                pod["status"]["conditions"] = [found]
                self._objects.event(pod, "FailedScheduling", message)
                self._objects.touch(pod)
            return
        pod["spec"]["nodeName"] = "node-1"
        condition(pod, "PodScheduled")
        self._objects.event(pod, "Scheduled", "Successfully assigned to node-1", "Normal")
        self._objects.touch(pod)

    def _misfit(self, spec: Body, namespace: str) -> str:
        asked: dict[str, Decimal] = {}
        for container in spec["containers"]:
            own = container.get("resources") or {}
            for name, amount in {**(own.get("limits") or {}), **(own.get("requests") or {})}.items():
                asked[name] = asked.get(name, Decimal(0)) + quantity(amount)
        for name, amount in asked.items():
            if amount > self.capacity.get(name, Decimal(0)):
                return f"1 Insufficient {name}"
        for volume in spec.get("volumes") or ():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and not self._objects.find("persistentvolumeclaims", namespace, claim):
                return f'persistentvolumeclaim "{claim}" not found'
        wanted = spec.get("nodeSelector") or {}
        if any(self.labels.get(key) != value for key, value in wanted.items()):
            return "1 node(s) didn't match Pod's node affinity/selector"
        for taint in self.taints:
            if not any(_tolerates(each, taint) for each in spec.get("tolerations") or ()):
                return f"1 node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        return ""

    def _begin(self, pod: Body) -> None:
        (spec,) = pod["spec"]["containers"]
        image = spec["image"]
        if not _IMAGE.fullmatch(image):
            said = f'Failed to apply default image tag "{image}": couldn\'t parse image name: invalid reference format'
            self._wait(pod, "InvalidImageName", said, "InspectFailed")
        elif spec.get("imagePullPolicy") == "Never" and image not in self.cached_images:
            said = f'Container image "{image}" is not present with pull policy of Never'
            self._wait(pod, "ErrImageNeverPull", said, "ErrImageNeverPull")
        elif image in self.pull_errors:
            self._fail_pull(pod, image)
        else:
            security = {**(pod["spec"].get("securityContext") or {}), **(spec.get("securityContext") or {})}
            try:
                if image in self.root_images and security.get("runAsNonRoot") and not security.get("runAsUser"):
                    raise Misconfigured("container has runAsNonRoot and image will run as root")
                self._start(pod, spec)
            except Misconfigured as error:
                self._wait(pod, "CreateContainerConfigError", str(error), "Failed", f"Error: {error}")

    def _fail_pull(self, pod: Body, image: str) -> None:
        uid = pod["metadata"]["uid"]
        began = self._pulls.setdefault(uid, self._clock())
        said = f'Failed to pull image "{image}": {self.pull_errors[image]}'
        if self._clock() - began < _BACK_OFF:
            self._wait(pod, "ErrImagePull", self.pull_errors[image], "Failed", said)
        else:
            self._wait(pod, "ImagePullBackOff", f'Back-off pulling image "{image}"', "BackOff")

    def _wait(self, pod: Body, reason: str, message: str, event: str, told: str = "") -> None:
        (spec,) = pod["spec"]["containers"]
        state = {"waiting": {"reason": reason, "message": message}}
        found = {"name": spec["name"], "image": spec["image"], "ready": False, "restartCount": 0, "state": state}
        if pod["status"].get("containerStatuses") != [found]:
            pod["status"]["containerStatuses"] = [found]
            self._objects.event(pod, event, told or message)
            self._objects.touch(pod)

    def _start(self, pod: Body, spec: Body) -> None:
        meta = pod["metadata"]
        variables = environment_of(self._objects, pod, spec)
        container = Container.start(spec, variables, pod["spec"].get("volumes") or [], self._folder / meta["uid"])
        self.containers[meta["uid"]] = container
        state = {"running": {"startedAt": now()}}
        status = {"name": spec["name"], "image": spec["image"], "ready": True, "restartCount": 0, "state": state}
        pod["status"] |= {"phase": "Running", "startTime": now(), "containerStatuses": [status]}
        self._objects.event(pod, "Started", f"Started container {spec['name']}", "Normal")
        self._objects.touch(pod)

    def _watch(self, pod: Body) -> None:
        container, meta = self.containers[pod["metadata"]["uid"]], pod["metadata"]
        if meta.get("deletionTimestamp") and not container.stopping:
            container.terminate(meta["deletionGracePeriodSeconds"])
        code = container.poll(self._clock)
        if code is None:
            return
        (status,) = pod["status"]["containerStatuses"]
        reason = "OOMKilled" if container.out_of_memory else "Error" if code else "Completed"
        began = status["state"]["running"]["startedAt"]
        ended = {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": now()}
        status |= {"ready": False, "state": {"terminated": ended}}
        self._end(pod, "Failed" if code or "reason" in pod["status"] else "Succeeded")

    def _end(self, pod: Body, phase: str) -> None:
        pod["status"]["phase"] = phase
        if pod["metadata"].get("deletionTimestamp") and not pod["metadata"].get("ownerReferences"):
            self._objects.drop("pods", pod)
        self._objects.touch(pod)


def condition(body: Body, kind: str, reason: str = "", message: str = "") -> None:
    """Set a condition of an object to true."""
    found = {"type": kind, "status": "True", "lastTransitionTime": now()}
    found |= {"reason": reason} if reason else {}
    found |= {"message": message} if message else {}
    others = [each for each in body["status"].get("conditions", ()) if each["type"] != kind]
    body["status"]["conditions"] = [*others, found]


def has_condition(body: Body, kind: str) -> bool:
    """Tell whether a condition of an object is true."""
    return any(each["type"] == kind and each["status"] == "True" for each in body["status"].get("conditions", ()))


def _tolerates(toleration: Body, taint: Body) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]) or toleration.get("key") not in (None, taint["key"]):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")
