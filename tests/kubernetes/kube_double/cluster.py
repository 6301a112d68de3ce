"""KubeDouble: the cluster as a test sees it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from kube_double.admission import RESTRICTED
from kube_double.faults import Fault
from kube_double.http import serve
from kube_double.jobs import JobController, delete_pod
from kube_double.node import ENDED, Node, condition
from kube_double.objects import Body, Objects, shown
from kube_double.schemas import versions
from kube_double.server import ApiServer

_TICK = 0.02
_SECONDS = 120.0


class KubeDouble:
    """A cluster of one node with the namespace `default`; it runs while the context is open.

    Args:
        folder: for the scratch folders of pods.
        version: of Kubernetes; by default the newest that there are schemas of.
        tls: how the API server proves who it is, and who it listens to; without, it speaks plain HTTP.
    """

    def __init__(self, folder: Path, version: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.objects = Objects()
        self._offset = 0.0
        self.node = Node(self.objects, folder, self._clock)
        self.api = ApiServer(self.objects, self.node, version or versions()[-1])
        self._jobs = JobController(self.objects, self._clock)
        self._stop = threading.Event()
        self._server = serve(self.api, tls)
        self._scheme = "https" if tls else "http"
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._server.serve_forever, self._work)
        ]
        self._broken: BaseException | None = None
        self.add_namespace("default")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.api.closing.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        self.node.stop()
        if self._broken:
            raise self._broken

    @property
    def url(self) -> str:
        """Address of the API server."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def faults(self) -> list[Fault]:
        """Calls that fail; add to it."""
        return self.api.faults

    @property
    def calls(self) -> list[tuple[str, str, int]]:
        """Method, path and answer of every call so far; the answer to one that broke is 0."""
        return self.api.calls

    def write_kubeconfig(self, path: Path, *, namespace: str = "", token: str = "good-token") -> Path:
        """Write a file such as `~/.kube/config` that leads here."""
        context = {"cluster": "double", "user": "tester", **({"namespace": namespace} if namespace else {})}
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "double",
            "clusters": [{"name": "double", "cluster": {"server": self.url}}],
            "users": [{"name": "tester", "user": {"token": token}}],
            "contexts": [{"name": "double", "context": context}],
        }
        path.write_text(yaml.safe_dump(text), "utf-8")
        return path

    def add_namespace(self, name: str, *, restricted: bool = False) -> None:
        """Make a namespace; a restricted one enforces that Pod Security standard."""
        labels = {"kubernetes.io/metadata.name": name, **({RESTRICTED: "restricted"} if restricted else {})}
        self.objects.add("namespaces", "", {"metadata": {"name": name, "labels": labels}})
        self.objects.add("serviceaccounts", name, {"metadata": {"name": "default"}})

    def add(self, resource: str, namespace: str, name: str, **fields: Any) -> Body:
        """Make an object without any check."""
        return self.objects.add(resource, namespace, {"metadata": {"name": name}, **fields})

    def set_quota(self, namespace: str, hard: Mapping[str, str]) -> None:
        """Limit what a namespace may hold."""
        self.add("resourcequotas", namespace, "quota", spec={"hard": dict(hard)})

    def all(self, resource: str, namespace: str = "") -> list[Body]:
        """Return copies of the objects of a resource."""
        return [shown(body) for body in self.objects.all(resource, namespace)]

    def wait_for(self, what: Callable[[], Any], seconds: float = _SECONDS) -> Any:
        """Wait until a function, which may call the API, returns something true, and return that."""
        until = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < until, f"it did not happen; the cluster holds {self._summary()}"
            with self.objects.changed:  # it is not held while the API is called
                self.objects.changed.wait(0.05)
        return found

    def running_pod(self, namespace: str = "") -> Body:
        """Wait for a pod to run that is not about to end, and return it as kept."""

        def find() -> Body | None:
            return next(
                (
                    pod
                    for pod in self.objects.all("pods", namespace)
                    if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
                ),
                None,
            )

        found: Body = self.wait_for(find)
        return found

    def preempt(self, pod: Body, reason: str = "PreemptionByScheduler") -> None:
        """End a pod with grace, to make room for another one (or for the reason given)."""
        with self.objects.changed:
            condition(pod, "DisruptionTarget", reason, "preempting to accommodate a higher priority pod")
            delete_pod(self.objects, pod)

    def pass_time(self, seconds: float) -> None:
        """Let the cluster's clock go forward."""
        self._offset += seconds

    def ended(self, pod: Body) -> bool:
        """Tell whether a pod has ended, or is gone."""
        return pod["status"].get("phase") in ENDED or not any(each is pod for each in self.objects.all("pods"))

    def _clock(self) -> float:
        return time.monotonic() + self._offset

    def _work(self) -> None:
        while not self._stop.wait(_TICK):
            try:
                with self.objects.changed:
                    self._jobs.tick()
                    self.node.tick()
            except BaseException as error:
                self._broken = error  # told when the context ends
                return

    def _summary(self) -> list[str]:
        return [
            f"{resource}/{body['metadata']['name']}: {body.get('status') or body.get('message')}"
            for resource in ("jobs", "pods", "events")
            for body in self.objects.all(resource)
        ]
